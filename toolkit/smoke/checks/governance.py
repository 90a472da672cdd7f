"""What the control plane says about what watches over the platform: locks, budget and alerts.

An environment may do without locks and without a budget.
"""

from __future__ import annotations

from functools import partial

from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.control_plane import fail_if, lookup, read, same
from toolkit.smoke.context import Context


def locks_hold(context: Context) -> Facts:
    problems, facts = [], {}
    for name, lock_id in context.output("locks").items():
        facts[name] = level = lookup(read(context, lock_id), "properties.level")
        if level not in ("CanNotDelete", "ReadOnly"):
            problems.append(f"the lock of {name} is {level}")
    fail_if(problems, hint="toolkit apply makes the locks")
    return facts


def somebody_is_told(context: Context) -> Facts:
    """https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-overview"""
    problems, facts = [], {}
    for name, alert_id in context.output("metric_alerts").items():
        properties = read(context, alert_id)["properties"]
        told = [action.get("actionGroupId") for action in properties.get("actions") or []]
        watched = properties.get("scopes") or []
        facts[name] = {"enabled": properties.get("enabled"), "scopes": watched, "told": told}
        if not properties.get("enabled"):
            problems.append(f"the alert {name} is off")
        if not told:
            problems.append(f"the alert {name} tells nobody")
        platform = [context.output("data_factory_id"), context.output("machine_learning_workspace_id")]
        if not any(same(scope, resource) for scope in watched for resource in platform):
            problems.append(f"the alert {name} watches nothing of the platform")
    if context.has("budget"):
        properties = read(context, context.output("budget_id"))["properties"]
        enabled = [key for key, n in (properties.get("notifications") or {}).items() if n.get("enabled")]
        facts["budget"] = {"amount": properties.get("amount"), "notifications": enabled}
        if not enabled:
            problems.append("the budget tells nobody")
    fail_if(problems, hint="toolkit plan shows what an apply would set back")
    return facts


_posture = partial(Check, category="posture")

CHECKS: tuple[Check[Context], ...] = (
    _posture(
        id="posture-locks",
        title="Nobody can delete what the environment locks",
        function=locks_hold,
        outputs=("locks",),
        feature="locks",
    ),
    _posture(
        id="posture-alerts",
        title="Somebody is told of failed pipelines and jobs, and of the budget",
        function=somebody_is_told,
        outputs=("metric_alerts", "data_factory_id", "machine_learning_workspace_id", "budget_id"),
        severity="warning",
    ),
)
