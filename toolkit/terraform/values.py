"""What differs between the two sides of a planned change, value by value, and without a secret.

A plan's JSON (https://developer.hashicorp.com/terraform/internals/json-format#change-representation) has ``before`` and
``after``, what of them is sensitive (``before_sensitive``, ``after_sensitive``), and what is only known after the apply
(``after_unknown``); the marks have the form of the values, or are true for everything below. A value that is marked, or
that looks like a secret or stands under a secret's name (:mod:`toolkit.masking`), never leaves this module.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from toolkit.masking import MASK, masked_document

# Of a list's elements; "set" is a value that gets another one, "order" the same elements in another order.
Kind = Literal["set", "add", "remove", "order"]

SENSITIVE = "(sensitive)"
UNKNOWN = "(known after apply)"
NOT_SET = "(not set)"
OUTSIDE = "changed outside Terraform"

# Under what name an element of a list is known to people, the first that all of its elements have.
_IDENTITIES = ("name", "id", "key", "value", "ipMask", "subnetId", "categoryGroup", "category")
# Words that every rule of a list carries, and that say nothing beside its address.
_WITHOUT_SAYING = {"action": "Allow"}
# Where the properties of a resource stand in what azapi declares.
_CONTAINERS = ("body", "properties")
_WIDEST = 160


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value. ``path`` is the whole one (``body.properties.networkAcls.ipRules``); an element of a list of objects
    stands in brackets by its name (``subnets[batch]``), in ``add`` and ``remove`` it is the value itself.

    ``before`` and ``after`` are plain data, None where there is nothing, secrets replaced. ``outside``: what is there
    now was not made by Terraform. ``note`` says what else a person should know of it.
    """

    path: str
    kind: Kind
    before: Any = None
    after: Any = None
    unknown: bool = False
    sensitive: bool = False
    outside: bool = False
    note: str | None = None

    @property
    def name(self) -> str:
        """The path as people know it: without what azapi wraps a resource's properties into."""
        parts = self.path.split(".")
        while len(parts) > 1 and parts[0] in _CONTAINERS:
            parts.pop(0)
        return ".".join(parts)

    def __str__(self) -> str:
        if self.sensitive and self.kind in ("add", "remove"):
            words = f"{self.name} {_SIGNS[self.kind]} {SENSITIVE}"
        elif self.kind == "add":
            words = f"{self.name} + {UNKNOWN if self.unknown else element(self.after)}"
        elif self.kind == "remove":
            words = f"{self.name} - {element(self.before)}"
        elif self.kind == "order":
            words = f"{self.name} in another order"
        elif self.sensitive:
            words = f"{self.name} {SENSITIVE} -> {UNKNOWN if self.unknown else SENSITIVE}"
        else:
            words = f"{self.name} {shown(self.before)} -> {UNKNOWN if self.unknown else shown(self.after)}"
        outside = f" ({OUTSIDE})" if self.outside else ""
        return f"{words.lstrip()}{outside}{f': {self.note}' if self.note else ''}"


_SIGNS = {"add": "+", "remove": "-"}


def value_changes(change: Mapping[str, Any], drift: Mapping[str, Any] | None = None) -> tuple[ValueChange, ...]:
    """Of one ``change`` of a plan's JSON document (of a resource or an output), in the order of the paths.

    ``drift``: the change of the same address in ``resource_drift``, whose values are marked as changed outside. What
    azapi reads back (``output``), and the id that a replacement gets, is the answer, not the question, and left out.
    """
    found = tuple(_of_change(change))
    if drift is None:
        return found
    # A value that somebody set is found there under its path; an element that somebody added by itself.
    moved = {_place(one) for one in _of_change(drift)}
    return tuple(replace(one, outside=True) if _place(one) in moved else one for one in found)


def _place(one: ValueChange) -> tuple[str, str]:
    if one.kind == "set":
        return one.path, ""
    # Somebody's addition is what the plan removes, and the other way round.
    return one.path, json.dumps(one.before if one.kind == "remove" else one.after, sort_keys=True, default=str)


def element(value: Any) -> str:
    """An element of a list: by its name alone where that says all (``203.0.113.9``)."""
    if isinstance(value, Mapping):
        known = next((key for key in _IDENTITIES if isinstance(value.get(key), str)), None)
        if known is not None:
            rest = {
                key: item
                for key, item in value.items()
                if key != known and item not in (None, {}, [], "") and _WITHOUT_SAYING.get(key) != item
            }
            return f"{value[known]}{f' {_compact(rest)}' if rest else ''}"
    return shown(value)


def shown(value: Any) -> str:
    """A value in one line: texts bare, the rest as JSON."""
    if value is None:
        return NOT_SET
    if isinstance(value, str):
        line = " ".join(value.split())
        return _cut(line) if line else '""'
    return _compact(value)


def _compact(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 2]} …"


def _of_change(change: Mapping[str, Any]) -> Iterator[ValueChange]:
    old = _Side(change.get("before"), change.get("before_sensitive", False))
    new = _Side(change.get("after"), change.get("after_sensitive", False), change.get("after_unknown", False))
    yield from _differences("", old, new)


@dataclass(frozen=True, slots=True)
class _Side:
    """A value with its marks. ``name`` is what it stands under: its key, and its element's name in a list."""

    value: Any
    sensitive: Any = False
    unknown: Any = False
    name: str = ""

    def below(self, key: str | int | None, name: str) -> _Side:
        """With None, nothing: the other side has no such element."""
        if key is None:
            return _Side(None, name=name)
        return _Side(_at(self.value, key), _at(self.sensitive, key), _at(self.unknown, key), name)

    @property
    def safe(self) -> Any:
        return _safe(self.value, self.sensitive, self.name)

    @property
    def elements(self) -> list[Any]:
        return self.value or []


def _differences(path: str, old: _Side, new: _Side) -> Iterator[ValueChange]:
    sides = (old.value, new.value)
    if new.unknown is True:
        hidden = old.sensitive is True or new.sensitive is True or old.safe == MASK
        yield ValueChange(path, "set", old.safe, None, unknown=True, sensitive=hidden)
    elif old.sensitive is True or new.sensitive is True:
        if sides[0] != sides[1]:
            old_word, new_word = (None if side is None else SENSITIVE for side in sides)
            yield ValueChange(path, "set", old_word, new_word, sensitive=True)
    elif _both(sides, dict):
        yield from _objects(path, old, new)
    elif _both(sides, list):
        yield from _lists(path, old, new)
    elif sides[0] != sides[1]:
        yield _set(path, old, new)


def _objects(path: str, old: _Side, new: _Side) -> Iterator[ValueChange]:
    unknown = new.unknown.keys() if isinstance(new.unknown, dict) else ()
    keys = {*(old.value or {}), *(new.value or {}), *unknown}
    for key in sorted(keys):
        computed = key == "output" or (key == "id" and _at(new.unknown, key) is True)
        if path or not computed:
            # The value of a pair is as secret as its name says: an app's settings are such pairs.
            name = f"{old.name} {key}" if key == "value" else key
            yield from _differences(f"{path}.{key}" if path else key, old.below(key, name), new.below(key, name))
    if not keys and old.value != new.value:
        yield _set(path, old, new)


def _lists(path: str, old: _Side, new: _Side) -> Iterator[ValueChange]:
    pending = [at for at in range(len(new.elements)) if _at(new.unknown, at) is True]
    known = [one for at, one in enumerate(new.elements) if at not in pending]
    identity = _identity(old.elements, known)
    keys = [[_key(one, identity) for one in side.elements] for side in (old, new)]
    kept = Counter(keys[0]) & Counter(key for at, key in enumerate(keys[1]) if at not in pending)
    rest: list[list[int]] = []
    shared: list[list[int]] = []
    for side in keys:
        left = Counter(kept)
        rest.append([])
        shared.append([])
        for at, key in enumerate(side):
            (shared if left[key] > 0 else rest)[-1].append(at)
            left[key] -= 1
    for at in rest[0]:
        one = old.below(at, _name(old.elements[at], old.name))
        yield ValueChange(path, "remove", one.safe, None, sensitive=one.sensitive is True or one.safe == MASK)
    for at in rest[1]:
        one = new.below(at, _name(new.elements[at], new.name))
        hidden = one.sensitive is True or one.safe == MASK
        yield ValueChange(path, "add", None, one.safe, unknown=one.unknown is True, sensitive=hidden)
    places = {keys[1][at]: at for at in shared[1]}
    if identity is not None:
        for at in shared[0]:
            name = keys[0][at]
            yield from _differences(f"{path}[{name}]", old.below(at, name), new.below(places[name], name))
    if [keys[0][at] for at in shared[0]] != [keys[1][at] for at in shared[1]]:
        yield ValueChange(path, "order")
    if not keys[0] and not keys[1] and old.value != new.value:
        yield _set(path, old, new)


def _set(path: str, old: _Side, new: _Side) -> ValueChange:
    return ValueChange(path, "set", old.safe, new.safe, sensitive=MASK in (old.safe, new.safe))


def _both(sides: tuple[Any, Any], kind: type) -> bool:
    """Whether each is of the kind, or nothing, and not both nothing."""
    return any(isinstance(side, kind) for side in sides) and all(isinstance(side, kind | None) for side in sides)


def _identity(old: Sequence[Any], new: Sequence[Any]) -> str | None:
    """The key that tells the elements of both lists apart."""

    def tells(key: str) -> bool:
        names = [[one.get(key) if isinstance(one, dict) else None for one in side] for side in (old, new)]
        return all(isinstance(name, str) for side in names for name in side) and all(
            len(set(side)) == len(side) for side in names
        )

    return next((key for key in _IDENTITIES if tells(key)), None) if old or new else None


def _key(one: Any, identity: str | None) -> str:
    if identity is not None:
        return str(one[identity]) if isinstance(one, dict) else ""
    return json.dumps(one, sort_keys=True, default=str)


def _name(one: Any, otherwise: str) -> str:
    return (
        str(next((one[key] for key in ("name", "key") if isinstance(one.get(key), str)), otherwise))
        if isinstance(one, dict)
        else otherwise
    )


def _at(value: Any, key: str | int) -> Any:
    """Below true is true; None where there is nothing."""
    if value is True:
        return True
    if isinstance(key, str):
        return value.get(key) if isinstance(value, dict) else None
    return value[key] if isinstance(value, list) and key < len(value) else None


def _safe(value: Any, marks: Any, name: str) -> Any:
    if marks is True:
        return None if value is None else SENSITIVE
    if isinstance(value, dict):
        own = _name(value, name)
        return {
            key: _safe(one, _at(marks, key), f"{own} {key}" if key == "value" else key) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_safe(one, _at(marks, at), name) for at, one in enumerate(value)]
    return next(iter(masked_document({name: value}).values()))
