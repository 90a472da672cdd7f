"""Fail: https://learn.microsoft.com/azure/data-factory/control-flow-fail-activity"""

from __future__ import annotations

from toolkit.pipelines.expressions.values import as_text
from toolkit.records import Json
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed


async def fail(step: Step) -> Json:
    message, code = as_text(step.value("message")), as_text(step.value("errorCode"))
    step.show_input({"message": message, "errorCode": code})
    raise ActivityFailed(code, message, output={"message": message, "errorCode": code})
