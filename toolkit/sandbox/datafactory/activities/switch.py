"""Switch: https://learn.microsoft.com/azure/data-factory/control-flow-switch-activity"""

from __future__ import annotations

from toolkit.pipelines.expressions.values import type_name
from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.containers import run_inner
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed


async def switch(step: Step) -> Json:
    value = step.value("on")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ActivityFailed(
            "InvalidTemplate", f"'on' must be a string or an integer, and is of type '{type_name(value)}'."
        )
    step.show_input({"on": value})
    chosen = next((case for case in step.properties.get("cases") or () if str(case.get("value")) == str(value)), None)
    activities = chosen.get("activities") if chosen else step.properties.get("defaultActivities")
    await run_inner(step, list(activities or ()), step.frame.inner())
    return {"expressionResult": str(value)}
