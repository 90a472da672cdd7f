"""Action groups and alerts: what Azure refuses, and what it says of a receiver."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm

GROUP = f"{RG}/providers/Microsoft.Insights/actionGroups/ag"
ALERT = f"{RG}/providers/Microsoft.Insights/metricAlerts/one"


def body(*receivers: dict[str, Any], short: str = "mlplatform") -> dict[str, Any]:
    return {"location": "global", "properties": {"groupShortName": short, "emailReceivers": list(receivers)}}


def person(name: str, address: str = "a@contoso.com") -> dict[str, Any]:
    return {"name": name, "emailAddress": address}


@pytest.mark.parametrize(
    "refused",
    [
        body(short=""),
        body(short="thirteen-long"),
        body(person("a"), person("a")),
        body(person("a", "nobody")),
        body(person("a", "a@localhost")),
    ],
)
def test_a_group_that_azure_refuses(arm: Arm, refused: dict[str, Any]) -> None:
    assert arm.refused("PUT", GROUP, refused) == (400, "BadRequest")


def test_a_receiver_is_told_until_somebody_unsubscribes(arm: Arm) -> None:
    made = arm.ok("PUT", GROUP, body(person("a"), person("b", "b@contoso.com")))
    assert [one["status"] for one in made["properties"]["emailReceivers"]] == ["Enabled", "Enabled"]


def test_an_alert_tells_up_to_five_groups_that_stand(arm: Arm) -> None:
    def alert(*groups: str) -> dict[str, Any]:
        return {"location": "global", "properties": {"actions": [{"actionGroupId": group} for group in groups]}}

    assert arm.refused("PUT", ALERT, alert(GROUP)) == (400, "InvalidResourceReference")
    arm.ok("PUT", GROUP, body())
    elsewhere = [GROUP.replace(SUB, f"/subscriptions/{number}") for number in range(5)]
    assert arm.refused("PUT", ALERT, alert(GROUP, *elsewhere)) == (400, "BadRequest")
    arm.ok("PUT", ALERT, alert(GROUP, *elsewhere[:4]))
