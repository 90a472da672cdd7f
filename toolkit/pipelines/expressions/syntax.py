"""The parts that a parsed definition consists of. ``position`` counts characters of the definition's string from 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, number, boolean or null in an expression."""

    value: Any
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """``name(argument, …)``; the name as it was written."""

    name: str
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Property:
    """``target.name``, or ``target?.name`` when optional."""

    target: Node
    name: str
    optional: bool
    position: int


@dataclass(frozen=True, slots=True)
class Index:
    """``target[index]``, or ``target?[index]`` when optional."""

    target: Node
    index: Node
    optional: bool
    position: int


Node = Constant | Call | Property | Index


@dataclass(frozen=True, slots=True)
class Literal:
    """Text without an expression in it, with ``@@`` taken off."""

    value: str


@dataclass(frozen=True, slots=True)
class Expression:
    """``@…``: its value has a type of its own. ``text`` is what error sentences show."""

    node: Node
    text: str


@dataclass(frozen=True, slots=True)
class Interpolation:
    """Text with ``@{…}`` in it: its value is always a string."""

    parts: tuple[str | Expression, ...]


Parsed = Literal | Expression | Interpolation
