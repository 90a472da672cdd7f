"""Calls that name what stands around an expression: ``pipeline()``, ``activity('…')`` and so on.

https://learn.microsoft.com/azure/data-factory/control-flow-system-variables, and
https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger for ``triggerBody()``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.scope import NOTHING, Scope


def _pipeline(scope: Scope, expression: str) -> Any:
    return _there("pipeline", scope.pipeline, expression)


def _dataset(scope: Scope, expression: str) -> Any:
    return _there("dataset", scope.dataset, expression)


def _linked_service(scope: Scope, expression: str) -> Any:
    return _there("linkedService", scope.linked_service, expression)


def _trigger(scope: Scope, expression: str) -> Any:
    return _there("trigger", scope.trigger, expression)


def _trigger_body(scope: Scope, expression: str) -> Any:
    outputs = _there("triggerBody", scope.trigger, expression).get("outputs")
    return outputs.get("body") if isinstance(outputs, Mapping) else None


def _item(scope: Scope, expression: str) -> Any:
    if scope.item is NOTHING:
        raise _not_here("item", expression)
    return scope.item


def _activity(scope: Scope, expression: str, name: Any) -> Any:
    found = _named(_there("activity", scope.activities, expression), name)
    if found is NOTHING:
        raise EvaluationError(
            f"The expression '{expression}' cannot be evaluated because the activity '{name}' has not run: it must be "
            "in this pipeline or loop, and come before (dependsOn)."
        )
    return found


def _variables(scope: Scope, expression: str, name: Any) -> Any:
    variables = _there("variables", scope.variables, expression)
    found = _named(variables, name)
    if found is NOTHING:
        raise EvaluationError(
            f"The expression '{expression}' cannot be evaluated because the variable '{name}' is not defined, "
            f"available variables are '{', '.join(variables)}'."
        )
    return found


def _there(function: str, value: Mapping[str, Any] | None, expression: str) -> Mapping[str, Any]:
    if value is None:
        raise _not_here(function, expression)
    return value


def _not_here(function: str, expression: str) -> EvaluationError:
    """The Workflow Definition Language's sentence for a function at the wrong place."""
    return EvaluationError(
        f"The expression '{expression}' cannot be evaluated: the function '{function}' is not expected at this "
        "location."
    )


def _named(values: Mapping[str, Any], name: Any) -> Any:
    if not isinstance(name, str):
        return NOTHING
    if name in values:
        return values[name]
    return next((value for key, value in values.items() if key.lower() == name.lower()), NOTHING)


# The lower-cased name -> (the name, how many arguments, what it answers).
REFERENCES: dict[str, tuple[str, int, Callable[..., Any]]] = {
    "pipeline": ("pipeline", 0, _pipeline),
    "activity": ("activity", 1, _activity),
    "variables": ("variables", 1, _variables),
    "item": ("item", 0, _item),
    "trigger": ("trigger", 0, _trigger),
    "triggerbody": ("triggerBody", 0, _trigger_body),
    "dataset": ("dataset", 0, _dataset),
    "linkedservice": ("linkedService", 0, _linked_service),
}
