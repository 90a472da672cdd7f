"""Availability zones: what a region has decides, and what stands keeps its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm
from toolkit.regions import available_regions, regions

NETWORK = f"{RG}/providers/Microsoft.Network"
ADDRESS, GATEWAY = f"{NETWORK}/publicIPAddresses/pip", f"{NETWORK}/natGateways/ng"
PLAN = f"{RG}/providers/Microsoft.Web/serverfarms/plan"


def address(*zones: str, location: str = "westeurope", sku: str = "Standard") -> dict[str, Any]:
    properties = {"publicIPAllocationMethod": "Static"}
    return {"location": location, "sku": {"name": sku}, "zones": list(zones), "properties": properties}


def gateway(*zones: str) -> dict[str, Any]:
    properties = {"publicIpAddresses": [{"id": ADDRESS}]}
    return {"location": "westeurope", "sku": {"name": "Standard"}, "zones": list(zones), "properties": properties}


def flex(location: str, redundant: bool) -> dict[str, Any]:
    sku, properties = {"name": "FC1", "tier": "FlexConsumption"}, {"reserved": True, "zoneRedundant": redundant}
    return {"location": location, "sku": sku, "properties": properties}


@pytest.mark.parametrize("location", available_regions())
def test_a_region_s_zones_decide(arm: Arm, location: str) -> None:
    listed = {item["name"]: item for item in arm.ok("GET", f"{SUB}/locations", version="2022-12-01")["value"]}
    known = [item["logicalZone"] for item in listed[location].get("availabilityZoneMappings", [])]
    if known:
        assert arm.ok("PUT", ADDRESS, address(*known, location=location))["zones"] == known
        refused = (400, "InvalidAvailabilityZone")
        assert arm.refused("PUT", f"{ADDRESS}-2", address("4", location=location)) == refused
    else:
        assert arm.refused("PUT", ADDRESS, address("1", location=location)) == (
            400,
            "LocationNotSupportAvailabilityZones",
        )
    arm.ok("PUT", f"{ADDRESS}-3", address(location=location))


def test_two_zones_are_answered_as_all(arm: Arm) -> None:
    assert arm.ok("PUT", ADDRESS, address("2", "1"))["zones"] == ["1", "2", "3"]
    arm.ok("PUT", ADDRESS, address("1", "2"))


@pytest.mark.parametrize(
    ("standing", "sent"), [((), ("1",)), (("1",), ()), (("1",), ("2",)), (("1", "2", "3"), ("1",))]
)
def test_zones_of_what_stands_stay(arm: Arm, standing: tuple[str, ...], sent: tuple[str, ...]) -> None:
    arm.ok("PUT", ADDRESS, address(*standing))
    assert arm.refused("PUT", ADDRESS, address(*sent)) == (400, "ResourceAvailabilityZonesCannotBeModified")
    assert arm.ok("GET", ADDRESS).get("zones", []) == list(standing)
    arm.ok("PUT", ADDRESS, address(*standing))


def test_a_basic_address_has_no_zones(arm: Arm) -> None:
    assert arm.refused("PUT", ADDRESS, address("1", sku="Basic")) == (400, "SkuNotSupportAvailabilityZones")
    arm.ok("PUT", ADDRESS, address(sku="Basic"))


def test_a_gateway_is_in_one_zone_and_its_address_is_there(arm: Arm) -> None:
    arm.ok("PUT", ADDRESS, address("1"))
    assert arm.refused("PUT", GATEWAY, gateway("1", "2")) == (400, "NatGatewayMultipleZonesNotSupported")
    assert arm.refused("PUT", GATEWAY, gateway("2")) == (400, "NatGatewayAndPublicIpZonesDoNotMatch")
    arm.ok("PUT", GATEWAY, gateway("1"))


def test_an_address_that_a_gateway_uses_stays(arm: Arm) -> None:
    arm.ok("PUT", ADDRESS, address("1", "2", "3"))
    arm.ok("PUT", GATEWAY, gateway())
    assert arm.refused("DELETE", ADDRESS) == (400, "PublicIPAddressCannotBeDeleted")
    arm.ok("DELETE", GATEWAY)
    arm.ok("DELETE", ADDRESS)


@pytest.mark.parametrize("location", available_regions())
def test_flex_consumption_is_in_zones_where_the_region_says_so(arm: Arm, location: str) -> None:
    listed = arm.ok("GET", f"{SUB}/providers/Microsoft.Web/geoRegions?sku=FlexConsumption")["value"]
    [domain] = [item["properties"]["orgDomain"] for item in listed if item["name"] == regions()[location].display_name]
    if "FCZONEREDUNDANCY" in domain.split(";"):
        arm.ok("PUT", PLAN, flex(location, redundant=True))
    else:
        assert arm.refused("PUT", PLAN, flex(location, redundant=True)) == (400, "BadRequest")
        arm.ok("PUT", PLAN, flex(location, redundant=False))


def test_other_plans_have_no_word_for_flex(arm: Arm) -> None:
    listed = arm.ok("GET", f"{SUB}/providers/Microsoft.Web/geoRegions?sku=PremiumV3")["value"]
    assert {item["properties"]["orgDomain"] for item in listed} == {"PUBLIC"}
