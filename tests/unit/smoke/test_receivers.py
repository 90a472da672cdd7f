"""When somebody is told of an alert, and when the check of it is red."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.smoke.support import ManualClock, connection
from toolkit.checks.model import CheckResult
from toolkit.smoke.checks import governance
from toolkit.smoke.registry import select
from toolkit.smoke.run import run

GROUP, OTHER = "/subscriptions/s/ag", "/subscriptions/other/oncall"


def result(monkeypatch: pytest.MonkeyPatch, group: dict[str, Any], told: list[str], target: str) -> CheckResult:
    found = {
        GROUP: {"properties": {"enabled": True, **group}},
        "/alert": {"properties": {"actions": [{"actionGroupId": one} for one in told]}},
    }
    monkeypatch.setattr(governance, "read", lambda context, resource_id: found[resource_id])
    outputs = {"metric_alerts": {"one": "/alert"}, "action_group_id": GROUP, "features": {"receivers": True}}
    return run(
        connection(target=target), outputs, select(ids=["posture-alert-receivers"]), patience=0, clock=ManualClock()
    ).results[0]


def email(address: str, status: str = "Enabled") -> dict[str, Any]:
    return {"emailReceivers": [{"name": address, "emailAddress": address, "status": status}]}


@pytest.mark.parametrize(
    ("group", "told", "target", "why"),
    [
        (email("ops@contoso.com"), [GROUP], "azure", None),
        (email("ops@contoso.com"), [GROUP.upper()], "azure", None),
        (email("ml@example.com"), [GROUP], "sandbox", None),
        (email("ml@example.com"), [GROUP], "azure", "an example: ml@example.com"),
        (email("ml@mail.example.org"), [GROUP], "azure", "an example: ml@mail.example.org"),
        (email("ml@team.test"), [GROUP], "azure", "an example: ml@team.test"),
        (email("ops@contoso.com", "Disabled"), [GROUP], "azure", "unsubscribed: ops@contoso.com"),
        ({"emailReceivers": []}, [GROUP], "azure", "has no receiver that is told"),
        ({"enabled": False, **email("ops@contoso.com")}, [GROUP], "azure", "the action group is off"),
        ({"smsReceivers": [{"name": "phone", "status": "Enabled"}]}, [GROUP], "azure", None),
        ({"armRoleReceivers": [{"name": "owners", "roleId": "r"}]}, [GROUP], "azure", None),
        ({"emailReceivers": []}, [GROUP, OTHER], "azure", None),
    ],
)
def test_somebody_is_told(
    monkeypatch: pytest.MonkeyPatch, group: dict[str, Any], told: list[str], target: str, why: str | None
) -> None:
    found = result(monkeypatch, group, told, target)
    assert (found.outcome, found.red) == (("PASS", False) if why is None else ("FAIL", True)), found.reason
    assert why is None or why in found.reason
