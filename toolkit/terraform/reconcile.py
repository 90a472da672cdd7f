"""A plan of now against one that was agreed to: whether it does the same or less, attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import RefusedError
from toolkit.records import Json
from toolkit.terraform.plan import ResourceChange, summarise

# What a provider answers is no part of what was agreed to: azapi's `output` is the answer to a request.
_ANSWERS = frozenset({"output"})


class _Unknown:
    """A value that is only known after the apply."""


UNKNOWN = _Unknown()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """``same`` addresses change as they were to change; ``gone`` no longer have to (what happened meanwhile); ``more``
    are what the plan of now does and the agreed one does not, in words without a value."""

    same: tuple[str, ...]
    gone: tuple[str, ...]
    more: tuple[str, ...]

    @property
    def smaller(self) -> bool:
        """The same, or less."""
        return not self.more

    def lines(self) -> list[str]:
        said = f"{len(self.same)} of {len(self.same) + len(self.gone)} agreed changes are still to be made"
        return [
            said,
            *(f"  no longer: {one}" for one in self.gone),
            *(f"  not agreed to: {one}" for one in self.more),
        ]

    def as_json(self) -> Json:
        return {"same": list(self.same), "gone": list(self.gone), "more": list(self.more)}


def reconcile(agreed: Json, fresh: Json) -> Reconciled:
    """Both are JSON documents of plans."""
    old, new = _changes(agreed), _changes(fresh)
    more: list[str] = []
    same, gone = [], []
    for address, (change, attributes) in new.items():
        if address not in old:
            more.append(f"{change.action} {address}")
            continue
        agreed_change, agreed_attributes = old[address]
        if change.action != agreed_change.action:
            more.append(f"{change.action} {address}, which was to {agreed_change.action}")
            continue
        wrong = list(_larger(agreed_attributes, attributes))
        more += [f"{change.action} {address}: {one}" for one in wrong]
        if not wrong:
            same.append(f"{change.action} {address}")
            gone += [
                f"{change.action} {address}: {path}"
                for path in agreed_attributes
                if path not in attributes and agreed_attributes[path] is not UNKNOWN
            ]
    gone += [f"{change.action} {address}" for address, (change, _) in old.items() if address not in new]
    outputs = [name for name in _outputs(fresh) if name not in _outputs(agreed)]
    more += [f"change the output {name}" for name in outputs]
    return Reconciled(tuple(same), tuple(gone), tuple(more))


def refuse_more(found: Reconciled, env: str) -> None:
    """Raises RefusedError for a plan of now that does more than was agreed to."""
    if not found.smaller:
        raise RefusedError(
            f"nothing was changed in {env}: a plan of now does what the handed-over one does not\n"
            + "\n".join(found.lines()),
            hint=f"look at it and agree to it: toolkit plan {env}",
        )


def _changes(document: Json) -> dict[str, tuple[ResourceChange, dict[str, Any]]]:
    """What is to be done, by address, with the attributes that it sets."""
    items = {item["address"]: item["change"] for item in document.get("resource_changes", []) if "deposed" not in item}
    return {
        change.address: (change, dict(_attributes(change.action, items[change.address])))
        for change in summarise(document).changes
        if change.address in items
    }


def _attributes(action: str, change: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if action == "delete":
        return
    before = change.get("before") if action == "update" else None
    for key, value, was, unknown in _pairs(change.get("after"), before, change.get("after_unknown")):
        if key not in _ANSWERS:
            yield from _leaves(key, value, was, unknown)


def _pairs(after: Any, before: Any, unknown: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    after, before = (one if isinstance(one, dict) else {} for one in (after, before))
    marks = unknown if isinstance(unknown, dict) else {}
    for key in sorted({*after, *before, *(name for name, mark in marks.items() if mark)}):
        yield key, after.get(key), before.get(key), unknown if unknown is True else marks.get(key)


def _leaves(path: str, value: Any, was: Any, unknown: Any) -> Iterator[tuple[str, Any]]:
    """The values that differ from what is there; lists as a whole, since their order counts."""
    if unknown is True:
        yield path, UNKNOWN
    elif isinstance(value, dict) or (value is None and isinstance(unknown, dict) and unknown):
        for key, inner, before, mark in _pairs(value, was, unknown):
            yield from _leaves(f"{path}.{key}", inner, before, mark)
    elif isinstance(value, list):
        if value != was or _any(unknown):
            yield path, UNKNOWN if _any(unknown) and value != was else value
    elif value != was:
        yield path, value


def _any(marks: Any) -> bool:
    if isinstance(marks, dict):
        return any(_any(one) for one in marks.values())
    return any(_any(one) for one in marks) if isinstance(marks, list) else marks is True


def _larger(agreed: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[str]:
    """What is known by now was to be found out by the apply, and is no other value."""
    for path, value in fresh.items():
        if path not in agreed:
            if any(agreed.get(parent) is UNKNOWN for parent in _parents(path)):
                continue
            yield f"{path} is set, which was to stay"
        elif agreed[path] is UNKNOWN:
            continue
        elif value is UNKNOWN:
            yield f"{path} is not known yet, and was"
        elif value != agreed[path]:
            yield f"{path} gets another value"


def _parents(path: str) -> Iterator[str]:
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _outputs(document: Json) -> list[str]:
    return [name for name, one in document.get("output_changes", {}).items() if one["actions"] != ["no-op"]]
