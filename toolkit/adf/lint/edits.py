"""Changes to JSON text that leave everything else as it is written: indentation, order, spaces, line ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from toolkit.adf.lint.model import Edit, Move, Remove, SetValue
from toolkit.pipelines.documents import Document, Path, parse_document


def apply_edits(text: str, edits: Sequence[Edit], file: str = "") -> str:
    """In order; an edit whose place is gone, because an earlier one changed it, does nothing."""
    for edit in edits:
        document = parse_document(text, file)
        match edit:
            case SetValue(path, value):
                text = _set(document, path, json.dumps(value, ensure_ascii=False))
            case Remove(path):
                text = _remove(document, path)
            case Move(path, to):
                text = _move(document, path, to)
    return text


def _move(document: Document, path: Path, to: Path) -> str:
    if path not in document.spans:
        return document.text
    span = document.span(path)
    written = document.text[span.start : span.end]
    rest = parse_document(_remove(document, path), document.file)
    return _set(rest, (*to, path[-1]), written)


def _set(document: Document, path: Path, written: str) -> str:
    text = document.text
    if path in document.spans:
        span = document.span(path)
        return text[: span.start] + written + text[span.end :]
    *outer, key = path
    around = tuple(outer)
    if around not in document.spans:
        return _set(document, around, json.dumps({key: json.loads(written)}, ensure_ascii=False))
    if not isinstance(_value(document, around), dict):
        return text
    member = f"{json.dumps(key, ensure_ascii=False)}: {written}"
    span = document.span(around)
    last = _last_member(document, around)
    if last is None:
        return f"{text[: span.start]}{{{member}}}{text[span.end :]}"
    known = document.span(last)
    assert known.key is not None
    return f"{text[: known.end]},{_before(text, known.key)}{member}{text[known.end :]}"


def _remove(document: Document, path: Path) -> str:
    if path not in document.spans or not path:
        return document.text
    text, span = document.text, document.span(path)
    start, end = (span.start if span.key is None else span.key), span.end
    behind = _skip(text, end)
    if text[behind] == ",":
        return text[:start] + text[_skip(text, behind + 1) :]
    before = len(text[:start].rstrip())
    if text[before - 1] == ",":
        return text[: before - 1] + text[end:]
    return text[:before] + text[behind:]  # the only one


def _last_member(document: Document, path: Path) -> Path | None:
    value = _value(document, path)
    return (*path, list(value)[-1]) if value else None


def _value(document: Document, path: Path) -> Any:
    node = document.root.get(*path)
    return node.value if node is not None else None


def _before(text: str, at: int) -> str:
    """What stands between the sign before a member and the member: a line end and its indentation, as a rule."""
    return text[len(text[:at].rstrip()) : at] or " "


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
