"""A resource as it was meant against the resource as Azure answers it: what differs, by Azure's idea of equality.

What the configuration says must be so, and lists hold exactly what it says. What it leaves unsaid must be what Azure
fills in (:data:`FILLED`) or nothing: whatever else stands there was put there by somebody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from toolkit.live.filled import FILLED, UNREADABLE
from toolkit.live.meant import MASK, digest
from toolkit.records import Json

_KEYS = ("name", "id", "categoryGroup", "category", "value", "ipAddress", "ipv4Address", "key")
_WORD = re.compile(r"[\w .:/-]*")


@dataclass(frozen=True, slots=True)
class Difference:
    """``path`` is dotted, with the name of a list's item in brackets; None where the side has nothing."""

    path: str
    meant: Any
    live: Any


def differences(type_: str, meant: Json, live: Mapping[str, Any], *, whole: bool = True) -> Iterator[Difference]:
    """What differs. With ``whole`` False, what is unsaid at the top is somebody else's to say."""
    rules = _Rules(type_.casefold(), whole)
    yield from rules.compare(meant, live, "")


@dataclass(frozen=True, slots=True)
class _Rules:
    type: str
    whole: bool

    def compare(self, meant: Any, live: Any, path: str) -> Iterator[Difference]:
        if self.listed(UNREADABLE, path):
            return
        if isinstance(meant, Mapping) and isinstance(live, Mapping):
            for name in meant:
                yield from self.compare(meant[name], _get(live, name), _join(path, name))
            said = {name.casefold() for name in meant}
            for name in live:
                if name.casefold() not in said:
                    yield from self.unsaid(live[name], _join(path, name))
        elif isinstance(meant, list) and isinstance(live, list):
            yield from self.lists(meant, live, path)
        elif not same(meant, live):
            yield Difference(path, meant, live)

    def lists(self, meant: list[Any], live: list[Any], path: str) -> Iterator[Difference]:
        key = _key_of([*meant, *live])
        if key is None:
            if all(not isinstance(one, dict | list) for one in (*meant, *live)):
                if sorted(map(_plain, meant)) != sorted(map(_plain, live)):
                    yield Difference(path, meant, live)
            elif len(meant) != len(live):
                yield Difference(path, meant, live)
            else:
                for number, (one, other) in enumerate(zip(meant, live, strict=True)):
                    yield from self.compare(one, other, f"{path}[{number}]")
            return
        ours, theirs = ({str(one[key]).casefold(): one for one in some} for some in (meant, live))
        for name in {**ours, **theirs}:
            here = f"{path}[{name}]"
            if name not in ours:
                yield from () if self.listed(FILLED, here) else [Difference(here, None, theirs[name])]
            elif name not in theirs:
                yield Difference(here, ours[name], None)
            else:
                yield from self.compare(ours[name], theirs[name], here)

    def unsaid(self, live: Any, path: str) -> Iterator[Difference]:
        if not self.whole or neutral(live) or self.listed(FILLED, path):
            return
        if isinstance(live, Mapping):
            for name in live:
                yield from self.unsaid(live[name], _join(path, name))
        else:
            yield Difference(path, None, live)

    def listed(self, table: Mapping[str, Sequence[str]], path: str) -> bool:
        plain = re.sub(r"\[[^\]]*\]", "[]", path).casefold()
        return any(fnmatchcase(plain, _pattern(one)) for key in ("*", self.type) for one in table.get(key, ()))


def _pattern(path: str) -> str:
    return path.casefold().replace("[]", "[[]]")


def same(meant: Any, live: Any) -> bool:
    """Azure writes ids, enumerations and addresses with letters of its own case; nothing, null and empty are one."""
    if neutral(meant) and neutral(live):
        return True
    if isinstance(meant, str) and isinstance(live, str):
        if meant.startswith(MASK) and not live.startswith(MASK):
            return meant == digest(live)
        return meant == live or (_plain(meant) == _plain(live) and bool(_WORD.fullmatch(meant)))
    return bool(meant == live)


def neutral(value: Any) -> bool:
    """What says nothing: an empty or missing value, off, none."""
    if isinstance(value, Mapping):
        return all(neutral(inner) for inner in value.values())
    return value is None or value is False or value in ("", [], 0, "None", "Disabled", "Off")


def _plain(value: Any) -> str:
    return str(value).casefold().rstrip("/")


def _get(document: Mapping[str, Any], name: str) -> Any:
    if name in document:
        return document[name]
    return next((value for key, value in document.items() if key.casefold() == name.casefold()), None)


def _key_of(items: Sequence[Any]) -> str | None:
    """What tells the items of a list apart, when each has it."""
    if not items or not all(isinstance(one, dict) for one in items):
        return None
    return next(
        (key for key in _KEYS if all(isinstance(one.get(key), str) for one in items)),
        None,
    )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
