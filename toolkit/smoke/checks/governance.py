"""What the control plane says about what watches over the platform: locks, budget and alerts.

An environment may do without locks and without a budget.
"""

from __future__ import annotations

from functools import partial

from toolkit.checks.model import Check, Facts
from toolkit.records import Json
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


def somebody_reads_it(context: Context) -> Facts:
    """An alert that reaches an action group without a receiver that is on is told to nobody.

    https://learn.microsoft.com/rest/api/monitor/action-groups/get (receivers, and their ``status``: "Receivers that are
    not Enabled will not receive any communications").
    """
    own = context.output("action_group_id")
    group = read(context, own)["properties"]
    receivers = [
        (kind.removesuffix("Receivers"), one)
        for kind, some in group.items()
        if kind.endswith("Receivers")
        for one in some or []
    ]
    off = [str(one["name"]) for _, one in receivers if one.get("status", "Enabled") != "Enabled"]
    unread = [str(one["name"]) for _, one in receivers if context.environment.exists_outside and _is_example(one)]
    heard = [f"{kind}:{one['name']}" for kind, one in receivers if one["name"] not in (*off, *unread)]
    silence = "is off" if not group.get("enabled") else "has no receiver that is told" if not heard else None
    if silence and (off or unread):
        silence += f" (unsubscribed: {', '.join(off)})" if off else f" (an example: {', '.join(unread)})"
    problems, facts = [], {"receivers": heard, "enabled": group.get("enabled")}
    for name, alert_id in context.output("metric_alerts").items():
        told = [str(a.get("actionGroupId")) for a in read(context, alert_id)["properties"].get("actions") or []]
        if all(same(one, own) for one in told) and (silence or not told):
            problems.append(f"the alert {name} reaches nobody: the action group {silence or 'is not named by it'}")
    fail_if(problems, hint="name somebody in monitoring.alert_emails of terraform.tfvars, and run toolkit apply")
    return facts


def _is_example(receiver: Json) -> bool:
    """RFC 2606 sets these names aside for examples: nobody's mail is there."""
    domain = str(receiver.get("emailAddress") or "").rpartition("@")[2].lower()
    return domain.rpartition(".")[2] in ("example", "invalid", "test") or domain.endswith(
        ("example.com", "example.net", "example.org")
    )


_posture = partial(Check, category="posture")

CHECKS: tuple[Check[Context], ...] = (
    _posture(
        id="posture-locks",
        title="Nobody can delete what the environment locks",
        function=locks_hold,
        outputs=("locks",),
        feature="locks",
        controls=("AM-4", "CM-5"),
    ),
    _posture(
        id="posture-alerts",
        title="Somebody is told of failed pipelines and jobs, and of the budget",
        function=somebody_is_told,
        outputs=("metric_alerts", "data_factory_id", "machine_learning_workspace_id", "budget_id"),
        severity="warning",
        controls=("LT-1", "SI-4"),
    ),
    _posture(
        id="posture-alert-receivers",
        title="Every alert reaches a receiver that is told",
        function=somebody_reads_it,
        outputs=("metric_alerts", "action_group_id"),
        feature="receivers",
        controls=("LT-1", "SI-4"),
    ),
)
