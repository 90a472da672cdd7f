"""ForEach: https://learn.microsoft.com/azure/data-factory/control-flow-for-each-activity

Iterations in order (isSequential), or ``batchCount`` of them at once (20 unless given, 50 at most). One that fails does
not stop the others (inferred); the loop fails when any of them does.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.containers import items_of, raise_inner
from toolkit.sandbox.datafactory.execution import Outcome, Step, run_activities
from toolkit.sandbox.datafactory.failures import wrong_type

_BATCH, _MOST, _ITEMS = 20, 50, 100_000


async def for_each(step: Step) -> Json:
    items = items_of(step)
    if len(items) > _ITEMS:
        raise wrong_type("items", f"an array of at most {_ITEMS} items")
    at_once = 1 if step.value("isSequential") is True else _batch_count(step)
    step.show_input({"ItemsCount": len(items)})
    activities = list(step.properties.get("activities") or ())
    places = asyncio.Semaphore(at_once)
    outcomes: dict[int, Outcome] = {}

    async def one(number: int, item: Any) -> None:
        async with places:
            frame = replace(step.frame.inner(item=item), iteration=f"{step.frame.iteration}/{step.name}[{number}]")
            outcomes[number] = await run_activities(step.run, activities, frame)

    async with asyncio.TaskGroup() as group:
        for number, item in enumerate(items):
            group.create_task(one(number, item))
    for number in sorted(outcomes):
        raise_inner(outcomes[number])
    return {}


def _batch_count(step: Step) -> int:
    count = step.value("batchCount")
    if count is None:
        return _BATCH
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST:
        raise wrong_type("batchCount", f"an integer from 1 to {_MOST}")
    return count
