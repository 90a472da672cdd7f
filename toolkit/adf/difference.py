"""In what two readings of a factory differ, apart from what the service or the studio adds by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.pipelines.documents import Path, json_path
from toolkit.pipelines.model import Factory, Kind, Resource

Change = Literal["only-left", "only-right", "differs"]
# The service's own; whether a trigger runs is no part of its definition.
_OWN = frozenset({"lastPublishTime", "etag", "runtimeState", "provisioningState", "encryptedCredential", "state"})
# Of a resource's outermost properties: a factory's other ones say where it is, not what it does.
_COMPARED: tuple[Kind, ...] = (
    "linkedService",
    "dataset",
    "dataflow",
    "pipeline",
    "trigger",
    "credential",
    "integrationRuntime",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """``paths``: where, within the properties."""

    kind: Kind
    name: str
    change: Change
    left: Resource | None
    right: Resource | None
    paths: tuple[Path, ...] = ()

    @property
    def places(self) -> str:
        shown = [json_path(path) for path in self.paths[:3]]
        more = len(self.paths) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def differences(
    left: Factory, right: Factory, kinds: Sequence[Kind] = _COMPARED, *, said_only: bool = False
) -> list[Difference]:
    """By kind, then by name. A value that only a deployment knows (a template's parameter) equals any other.

    ``said_only``: what ``left`` does not say makes no difference, since the service may have added it.
    """
    return list(_differences(left, right, kinds, said_only))


def _differences(left: Factory, right: Factory, kinds: Sequence[Kind], said_only: bool) -> Iterator[Difference]:
    for kind in kinds:
        names = {one.name.lower(): one.name for one in (*right.of(kind), *left.of(kind))}
        for key in sorted(names):
            ours, theirs = left.find(kind, key), right.find(kind, key)
            if ours is None or theirs is None:
                change: Change = "only-left" if theirs is None else "only-right"
                yield Difference(kind, names[key], change, ours, theirs)
            elif paths := tuple(_unequal(ours.properties.value, theirs.properties.value, (), said_only)):
                yield Difference(kind, names[key], "differs", ours, theirs, paths)


def _unequal(left: Any, right: Any, path: Path, said_only: bool) -> Iterator[Path]:
    if _deployed(left) or _deployed(right):
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left if said_only else dict.fromkeys((*left, *right)):
            if key not in _OWN:
                yield from _unequal(_meaning(left.get(key)), _meaning(right.get(key)), (*path, key), said_only)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for position, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _unequal(one, other, (*path, position), said_only)
    elif left != right:
        yield path


def _meaning(value: Any) -> Any:
    """Nothing, and an empty list, object or text, say the same."""
    return None if value in ([], {}, "") else value


def _deployed(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("[") and value.endswith("]") and "parameters(" in value
