"""The variable files that people write: ``envs/common.tfvars`` and ``envs/<env>/terraform.tfvars``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.environment.file import read_text
from toolkit.environment.model import Environment
from toolkit.environment.types import Type, Variable
from toolkit.errors import UsageError, nearest

if TYPE_CHECKING:
    from lark import Tree


def variable_files(environment: Environment) -> tuple[Path, Path]:
    """What people write: for all environments, then for this one."""
    return environment.project.envs_dir / "common.tfvars", environment.folder / "terraform.tfvars"


def read_variables(path: Path, root: Path) -> dict[str, Any]:
    """The variables of one file, none when there is no such file. Raises UsageError for one that is no HCL."""
    if not path.is_file():
        return {}
    import hcl2  # here: --help does not pay for its grammar

    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True, preserve_heredocs=False
    )
    variables: dict[str, Any] = hcl2.serialize(hcl2.transform(_tree(path, root)), serialization_options=options)
    return variables


def unknown_keys(environment: Environment, variables: Sequence[Variable]) -> list[str]:
    """One line for each key that no variable's type names, at every depth, and for each required one that is missing.

    Raises UsageError for a file that is no HCL, and for variable files beside ours, which nothing would read.
    """
    root = environment.project.root
    _refuse_other_files(environment)
    types: dict[str, list[Type]] = {}
    for variable in variables:
        types.setdefault(variable.name, []).append(variable.type)
    problems = []
    for path in variable_files(environment):
        if path.is_file():
            shown = path.relative_to(root)
            for line, problem in _problems(_Value.of_file(_tree(path, root)), types):
                problems.append(f"{shown}:{line}: {problem}")
    return problems


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a variable file with its line; ``items`` are an object's, ``elements`` a list's."""

    line: int
    items: Sequence[tuple[str, _Value]] | None = None
    elements: Sequence[_Value] = ()

    @classmethod
    def of_file(cls, tree: Tree[Any]) -> _Value:
        pairs = [(_name(a.children[0]), _value(a.children[-1], a.meta.line)) for a in tree.children[0].children
                 if getattr(a, "data", "") == "attribute"]  # fmt: skip
        return cls(1, pairs)


def _value(tree: Tree[Any], line: int) -> _Value:
    inner = next((c for c in tree.children if getattr(c, "data", "") in ("object", "tuple")), None)
    if inner is None:
        return _Value(line)
    if inner.data == "tuple":
        return _Value(
            line,
            elements=[_value(c, c.meta.line) for c in inner.children if getattr(c, "data", "") == "expr_term"],
        )
    elements = [c for c in inner.children if getattr(c, "data", "") == "object_elem"]
    return _Value(line, [(_name(e.children[0]), _value(e.children[-1], e.meta.line)) for e in elements])


def _name(tree: Tree[Any]) -> str:
    """An identifier or a quoted string, as text."""
    return "".join(str(token) for token in tree.scan_values(lambda token: getattr(token, "type", "") != "DBLQUOTE"))


def _problems(file: _Value, types: dict[str, list[Type]]) -> Iterator[tuple[int, str]]:
    for name, value in file.items or ():
        if name not in types:
            where = "a variable of terraform/bootstrap or terraform/platform"
            yield value.line, f"{name} is not {where}{_meant(name, types)}"
        else:
            yield from _of_type(name, value, types[name])


def _of_type(key: str, value: _Value, types: list[Type]) -> Iterator[tuple[int, str]]:
    """What no type knows. A variable of both roots may have two: each root takes what it needs."""
    if value.items is not None and any(t.kind == "object" for t in types):
        known: dict[str, list[Type]] = {}
        for constraint in types:
            for name, inner in constraint.attributes.items():
                known.setdefault(name, []).append(inner)
        for name, item in value.items:
            if name not in known:
                yield item.line, f"{key}.{name} is not a known key{_meant(name, known)}"
            else:
                yield from _of_type(f"{key}.{name}", item, known[name])
        given = {name for name, _ in value.items}
        for name, inners in known.items():
            if name not in given and not all(inner.optional for inner in inners):
                yield value.line, f"{key}.{name} is missing"
        return
    inner_types = [t.element for t in types if t.element is not None]
    if inner_types:
        for name, item in value.items or ():
            yield from _of_type(f"{key}.{name}", item, inner_types)
        for number, item in enumerate(value.elements):
            yield from _of_type(f"{key}.{number}", item, inner_types)


def _meant(name: str, known: Sequence[str] | dict[str, Any]) -> str:
    close = nearest(name, known)
    return f": did you mean {close}?" if close else f": known are {', '.join(sorted(known))}"


def _refuse_other_files(environment: Environment) -> None:
    ours = set(variable_files(environment))
    for folder in (environment.project.envs_dir, environment.folder):
        for path in sorted(p for pattern in ("*.tfvars", "*.tfvars.json") for p in folder.glob(pattern)):
            if path not in ours:
                raise UsageError(
                    f"{path.relative_to(environment.project.root)} is read by nothing",
                    hint=f"move its variables into envs/{environment.data_name}/terraform.tfvars or envs/common.tfvars",
                )


def _tree(path: Path, root: Path) -> Tree[Any]:
    import hcl2
    from lark.exceptions import UnexpectedInput

    shown = path.relative_to(root)
    try:
        text = read_text(path, root)
        tree: Tree[Any] = hcl2.parses_to_tree(text)
    except UnexpectedInput as error:
        if name := _foreign_name(text.splitlines(), error.line, error.column):
            raise UsageError(
                f"{shown}:{error.line}: {name} is a name with letters outside ASCII, which must be in quotes",
                hint=f'write "{name}" = … (a key of a map); the names of variables and of their keys are ASCII',
            ) from None
        raise UsageError(
            f"{shown}:{error.line}: not valid HCL", hint=f"terraform fmt {shown} says what is wrong"
        ) from None
    return tree


def _foreign_name(lines: Sequence[str], line: int, column: int) -> str | None:
    """Terraform takes ``größe = 1``, the parser does not: its identifiers are ASCII. The name where it stopped."""
    if not 0 < line <= len(lines):
        return None
    words = re.finditer(r"[^\W\d][\w-]*", lines[line - 1])
    return next((w[0] for w in words if w.start() < column <= w.end() and not w[0].isascii()), None)
