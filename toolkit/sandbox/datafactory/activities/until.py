"""Until: runs its activities until the expression holds, and fails when its time is over.

https://learn.microsoft.com/azure/data-factory/control-flow-until-activity: an inner activity's failure does not end the
loop; when the expression holds, what the last iteration gave is the loop's own result (inferred).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.containers import boolean, raise_inner
from toolkit.sandbox.datafactory.durations import seconds_of
from toolkit.sandbox.datafactory.execution import Step, run_activities
from toolkit.sandbox.datafactory.failures import ActivityFailed

_DEFAULT_TIMEOUT = "7.00:00:00"


async def until(step: Step) -> Json:
    limit = seconds_of(step.value("timeout") or _DEFAULT_TIMEOUT, "timeout")
    activities = list(step.properties.get("activities") or ())
    clock = step.run.engine.clock
    loop = asyncio.ensure_future(_loop(step, activities))
    timer = asyncio.ensure_future(clock.sleep(limit))
    try:
        await asyncio.wait({loop, timer}, return_when=asyncio.FIRST_COMPLETED)
        if loop.done():
            loop.result()
            return {}
        raise ActivityFailed("ActivityTimedOut", f"The loop did not end within its timeout of {limit:.0f} seconds.")
    finally:
        loop.cancel()
        timer.cancel()
        await asyncio.gather(loop, timer, return_exceptions=True)


async def _loop(step: Step, activities: list[Json]) -> None:
    iteration = 0
    while True:
        frame = replace(step.frame.inner(), iteration=f"{step.frame.iteration}/{step.name}[{iteration}]")
        outcome = await run_activities(step.run, activities, frame)
        if boolean(replace(step, frame=frame), "expression"):
            raise_inner(outcome)
            return
        iteration += 1
        await asyncio.sleep(0)
