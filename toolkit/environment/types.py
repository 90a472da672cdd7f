"""The types that terraform/*/variables*.tf declare: what may stand in the variable files, at every depth.

Terraform converts a value to its variable's type, and drops the attributes of an object that the type does not name:
https://developer.hashicorp.com/terraform/language/expressions/type-constraints#conversion-of-complex-types
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*|[^\s]')
_COLLECTIONS = ("list", "set", "map")


@dataclass(frozen=True, slots=True)
class Type:
    """One type constraint. ``element`` is of a list, set or map; ``attributes`` of an object.

    ``default``: of an optional attribute, as it is written; None where it has none, which makes it null.
    """

    kind: str
    element: Type | None = None
    attributes: Mapping[str, Type] = field(default_factory=dict)
    optional: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a root, as its block declares it."""

    name: str
    root: str
    type: Type
    block: Mapping[str, Any] = field(repr=False)


def declared(terraform_dir: Path, root: str) -> list[Variable]:
    """Every variable of a root, in the order of its files."""
    found = []
    for file in sorted((terraform_dir / root).glob("*.tf")):
        if re.search(r'^variable\s+"', file.read_text(encoding="utf-8"), re.MULTILINE):
            for named in parse_file(file).get("variable", []):
                ((name, block),) = named.items()
                found.append(Variable(name, root, parse(block.get("type", "any")), block))
    return found


def parse_file(file: Path) -> dict[str, Any]:
    """A .tf file as Terraform's JSON syntax would have it: expressions are templates, ``${…}``."""
    import hcl2  # here: --help does not pay for its grammar

    options = hcl2.SerializationOptions(
        with_comments=False,
        explicit_blocks=False,
        strip_string_quotes=True,
        preserve_heredocs=False,
        wrap_objects=False,
    )
    document: dict[str, Any] = hcl2.loads(file.read_text(encoding="utf-8"), serialization_options=options)
    return document


def parse(text: str) -> Type:
    """``object({ sku = string, rules = optional(set(string), []) })`` as a tree."""
    return _type(_Tokens(_TOKEN.findall(text.removeprefix("${").removesuffix("}") if text[:2] == "${" else text)))


class _Tokens:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def skip(self, *tokens: str) -> None:
        while self.peek() in tokens:
            self._at += 1

    def skip_expression(self) -> str:
        """To the bracket that closes what is open: a default may hold anything. The answer is what was skipped."""
        depth, skipped = 0, ""
        while depth or self.peek() != ")":
            word = self.next()
            depth += (word in "([{") - (word in ")]}")
            skipped += f"{word} " if word in (",", "=") else word
        return skipped.strip()


def _type(tokens: _Tokens) -> Type:
    word = tokens.next()
    if tokens.peek() != "(":
        return Type(word)
    tokens.next()
    if word == "optional":
        inner = _type(tokens)
        default = tokens.skip_expression().removeprefix(",").strip() or None
        tokens.next()
        return Type(inner.kind, inner.element, inner.attributes, optional=True, default=default)
    if word == "object":
        result = Type("object", attributes=dict(_attributes(tokens)))
    elif word in _COLLECTIONS:
        result = Type(word, element=_type(tokens))
    else:  # tuple: its elements have no names to misspell
        tokens.skip_expression()
        result = Type(word)
    tokens.next()
    return result


def _attributes(tokens: _Tokens) -> Iterator[tuple[str, Type]]:
    tokens.skip("{", ",")
    while tokens.peek() != "}":
        name = tokens.next().strip('"')
        tokens.skip("=", ":")
        yield name, _type(tokens)
        tokens.skip(",")
    tokens.next()
