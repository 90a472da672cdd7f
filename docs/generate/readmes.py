"""Each module's README: the tables of what it makes, takes and gives, between the markers that terraform-docs uses.

What stands outside of the markers is written by hand: purpose, example, advice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import hcl2

from toolkit.errors import ToolkitError
from toolkit.project import Project

BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"

_OPTIONS = hcl2.SerializationOptions(
    with_comments=False, explicit_blocks=False, strip_string_quotes=True, preserve_heredocs=False, wrap_objects=False
)


@dataclass(frozen=True)
class Module:
    """What the .tf files of one folder declare."""

    folder: Path

    @cached_property
    def _documents(self) -> list[dict[str, Any]]:
        return [
            hcl2.loads(file.read_text(encoding="utf-8"), serialization_options=_OPTIONS)
            for file in sorted(self.folder.glob("*.tf"))
        ]

    def blocks(self, kind: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
        """Labels and body of every block of one kind, in the order of the files."""
        labels = {"resource": 2, "data": 2, "ephemeral": 2, "variable": 1, "output": 1, "module": 1}[kind]
        for document in self._documents:
            for block in document.get(kind, []):
                names, body = [], block
                for _ in range(labels):
                    ((name, body),) = body.items()
                    names.append(name)
                yield names, body


def module_folders(terraform_dir: Path) -> list[Path]:
    """Every module and the modules inside of one, in alphabetical order."""
    modules = terraform_dir / "modules"
    return sorted({file.parent for pattern in ("*/*.tf", "*/modules/*/*.tf") for file in modules.glob(pattern)})


def module_readmes(project: Project) -> dict[Path, str]:
    """The README of every module with fresh tables. Raises ToolkitError for one without a README or markers."""
    readmes = {}
    for folder in module_folders(project.terraform_dir):
        file = folder / "README.md"
        path = file.relative_to(project.root)
        if not file.is_file():
            raise ToolkitError(f"{path} is missing", hint=f"write its purpose and an example, then {BEGIN} and {END}")
        before, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
        _, end, after = rest.partition(END)
        if not (begin and end):
            raise ToolkitError(f"{path} has no place for its tables", hint=f"add the lines {BEGIN} and {END}")
        readmes[path] = f"{before}{BEGIN}\n{tables(Module(folder))}{END}{after}"
    return readmes


def tables(module: Module) -> str:
    """Resources, inputs and outputs as Markdown."""
    resources = [
        _row(_code(".".join([*(["data"] if kind == "data" else []), *labels])), _code(body.get("type", "")))
        for kind in ("resource", "data", "ephemeral")
        for labels, body in module.blocks(kind)
    ]
    modules = [_row(_code(f"module.{labels[0]}"), _code(body["source"])) for labels, body in module.blocks("module")]
    inputs = [
        _row(_code(labels[0]), cell_type(body.get("type", "any")), cell_default(body), cell_words(body["description"]))
        for labels, body in module.blocks("variable")
    ]
    outputs = [_row(_code(labels[0]), cell_words(body["description"])) for labels, body in module.blocks("output")]
    return "".join(
        [
            _table("What it makes", ["resource", "type"], [*resources, *modules], "Nothing."),
            _table("Inputs", ["name", "type", "default", "description"], inputs, "None."),
            _table("Outputs", ["name", "description"], outputs, "None."),
        ]
    )


def _table(title: str, columns: list[str], rows: list[str], nothing: str) -> str:
    if not rows:
        return f"## {title}\n\n{nothing}\n\n"
    head = f"{_row(*columns)}|{'---|' * len(columns)}\n"
    return f"## {title}\n\n{head}{''.join(rows)}\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _expression(text: str) -> str:
    return text[2:-1] if text.startswith("${") and text.endswith("}") and text.count("${") == 1 else text


def _code(text: str) -> str:
    escaped = _expression(text).replace("|", "\\|")
    return f"`{escaped}`" if escaped else ""


def cell_type(text: str) -> str:
    return _code(text)


def cell_default(body: dict[str, Any]) -> str:
    if "default" not in body:
        return "required"
    value = body["default"]
    return _code(value if isinstance(value, str) and value.startswith("${") else json.dumps(value))


def cell_words(text: str) -> str:
    """One cell: a description's bullets are rows in it."""
    lines = [line.strip() for line in text.split("\n")]
    bullets = " ".join(f"<br>• {line[2:]}" if line.startswith("* ") else line for line in lines if line)
    return " ".join(bullets.split()).replace(" <br>", "<br>").replace("|", "\\|")
