"""A function app's link on its subnet: as long as the app, and a while longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm, Clock, build
from tests.unit.sandbox.arm.test_platform import NETWORK, VNET
from toolkit.sandbox.arm.operations import INSTANT, Profile, realistic
from toolkit.sandbox.store import Store
from toolkit.terraform.diagnostics import retryable
from toolkit.terraform.events import Diagnostic

PLAN, SITE = f"{RG}/providers/Microsoft.Web/serverfarms/plan", f"{RG}/providers/Microsoft.Web/sites/app"
SUBNET = f"{VNET}/subnets/functions"
FLEX = {"functionAppConfig": {"runtime": {"name": "python", "version": "3.11"}}}
LATER = 3600.0


def with_app(profile: Profile, clock: Clock, properties: dict[str, Any]) -> Arm:
    arm = build(Store(":memory:"), profile, clock)
    arm.ok("PUT", RG, {"location": "westeurope"})
    arm.ok("POST", f"{SUB}/providers/Microsoft.App/register", version="2021-04-01")
    delegation = {"name": "app", "properties": {"serviceName": "Microsoft.App/environments"}}
    subnet = {"name": "functions", "properties": {"addressPrefix": "10.40.0.0/24", "delegations": [delegation]}}
    space = {"addressSpace": {"addressPrefixes": ["10.40.0.0/20"]}, "subnets": [subnet]}
    arm.ok("PUT", VNET, {"location": "westeurope", "properties": space})
    clock.now += LATER
    arm.ok("PUT", PLAN, {"location": "westeurope", "sku": {"name": "FC1", "tier": "FlexConsumption"}})
    clock.now += LATER
    site = {"serverFarmId": PLAN, "virtualNetworkSubnetId": SUBNET, **properties}
    arm.ok("PUT", SITE, {"location": "westeurope", "kind": "functionapp,linux", "properties": site})
    return arm


DELETIONS: dict[str, Callable[[Arm], Any]] = {
    "the subnet": lambda arm: arm("DELETE", SUBNET),
    "its network": lambda arm: arm("DELETE", VNET),
    "a network without it": lambda arm: arm(
        "PUT",
        VNET,
        {
            "location": "westeurope",
            "properties": {"addressSpace": {"addressPrefixes": ["10.40.0.0/20"]}, "subnets": []},
        },
    ),
}


@pytest.mark.parametrize("what", DELETIONS)
@pytest.mark.parametrize(("properties", "link"), [(FLEX, "legionservicelink"), ({}, "AppServiceLink")])
def test_a_link_holds_the_subnet_until_a_while_after_the_app(what: str, properties: dict[str, Any], link: str) -> None:
    clock = Clock()
    arm = with_app(realistic(), clock, properties)
    for _ in ("while it lives", "when it is gone"):
        refused = DELETIONS[what](arm)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (400, "InUseSubnetCannotBeDeleted")
        assert f"{SUBNET}/serviceAssociationLinks/{link}" in error["message"]
        # What the runner makes of it: this passes, and the destroy goes on.
        detail = f'deleting Resource: (ResourceId "{VNET}" / Api Version "2024-01-01"): {refused.text}'
        assert retryable([Diagnostic("error", "Failed to delete resource", detail)])
        arm.ok("DELETE", SITE)
    clock.now += LATER
    assert DELETIONS[what](arm).status_code < 300


def test_where_operations_end_at_once_no_link_is_left() -> None:
    arm = with_app(INSTANT, Clock(), FLEX)
    assert arm.refused("DELETE", SUBNET) == (400, "InUseSubnetCannotBeDeleted")
    arm.ok("DELETE", SITE)
    arm.ok("DELETE", SUBNET)


def test_what_stays_in_a_subnet_is_not_waited_for() -> None:
    """A network interface there is somebody's, and does not go away."""
    text = (
        '{"error": {"code": "InUseSubnetCannotBeDeleted", "message": "Subnet s is in use by '
        f'{NETWORK}/networkInterfaces/nic/ipConfigurations/one and cannot be deleted."}}}}'
    )
    assert retryable([Diagnostic("error", "Failed to delete resource", text, "module.network.x")]) is None
