"""What activities that hold others share."""

from __future__ import annotations

from typing import Any

from toolkit.pipelines.expressions.values import type_name
from toolkit.records import Json
from toolkit.sandbox.datafactory.execution import Frame, Outcome, Step, run_activities
from toolkit.sandbox.datafactory.failures import ActivityFailed


async def run_inner(step: Step, activities: list[Json], frame: Frame) -> None:
    """Raises the failure of the container when one of its activities fails."""
    raise_inner(await run_activities(step.run, activities, frame))


def raise_inner(outcome: Outcome) -> None:
    if outcome.failed is not None:
        name, error = outcome.failed
        raise ActivityFailed(
            "ActionFailed",
            f"Activity failed because an inner activity failed; Inner activity name: {name}, Error: "
            f"{error.get('message', '')}",
        )


def boolean(step: Step, name: str) -> bool:
    value = step.value(name)
    if not isinstance(value, bool):
        raise ActivityFailed(
            "InvalidTemplate",
            f"The property '{name}' of '{step.name}' must be an expression whose value is a boolean, and is of type "
            f"'{type_name(value)}'.",
        )
    return value


def items_of(step: Step) -> list[Any]:
    """The service asks for the array's length first, and so fails with that function's sentence:
    https://github.com/MicrosoftDocs/azure-docs/issues/25107"""
    items = step.value("items")
    if not isinstance(items, list):
        raise ActivityFailed(
            "InvalidTemplate",
            "The function 'length' expects its parameter to be an array or a string. The provided value is of type "
            f"'{type_name(items)}'.",
        )
    return items
