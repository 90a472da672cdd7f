"""Files that say what is changed for an environment when a Git-mode folder is deployed (azure.datafactory.tools).

``deployment/*.csv`` has the columns type, name, path and value; ``deployment/*.json`` has, by resource, a list of
objects with ``name`` (the path), ``value`` and ``action``.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from toolkit.adf.lint.model import Hit, Rule, Subject
from toolkit.pipelines.documents import Document, InvalidDocument, Node, read_document
from toolkit.pipelines.model import ARM_TYPES, Factory, Resource

_SOURCE = "https://github.com/Azure-Player/azure.datafactory.tools"
_COLUMNS = ["type", "name", "path", "value"]
# A member, quoted or not, or an element: by its position, or by its name as activities have one.
_STEP = re.compile(r"""\[(?P<position>\d+)\]|\[?(?P<quote>["'])(?P<quoted>.+?)(?P=quote)\]?|(?P<plain>[^.\[\]"']+)""")


def configurations(subject: Subject) -> Iterator[Hit]:
    if subject.factory.origin != "git":
        return
    folder = Path(subject.factory.where) / "deployment"
    for file in sorted(folder.glob("*.csv")):
        yield from _csv(subject.factory, file)
    for file in sorted(folder.glob("*.json")):
        yield from _json(subject.factory, file)


def _csv(factory: Factory, file: Path) -> Iterator[Hit]:
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    rows = list(csv.reader(lines))
    if not rows or rows[0] != _COLUMNS:
        yield _at(file, 1, f"the columns are {', '.join(_COLUMNS)}")
        return
    for number, row in enumerate(rows[1:], start=2):
        if not row or row[0].startswith("#"):
            continue
        if len(row) != len(_COLUMNS) or not all(row[:3]):
            yield _at(file, number, "a row has a type, a name, a path and a value")
        elif what := _wrong(factory, row[0], row[1], row[2]):
            yield _at(file, number, what)


def _json(factory: Factory, file: Path) -> Iterator[Hit]:
    try:
        document = read_document(file, str(file))
    except InvalidDocument as error:
        yield _at(file, error.line, error.what)
        return
    for node in document.root.items():
        for item in node.items():
            path, action = item.text("name") or "", item.text("action") or "update"
            sign = {"add": "+", "remove": "-"}.get(action, "")
            if what := _wrong(factory, "*", str(node.key), f"{sign}{path}"):
                yield Hit(item, what)


def _wrong(factory: Factory, type_: str, name: str, path: str) -> str | None:
    kinds = [kind for kind in ARM_TYPES if type_ in ("*", kind) or type_.lower() == kind.lower()]
    if not kinds:
        return f"{type_!r} is no kind of resource"
    kind_of_name, _, rest = name.rpartition(".")
    found = [
        one
        for kind in kinds
        for one in factory.of(kind)
        if fnmatchcase(one.name.lower(), (rest if kind_of_name.lower() == kind.lower() else name).lower())
    ]
    if not found:
        return f"there is no {'resource' if type_ == '*' else type_} {name}"
    if path.startswith("+"):
        return None
    missing = [one for one in found if not _has(one, path.lstrip("-"))]
    return f"{missing[0].label} has no {path.lstrip('-')}" if missing else None


def _has(resource: Resource, path: str) -> bool:
    value: Any = resource.properties.value
    for step in _STEP.finditer(path.removeprefix("$.properties.").removeprefix("$.")):
        name = step["quoted"] or step["plain"]
        if isinstance(value, list) and step["position"]:
            value = value[int(step["position"])] if int(step["position"]) < len(value) else None
        elif isinstance(value, list):
            value = next((one for one in value if isinstance(one, dict) and one.get("name") == name), None)
        else:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            return False
    return True


def _at(file: Path, line: int, what: str) -> Hit:
    """A place in a file that is no JSON."""
    return Hit(Node(Document(str(file), "\n" * (line - 1) + json.dumps(0), 0), (), 0), what)


RULES: tuple[Rule, ...] = (
    Rule(
        "deployment-configuration", "error",
        "What a deployment changes for an environment is there (deployment/*.csv, *.json of azure.datafactory.tools).",
        "The deployment stops half-way, or goes on with the value of another environment.",
        "Correct the name or the path; + before a path adds, - removes.", _SOURCE, configurations,
        known_as="Test-AdfCode",
    ),
)  # fmt: skip
