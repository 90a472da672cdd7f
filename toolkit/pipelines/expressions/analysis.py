"""An expression looked at without a run: what is wrong with it, and what it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from toolkit.pipelines.expressions.errors import ParseError
from toolkit.pipelines.expressions.evaluator import unknown_function, wrong_count
from toolkit.pipelines.expressions.functions.registry import function_named
from toolkit.pipelines.expressions.parser import parse
from toolkit.pipelines.expressions.references import REFERENCES
from toolkit.pipelines.expressions.syntax import Call, Constant, Expression, Index, Interpolation, Node, Property

ProblemKind = Literal["parse", "unknown-function", "argument-count"]
# fmt: off
ReferenceKind = Literal[
    "activity", "parameter", "globalParameter", "variable", "system", "item", "trigger", "triggerBody", "dataset",
    "linkedService",
]
# fmt: on


@dataclass(frozen=True, slots=True)
class Problem:
    """``position`` counts characters of the definition's string from 0."""

    kind: ProblemKind
    message: str
    position: int


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that an expression names. ``name`` is None when it is computed; of ``item``, ``trigger`` and so on it
    is the first property that is read, or None when all of it is. ``path`` are the properties and indexes read from it
    after that, as far as they are written out; ``optional`` says that the first of them may be missing (``?.``).
    """

    kind: ReferenceKind
    name: str | None
    path: tuple[str | int, ...]
    position: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """``dynamic``: there is an expression in it at all. ``functions`` are named as they were written."""

    dynamic: bool
    problems: tuple[Problem, ...]
    references: tuple[Reference, ...]
    functions: tuple[str, ...]


@lru_cache(maxsize=8192)
def analyse(text: str) -> Analysis:
    """What can be said about a string of a definition."""
    if "@" not in text:
        return Analysis(False, (), (), ())
    try:
        parsed = parse(text)
    except ParseError as error:
        return Analysis(True, (Problem("parse", str(error), error.position),), (), ())
    nodes: list[Node] = []
    if isinstance(parsed, Expression):
        nodes = [parsed.node]
    elif isinstance(parsed, Interpolation):
        nodes = [part.node for part in parsed.parts if isinstance(part, Expression)]
    problems: list[Problem] = []
    references: list[Reference] = []
    functions: list[str] = []
    for node in nodes:
        references += _references(node)
        for call in _calls(node):
            functions.append(call.name)
            problems += _problems(call)
    return Analysis(bool(nodes), tuple(problems), tuple(references), tuple(functions))


def _problems(call: Call) -> Iterator[Problem]:
    function, reference = function_named(call.name), REFERENCES.get(call.name.lower())
    count = len(call.arguments)
    if function is None and reference is None:
        yield Problem("unknown-function", unknown_function(call.name), call.position)
    elif function is not None and not function.accepts(count):
        takes = f"it takes {function.arguments}"
        yield Problem("argument-count", f"{wrong_count(function.name, count)}: {takes}.", call.position)
    elif reference is not None and count != reference[1]:
        yield Problem("argument-count", f"{wrong_count(reference[0], count)}: it takes {reference[1]}.", call.position)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Call():
            return node.arguments
        case Property():
            return (node.target,)
        case Index():
            return (node.target, node.index)
        case _:
            return ()


def _calls(node: Node) -> Iterator[Call]:
    if isinstance(node, Call):
        yield node
    for child in _children(node):
        yield from _calls(child)


def _references(node: Node) -> Iterator[Reference]:
    """Of the outermost selection down: ``activity('a').output.b`` is one reference with a path."""
    base, path, optional = _selection(node)
    if isinstance(base, Call):
        reference = REFERENCES.get(base.name.lower())
        if reference is not None:
            yield _reference(reference[0], base, path, optional)
        for argument in base.arguments:
            yield from _references(argument)
    for index in _indexes(node):
        yield from _references(index)


def _selection(node: Node) -> tuple[Node, list[tuple[str | int | None, bool]], bool]:
    """(what is selected from, the steps with whether each is optional, whether the first one is)."""
    steps: list[tuple[str | int | None, bool]] = []
    while isinstance(node, Property | Index):
        if isinstance(node, Property):
            steps.append((node.name, node.optional))
        else:
            known = isinstance(node.index, Constant) and isinstance(node.index.value, str | int)
            steps.append((node.index.value if known else None, node.optional))  # type: ignore[union-attr]
        node = node.target
    steps.reverse()
    return node, steps, bool(steps) and steps[0][1]


def _indexes(node: Node) -> Iterator[Node]:
    while isinstance(node, Property | Index):
        if isinstance(node, Index):
            yield node.index
        node = node.target


_PARAMETERS: dict[str, ReferenceKind] = {"parameters": "parameter", "globalparameters": "globalParameter"}
_NAMED: dict[str, ReferenceKind] = {"activity": "activity", "variables": "variable"}
_PLAIN: dict[str, ReferenceKind] = {
    "item": "item",
    "trigger": "trigger",
    "triggerBody": "triggerBody",
    "dataset": "dataset",
    "linkedService": "linkedService",
}


def _reference(name: str, call: Call, steps: list[tuple[str | int | None, bool]], optional: bool) -> Reference:
    names = [step for step, _ in steps]
    if name in _NAMED:
        argument = call.arguments[0] if call.arguments else None
        known = isinstance(argument, Constant) and isinstance(argument.value, str)
        found = argument.value if known else None  # type: ignore[union-attr]
        return Reference(_NAMED[name], found, _written(names), call.position, optional)
    first = str(names[0]) if names and names[0] is not None else None
    if name != "pipeline":
        return Reference(_PLAIN[name], first, _written(names[1:]), call.position, optional)
    kind = _PARAMETERS.get((first or "").lower())
    if kind is None:
        return Reference("system", first, _written(names[1:]), call.position, optional)
    found = str(names[1]) if len(names) > 1 and names[1] is not None else None
    return Reference(kind, found, _written(names[2:]), call.position, len(steps) > 1 and steps[1][1])


def _written(names: list[str | int | None]) -> tuple[str | int, ...]:
    """The steps up to the first computed one."""
    path: list[str | int] = []
    for name in names:
        if name is None:
            break
        path.append(name)
    return tuple(path)
