"""What the control plane says about what watches over the platform: locks, budget and alerts.

An environment may do without locks and without a budget.
"""

from __future__ import annotations

from functools import partial

from toolkit.smoke.checks.common import fail_if, lookup, read, same
from toolkit.smoke.context import Context
from toolkit.smoke.model import Check, Evidence


def locks_hold(context: Context) -> Evidence:
    problems, evidence = [], {}
    for name, lock_id in (context.session.outputs.get("locks") or {}).items():
        evidence[name] = level = lookup(read(context, lock_id), "properties.level")
        if level not in ("CanNotDelete", "ReadOnly"):
            problems.append(f"the lock of {name} is {level}")
    fail_if(problems, hint="toolkit apply makes the locks")
    return evidence


def somebody_is_told(context: Context) -> Evidence:
    """https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-overview"""
    problems, evidence = [], {}
    for name, alert_id in context.output("metric_alerts").items():
        properties = read(context, alert_id)["properties"]
        told = [action.get("actionGroupId") for action in properties.get("actions") or []]
        watched = properties.get("scopes") or []
        evidence[name] = {"enabled": properties.get("enabled"), "scopes": watched, "told": told}
        if not properties.get("enabled"):
            problems.append(f"the alert {name} is off")
        if not told:
            problems.append(f"the alert {name} tells nobody")
        platform = [context.output("data_factory_id"), context.output("machine_learning_workspace_id")]
        if not any(same(scope, resource) for scope in watched for resource in platform):
            problems.append(f"the alert {name} watches nothing of the platform")
    budget_id = context.session.outputs.get("budget_id")
    if budget_id is not None:
        properties = read(context, budget_id)["properties"]
        enabled = [key for key, n in (properties.get("notifications") or {}).items() if n.get("enabled")]
        evidence["budget"] = {"amount": properties.get("amount"), "notifications": enabled}
        if not enabled:
            problems.append("the budget tells nobody")
    fail_if(problems, hint="toolkit plan shows what an apply would set back")
    return evidence


_posture = partial(Check, category="posture")

CHECKS: tuple[Check, ...] = (
    _posture(
        id="posture-locks",
        title="Nobody can delete what the environment locks",
        function=locks_hold,
    ),
    _posture(
        id="posture-alerts",
        title="Somebody is told of failed pipelines and jobs, and of the budget",
        function=somebody_is_told,
        outputs=("metric_alerts", "data_factory_id", "machine_learning_workspace_id"),
        severity="warning",
    ),
)
