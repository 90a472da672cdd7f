"""JSON documents that know where everything in them is written.

Values come from the standard library's parser, and positions from a second pass that runs only when somebody asks for
one: a factory of hundreds of files is read at the parser's speed, and only files with findings pay for lines.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in the module, absent from its stub
from pathlib import Path as FilePath
from typing import Any

Key = str | int
Path = tuple[Key, ...]

_PLAIN_KEY = re.compile(r"^[A-Za-z_$][A-Za-z0-9_$]*$")
_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^,\]}\s]+")


def json_path(path: Path) -> str:
    """``$.properties.activities[0]``, as JSONPath writes it (RFC 9535)."""
    parts = ["$"]
    for key in path:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif _PLAIN_KEY.match(key):
            parts.append(f".{key}")
        else:
            escaped = key.replace("\\", "\\\\").replace("'", "\\'")
            parts.append(f"['{escaped}']")
    return "".join(parts)


class InvalidDocument(Exception):
    """A text that is no JSON: what is wrong, and where."""

    def __init__(self, file: str, what: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{file}:{line}:{column}: {what}")
        self.file, self.what, self.line, self.column = file, what, line, column


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets into the text: of a member's key (None for an element), and of the value's first and behind its last."""

    key: int | None
    start: int
    end: int


@dataclass(eq=False)
class Document:
    """One parsed text. ``file`` is what people are shown: a path, or the name of a live resource.

    ``value`` is what the text says, after ARM's functions are resolved in a template: its shape is the text's.
    """

    file: str
    text: str
    value: Any
    repeated: bool = False
    path: FilePath | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def _index(self) -> tuple[dict[Path, Span], list[tuple[Path, int]]]:
        return _scan(self.text)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @property
    def spans(self) -> Mapping[Path, Span]:
        return self._index[0]

    @property
    def repetitions(self) -> list[tuple[Path, int]]:
        """Members that an object has twice, of which parsers keep the last: path, and offset of the lost key."""
        return self._index[1] if self.repeated else []

    def span(self, path: Path) -> Span:
        """Of the path, or of the nearest thing around it when it is not there."""
        while path and path not in self.spans:
            path = path[:-1]
        return self.spans[path]

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column, both from 1, of a member's key or of an element."""
        span = self.span(path)
        return self.line_column(span.start if span.key is None else span.key)

    def line_column(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    @property
    def root(self) -> Node:
        return Node(self, (), self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value together with where it is written."""

    document: Document
    path: Path
    value: Any

    def get(self, *keys: Key) -> Node | None:
        """What lies there, or None when the way ends earlier."""
        value = self.value
        for key in keys:
            match value, key:
                case dict(), str() if key in value:
                    value = value[key]
                case list(), int() if 0 <= key < len(value):
                    value = value[key]
                case _:
                    return None
        return Node(self.document, (*self.path, *keys), value)

    def text(self, *keys: Key) -> str | None:
        found = self.get(*keys)
        return found.value if found is not None and isinstance(found.value, str) else None

    def at(self, *keys: Key) -> Node:
        """What lies there, or a node without value that stands where it should be."""
        return self.get(*keys) or Node(self.document, (*self.path, *keys), None)

    def items(self) -> Iterator[Node]:
        """The elements of a list, or the values of an object's members; of anything else, nothing."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield Node(self.document, (*self.path, key), value)
        elif isinstance(self.value, list):
            for position, value in enumerate(self.value):
                yield Node(self.document, (*self.path, position), value)

    def walk(self) -> Iterator[tuple[Path, Any]]:
        """Everything below and itself, with paths from the document's root; each before what it holds."""
        waiting: list[tuple[Path, Any]] = [(self.path, self.value)]
        while waiting:
            path, value = waiting.pop()
            yield path, value
            if isinstance(value, dict):
                waiting.extend(((*path, key), inner) for key, inner in reversed(value.items()))
            elif isinstance(value, list):
                waiting.extend(((*path, at), value[at]) for at in range(len(value) - 1, -1, -1))

    @property
    def key(self) -> Key:
        return self.path[-1] if self.path else "$"

    @property
    def line(self) -> int:
        return self.document.position(self.path)[0]

    @property
    def where(self) -> str:
        return f"{self.document.file}:{self.line}"


def read_document(path: FilePath, file: str) -> Document:
    """Raises InvalidDocument, and OSError from the disk."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidDocument(file, f"is not UTF-8: byte {data[error.start]:#04x}", line) from error
    document = parse_document(text, file)
    document.path = path
    return document


def parse_document(text: str, file: str) -> Document:
    """Raises InvalidDocument."""
    repeated = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) != len(pairs)
        return found

    try:
        value = json.loads(text, object_pairs_hook=members, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidDocument(file, _words(error), error.lineno, error.colno) from error
    except RecursionError as error:
        raise InvalidDocument(file, "is nested deeper than any definition") from error
    except ValueError as error:  # a number of thousands of digits, or NaN
        raise InvalidDocument(file, str(error)) from error
    return Document(file, text, value, repeated)


def document_of(value: Any, file: str) -> Document:
    """What came over the wire, written out so that lines mean something."""
    return Document(file, json.dumps(value, indent=2, ensure_ascii=False), value)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _words(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "is empty"
    return f"is no JSON: {error.msg[0].lower()}{error.msg[1:]}"


def _scan(text: str) -> tuple[dict[Path, Span], list[tuple[Path, int]]]:
    """Where each value of a text that is known to be JSON is written."""
    spans: dict[Path, Span] = {}
    repetitions: list[tuple[Path, int]] = []

    def skip(at: int) -> int:
        return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches the empty string, too

    def value(at: int, path: Path, key: int | None) -> int:
        start = at = skip(at)
        opening = text[at]
        if opening == "{":
            at = skip(at + 1)
            while text[at] != "}":
                name_at = at
                name, at = scanstring(text, at + 1)
                inner = (*path, name)
                if inner in spans:
                    lost = spans[inner].key
                    repetitions.append((inner, name_at if lost is None else lost))
                    _forget(spans, inner)
                at = skip(value(skip(at) + 1, inner, name_at))
                if text[at] == ",":
                    at = skip(at + 1)
            at += 1
        elif opening == "[":
            at, position = skip(at + 1), 0
            while text[at] != "]":
                at = skip(value(at, (*path, position), None))
                position += 1
                if text[at] == ",":
                    at = skip(at + 1)
            at += 1
        elif opening == '"':
            at = scanstring(text, at + 1)[1]
        else:
            at = _SCALAR.match(text, at).end()  # type: ignore[union-attr]  # JSON has something here
        spans[path] = Span(key, start, at)
        return at

    value(0, (), None)
    return spans, repetitions


def _forget(spans: dict[Path, Span], path: Path) -> None:
    for known in [known for known in spans if known[: len(path)] == path]:
        del spans[known]
