"""Where things may be: the list that clients ask for, and the refusal of every other place by every type."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm
from toolkit.regions import available_regions, regions
from toolkit.sandbox.arm.registry import REGISTRY
from toolkit.sandbox.arm.resource_type import ResourceType

PLACED = [type_ for type_ in REGISTRY if type_.place == "group" and type_.location != "none" and "PUT" in type_.methods]


def _id_of(type_: ResourceType) -> str:
    namespace, *types = type_.type.split("/")
    return f"{RG}/providers/{namespace}/" + "/".join(f"{name}/nowhere" for name in types)


def test_locations_are_listed_with_what_azure_says_of_them(arm: Arm) -> None:
    listed = {each["name"]: each for each in arm.ok("GET", f"{SUB}/locations", version="2022-12-01")["value"]}
    assert set(regions()) <= set(listed)
    west = listed["westeurope"]
    assert west["id"] == f"{SUB}/locations/westeurope"
    assert west["regionalDisplayName"] == "(Europe) West Europe"
    assert west["metadata"]["pairedRegion"] == [{"name": "northeurope", "id": f"{SUB}/locations/northeurope"}]
    assert west["metadata"]["regionCategory"] == "Recommended"
    assert [zone["logicalZone"] for zone in west["availabilityZoneMappings"]] == ["1", "2", "3"]
    assert "availabilityZoneMappings" not in listed["westus"]
    assert listed["global"]["metadata"]["regionType"] == "Logical"


@pytest.mark.parametrize("type_", PLACED, ids=lambda type_: type_.type)
@pytest.mark.parametrize("place", ["westeuropa", "europe", "francesouth"])
def test_every_type_refuses_a_place_that_is_not_there(arm: Arm, type_: ResourceType, place: str) -> None:
    """A wrong name, a logical region, and a region that a subscription has to ask for."""
    response = arm("PUT", _id_of(type_), {"location": place, "properties": {}})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["code"] == "LocationNotAvailableForResourceType"
    assert f"'{place}' is not available for resource type '{type_.type}'" in error["message"]


def test_a_group_is_made_in_any_available_region_and_in_no_other_place(arm: Arm) -> None:
    for name in available_regions():
        arm.ok("PUT", f"{SUB}/resourceGroups/rg-{name}", {"location": name})
    for place in ("westeuropa", "global", "francesouth"):
        response = arm("PUT", f"{SUB}/resourceGroups/rg-{place}", {"location": place})
        assert (response.status_code, response.json()["error"]["code"]) == (
            400,
            "LocationNotAvailableForResourceGroup",
        )
        assert f"'{','.join(available_regions())}'" in response.json()["error"]["message"]
        assert arm("HEAD", f"{SUB}/resourceGroups/rg-{place}").status_code == 404


def test_a_group_stays_where_it_is(arm: Arm) -> None:
    assert arm.refused("PUT", RG, {"location": "eastus"}) == (409, "InvalidResourceGroupLocation")


def test_a_provider_lists_the_places_of_its_types(arm: Arm) -> None:
    shown = arm.ok("GET", f"{SUB}/providers/Microsoft.Insights", version="2021-04-01")["resourceTypes"]
    locations = {each["resourceType"]: each["locations"] for each in shown}
    assert locations["privateLinkScopes"] == ["global"]
    assert locations["diagnosticSettings"] == []
    assert "West Europe" in locations["components"]
    assert {"global", "West Europe"} <= set(locations["actionGroups"])
