"""SetVariable, and a pipeline's return values.

https://learn.microsoft.com/azure/data-factory/control-flow-set-variable-activity
https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-return-value
"""

from __future__ import annotations

from typing import Any

from toolkit.pipelines.expressions.values import type_name
from toolkit.records import Json
from toolkit.sandbox.datafactory.execution import Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, required

_TYPES = {"string": str, "boolean": bool, "bool": bool, "integer": int, "int": int, "array": list}


async def set_variable(step: Step) -> Json:
    name = step.properties.get("variableName")
    if step.properties.get("setSystemVariable"):
        returned = {str(pair["key"]): _returned(step, pair.get("value")) for pair in step.properties.get("value") or ()}
        step.show_input({"variableName": name, "value": returned})
        step.run.return_value.update(returned)
        return {"name": name, "value": returned}
    if not name:
        raise required("variableName")
    value = step.value("value")
    step.show_input({"variableName": name, "value": value})
    step.run.variables[declared(step, str(name))] = fitting(step, str(name), value)
    return {"name": name, "value": value}


def _returned(step: Step, value: Any) -> Any:
    """A return value is ``{"type": …, "content": …}``: an expression, a literal, or null."""
    if not isinstance(value, dict) or "type" not in value:
        return step.evaluated(value)
    if value["type"] == "Null":
        return None
    content = value.get("content")
    if value["type"] == "Array" and isinstance(content, list):
        return [_returned(step, item) for item in content]
    if value["type"] == "Object" and isinstance(content, list):
        return {str(pair["key"]): _returned(step, pair.get("value")) for pair in content}
    return step.evaluated(content)


def declared(step: Step, name: str) -> str:
    """The variable as the pipeline declares it; letter case does not matter."""
    for known in step.run.variables:
        if known.lower() == name.lower():
            return known
    raise ActivityFailed(
        "BadRequest", f"The variable '{name}' is not defined in the pipeline '{step.run.pipeline.name}'."
    )


def fitting(step: Step, name: str, value: Any) -> Any:
    """Of the variable's type; the sentence is (inferred)."""
    declaration = (step.run.pipeline.properties.get("variables") or {}).get(declared(step, name)) or {}
    kind = str(declaration.get("type", "String"))
    wanted = _TYPES.get(kind.lower(), str)
    if isinstance(value, wanted) and not (wanted is int and isinstance(value, bool)):
        return value
    raise ActivityFailed(
        "InvalidTemplate",
        f"The variable '{name}' of type '{kind}' cannot be initialized or updated with value of type "
        f"'{type_name(value)}'. The variable '{name}' only supports values of types '{kind}'.",
    )
