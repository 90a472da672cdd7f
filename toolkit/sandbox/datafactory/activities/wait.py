"""Wait: https://learn.microsoft.com/azure/data-factory/control-flow-wait-activity"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import wrong_type


async def wait(step: Step) -> Json:
    seconds = step.value("waitTimeInSeconds")
    step.show_input({"waitTimeInSeconds": seconds})
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 0:
        raise wrong_type("waitTimeInSeconds", "a number of seconds")
    await step.run.engine.clock.sleep(seconds)
    return {}
