"""What a rule is, what it is given, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from toolkit.pipelines.documents import Document, Node, Path, json_path
from toolkit.pipelines.model import Activity, Factory, Reference, Resource, references

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class SetValue:
    """Give a member this value; it and the objects around it are made where they are missing."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Remove:
    path: Path


@dataclass(frozen=True, slots=True)
class Move:
    """A member with its text, to be the last one of another object."""

    path: Path
    to: Path


Edit = SetValue | Remove | Move


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule does not hold, and what is there. ``edits`` mend it, when no judgement is needed."""

    node: Node
    what: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """``what`` says what holds when nothing is found; ``consequence`` what happens otherwise; ``fix`` what to do.

    ``refused``: Data Factory itself refuses it when it is saved, published or run. ``known_as``: in public checks.
    """

    id: str
    severity: Severity
    what: str
    consequence: str
    fix: str
    source: str
    check: Callable[[Subject], Iterable[Hit]]
    refused: bool = False
    fixable: bool = False
    known_as: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    rule: Rule
    file: str
    line: int
    column: int
    path: str
    what: str
    document: Document | None = None
    edits: tuple[Edit, ...] = ()


@dataclass(eq=False)
class Subject:
    """A factory under examination, with what several rules ask of it. ``published`` is what it is compared with."""

    factory: Factory
    published: Factory | None = None
    # What the rules of one family keep from each other's work.
    notes: dict[str, Any] = field(default_factory=dict)
    _walked: dict[int, list[tuple[Path, Any]]] = field(default_factory=dict)
    _texts: dict[int, list[tuple[Path, str]]] = field(default_factory=dict)

    @cached_property
    def activities(self) -> list[Activity]:
        return [activity for pipeline in self.factory.pipelines for activity in pipeline.all_activities]

    def activities_of(self, *types: str) -> Iterator[Activity]:
        return (activity for activity in self.activities if activity.type in types)

    def walked(self, resource: Resource) -> Sequence[tuple[Path, Any]]:
        """Everything below a resource's properties; walked once, since several rules look at it."""
        key = id(resource)
        if key not in self._walked:
            self._walked[key] = list(resource.properties.walk())
        return self._walked[key]

    def texts(self, resource: Resource) -> Sequence[tuple[Path, str]]:
        """Every string below a resource's properties."""
        key = id(resource)
        if key not in self._texts:
            self._texts[key] = [(path, value) for path, value in self.walked(resource) if isinstance(value, str)]
        return self._texts[key]

    @cached_property
    def references(self) -> list[tuple[Resource, Reference]]:
        """Who refers to what."""
        return [
            (resource, one)
            for resource in self.factory.all
            for one in references(resource.properties, self.walked(resource))
        ]

    @cached_property
    def used(self) -> set[tuple[str, str]]:
        """(kind, name in lower case) of everything that something else refers to."""
        return {(one.kind, one.name.lower()) for _, one in self.references}


def finding(rule: Rule, hit: Hit) -> Finding:
    document = hit.node.document
    line, column = document.position(hit.node.path)
    return Finding(rule, document.file, line, column, json_path(hit.node.path), hit.what, document, hit.edits)


def is_expression(value: object) -> bool:
    """``@…`` or a text with ``@{…}``: https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions"""
    return isinstance(value, str) and ((value.startswith("@") and not value.startswith("@@")) or "@{" in value)


def content(value: Any) -> Any:
    """What a value is without its wrapping: ``{"value": …, "type": "Expression"}`` is its value."""
    if isinstance(value, dict) and value.get("type") in ("Expression", "SecureString") and "value" in value:
        return value["value"]
    return value


def number(value: Any) -> float | None:
    """A number, also one that is written as text; None for anything else, an expression among it."""
    value = content(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def truth(value: Any) -> bool | None:
    """A boolean, also one that is written as text; None for anything else."""
    value = content(value)
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None
