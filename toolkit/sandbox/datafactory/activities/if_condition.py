"""IfCondition: https://learn.microsoft.com/azure/data-factory/control-flow-if-condition-activity"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.containers import boolean, run_inner
from toolkit.sandbox.datafactory.execution import Step


async def if_condition(step: Step) -> Json:
    holds = boolean(step, "expression")
    step.show_input({"expression": holds})
    branch = "ifTrueActivities" if holds else "ifFalseActivities"
    await run_inner(step, list(step.properties.get(branch) or ()), step.frame.inner())
    return {"expressionResult": holds}
