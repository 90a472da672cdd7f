"""AppendVariable: https://learn.microsoft.com/azure/data-factory/control-flow-append-variable-activity"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.set_variable import declared
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, required


async def append_variable(step: Step) -> Json:
    name = step.properties.get("variableName")
    if not name:
        raise required("variableName")
    value = step.value("value")
    step.show_input({"variableName": name, "value": value})
    known = declared(step, str(name))
    standing = step.run.variables[known]
    if not isinstance(standing, list):
        raise ActivityFailed("BadRequest", f"The variable '{name}' is no array: only to an array can be appended.")
    step.run.variables[known] = [*standing, value]
    return {"name": name, "value": value}
