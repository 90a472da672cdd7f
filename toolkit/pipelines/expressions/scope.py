"""What an expression can see where it stands: parameters, variables, outputs of activities, the item of a loop.

https://learn.microsoft.com/azure/data-factory/control-flow-system-variables
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

NOTHING: Any = object()  # "no item here": null is an item


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """``None`` stands for "there is none here": ``item()`` outside of a loop, ``dataset()`` outside of a dataset.

    ``pipeline`` is what ``pipeline()`` answers: system variables (``RunId``, …), ``parameters``, ``globalParameters``.
    ``activities`` has what ``activity('name')`` answers: ``output``, ``error``, ``status`` and so on.
    """

    pipeline: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] | None = None
    activities: Mapping[str, Mapping[str, Any]] | None = None
    item: Any = NOTHING
    trigger: Mapping[str, Any] | None = None
    dataset: Mapping[str, Any] | None = None
    linked_service: Mapping[str, Any] | None = None
    now: Callable[[], datetime] = field(default=_now)

    def with_item(self, item: Any) -> Scope:
        """Inside of a loop. The inner loop's item hides the outer one's."""
        return replace(self, item=item)


_UNSET: dict[str, Any] = {"string": "", "array": [], "integer": 0, "int": 0, "boolean": False, "bool": False}


def unset_variable(kind: str) -> Any:
    """What a variable without a default value holds: never null, which variables do not have. Seen on Azure:
    https://github.com/microsoft/data-factory-testing-framework/pull/123
    """
    value = _UNSET.get(kind.lower())
    return [] if value == [] else value
