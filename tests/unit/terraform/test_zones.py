"""What a region lacks of availability zones and Flex Consumption, from the sandbox's answers and others."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.regions import available_regions, regions
from toolkit.sandbox.arm.locations import list_locations
from toolkit.sandbox.arm.zones import list_geo_regions
from toolkit.terraform.zones import Spread, missing, planned

SUBSCRIPTION = "10ca1000-0000-4000-8000-000000000002"
PLAN, ADDRESS = "Microsoft.Web/serverfarms@2023-12-01", "Microsoft.Network/publicIPAddresses@2024-01-01"
FLEX = {"sku": {"name": "FC1"}, "properties": {"zoneRedundant": True}}


def azure(hidden: str = "nothing", without_flex: str = "") -> Any:
    def read(path: str) -> dict[str, Any] | None:
        if hidden in path:
            return None
        if "/geoRegions?sku=FlexConsumption&" in path:
            listed = list_geo_regions(SUBSCRIPTION, "FlexConsumption")
            return {"value": [item for item in listed if item["name"] != without_flex]}
        assert "/locations?" in path
        return {"value": list_locations(SUBSCRIPTION)}

    return read


def change(kind: str, body: Any, *actions: str) -> dict[str, Any]:
    after = {"type": kind, "name": "n", "location": "westeurope", "body": body}
    return {"address": "a", "type": "azapi_resource", "change": {"actions": list(actions), "after": after}}


def document(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"resource_changes": list(changes)}


@pytest.mark.parametrize("actions", [("create",), ("update",), ("delete", "create"), ("create", "delete")])
def test_what_a_plan_makes_or_changes_is_asked(actions: tuple[str, ...]) -> None:
    assert planned(document(change(PLAN, FLEX, *actions), change(ADDRESS, {"zones": ["1"]}, *actions))) == [
        Spread("a", "westeurope", flex=True, zone_redundant=True),
        Spread("a", "westeurope", zones=("1",)),
    ]


@pytest.mark.parametrize("actions", [("no-op",), ("read",), ("delete",)])
def test_what_stands_or_goes_is_not(actions: tuple[str, ...]) -> None:
    assert planned(document(change(PLAN, FLEX, *actions), change(ADDRESS, {"zones": ["1"]}, *actions))) == []


def test_neither_is_what_asks_for_nothing() -> None:
    basic = {"sku": {"name": "B1"}, "properties": {"zoneRedundant": True}}
    assert planned(document(change(PLAN, basic, "create"), change(ADDRESS, {"zones": []}, "create"))) == []


@pytest.mark.parametrize("location", available_regions())
def test_each_region_has_what_azure_says_of_it(location: str) -> None:
    zones = Spread("a", location, zones=("1", "2", "3"))
    flex = Spread("a", regions()[location].display_name, flex=True, zone_redundant=True)
    found, unknown = missing([zones, flex], SUBSCRIPTION, azure())
    assert not unknown
    assert len(found) == (0 if regions()[location].zones else 2)
    assert missing([Spread("a", location, flex=True)], SUBSCRIPTION, azure()) == ([], [])


def test_what_is_lacking_is_named_with_the_regions_that_have_it() -> None:
    [zones] = missing([Spread("a.b", "westeurope", zones=("1", "4"))], SUBSCRIPTION, azure())[0]
    assert zones == "a.b: westeurope has the zones 1, 2, 3, not 4"
    [none] = missing([Spread("a.b", "ukwest", zones=("1",))], SUBSCRIPTION, azure())[0]
    assert none == "a.b: ukwest has no availability zones, not 1"
    [redundant] = missing([Spread("a.b", "ukwest", flex=True, zone_redundant=True)], SUBSCRIPTION, azure())[0]
    assert redundant.startswith(
        "a.b: ukwest has no zone-redundant Flex Consumption; regions that have: australiaeast, "
    )
    [flex] = missing([Spread("a.b", "ukwest", flex=True)], SUBSCRIPTION, azure(without_flex="UK West"))[0]
    assert flex.startswith("a.b: ukwest has no Flex Consumption; regions that have: australiacentral, ")


@pytest.mark.parametrize("hidden", ["/geoRegions", "/locations"])
def test_what_may_not_be_read_is_said_and_left_to_azure(hidden: str) -> None:
    wanted = [Spread("a.flex", "ukwest", flex=True, zone_redundant=True), Spread("a.ip", "ukwest", zones=("1",))]
    found, unknown = missing(wanted, SUBSCRIPTION, azure(hidden))
    assert len(found) == len(unknown) == 1
    assert "may not be read" in unknown[0]


def test_a_resource_without_a_body_asks_for_nothing() -> None:
    assert (
        planned(document(change("Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31", "{}", "create"))) == []
    )
