"""The ranges of subnets: what stands in one holds it where it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, Arm, Clock
from tests.unit.sandbox.arm.test_association_links import FLEX, with_app
from tests.unit.sandbox.arm.test_platform import SUBNET, VNET, endpoint, make_account, make_network
from toolkit.sandbox.arm.operations import INSTANT

ENDPOINT = f"{RG}/providers/Microsoft.Network/privateEndpoints/pe"
IN_USE = (400, "InUsePrefixCannotBeDeleted")


def network(space: str, *ranges: str, name: str = "snet-pe") -> dict[str, Any]:
    subnets = [{"name": name, "properties": {"addressPrefixes": list(ranges)}}] if ranges else None
    properties = {"addressSpace": {"addressPrefixes": [space]}, "subnets": subnets}
    return {"location": "westeurope", "properties": properties}


def occupy(arm: Arm) -> None:
    account = make_account(arm)["id"]
    arm.ok("PUT", ENDPOINT, endpoint(account, "blob"))


@pytest.mark.parametrize("occupied", [True, False])
def test_a_range_moves_only_when_nothing_has_an_address_there(arm: Arm, occupied: bool) -> None:
    make_network(arm)
    if occupied:
        occupy(arm)
    for path, body in (
        (VNET, network("10.42.0.0/20", "10.42.0.0/24")),
        (SUBNET, {"properties": {"addressPrefixes": ["10.42.1.0/24"]}}),
    ):
        if occupied:
            assert arm.refused("PUT", VNET, network("10.42.0.0/20", "10.42.0.0/24")) == IN_USE
            inside = {"properties": {"addressPrefixes": ["10.40.1.0/24"]}}
            assert arm.refused("PUT", SUBNET, inside) == IN_USE
        else:
            arm.ok("PUT", path, body)
    standing = arm.ok("GET", SUBNET)["properties"]["addressPrefixes"]
    assert standing == (["10.40.0.0/24"] if occupied else ["10.42.1.0/24"])


def test_an_app_holds_its_subnet_s_range() -> None:
    arm = with_app(INSTANT, Clock(), FLEX)
    assert arm.refused("PUT", VNET, network("10.42.0.0/20", "10.42.0.0/24", name="functions")) == IN_USE


def test_more_ranges_and_a_larger_space_are_no_move(arm: Arm) -> None:
    make_network(arm)
    occupy(arm)
    arm.ok("PUT", VNET, network("10.40.0.0/19", "10.40.0.0/24"))
    arm.ok("PUT", SUBNET, {"properties": {"addressPrefixes": ["10.40.0.0/24", "10.40.1.0/24"]}})


def test_a_space_without_the_subnets_that_stay_is_refused(arm: Arm) -> None:
    make_network(arm)
    assert arm.refused("PUT", VNET, network("10.42.0.0/20")) == (400, "NetcfgSubnetRangeOutsideVnet")
    arm.ok("PUT", VNET, network("10.40.0.0/24"))
    assert arm.ok("GET", SUBNET)["properties"]["addressPrefixes"] == ["10.40.0.0/24"]
