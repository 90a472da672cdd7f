"""Where a resource may be: Azure's regions as ARM lists them, and its refusals of every other place."""

from __future__ import annotations

from collections.abc import Container

from toolkit.records import Json
from toolkit.regions import GLOBAL, Region, available_regions, logical_regions, region_name, regions
from toolkit.sandbox.arm.errors import ArmError, bad_request, conflict
from toolkit.sandbox.arm.ids import RESOURCE_GROUPS
from toolkit.sandbox.arm.resource_type import Call, ResourceType


def available(type_: ResourceType) -> tuple[str, ...]:
    """The names of the places that a resource of this type may be in. Every region has every type (inferred)."""
    if type_.location == "none":
        return ()
    if type_.location == "global":
        return (GLOBAL,)
    return available_regions() if type_.location == "region" else (GLOBAL, *available_regions())


def require_available(type_: ResourceType, sent: str, lacking: Container[str] = ()) -> str:
    """The location's name for what the client sent, or 400 by name. ``lacking`` are regions without the type.

    The sentences: https://github.com/MicrosoftDocs/executable-docs/issues/74 (groups),
    https://github.com/microsoft/vscode-azurefunctions/issues/1748 (resources).
    """
    location = region_name(sent)
    choice = [place for place in available(type_) if place not in lacking]
    if location in choice:
        return location
    if type_.type == RESOURCE_GROUPS:
        raise bad_request(
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{sent}' is not available for resource group. "
            f"List of available regions is '{','.join(choice)}'.",
        )
    raise bad_request(
        "LocationNotAvailableForResourceType",
        f"The provided location '{sent}' is not available for resource type '{type_.type}'. "
        f"List of available regions for the resource type is '{','.join(choice)}'.",
    )


def moved(call: Call, location: str) -> ArmError:
    """What stands stays where it is. https://github.com/microsoft/vscode-azurefunctions/issues/889 has the group's
    sentence."""
    assert call.existing is not None
    standing = call.existing.body["location"]
    if call.type.type == RESOURCE_GROUPS:
        return conflict(
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. "
            f"The Resource group already exists in location '{standing}'.",
        )
    return conflict(
        "InvalidResourceLocation",
        f"The resource '{call.id.name}' already exists in location '{standing}' in resource group "
        f"'{call.id.resource_group}'. A resource with the same name cannot be created in location '{location}'. "
        "Please select a new resource name.",
    )


def shown(type_: ResourceType, lacking: Container[str] = ()) -> list[str]:
    """The places as a provider's ``resourceTypes`` list them: by their display names."""
    return [
        GLOBAL if name == GLOBAL else regions()[name].display_name for name in available(type_) if name not in lacking
    ]


def list_locations(subscription_id: str) -> list[Json]:
    """https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations"""
    scope = f"/subscriptions/{subscription_id}/locations"
    physical = [_physical(scope, region) for region in regions().values()]
    return sorted((*physical, *_logical(scope)), key=lambda location: str(location["name"]))


def _physical(scope: str, region: Region) -> Json:
    location: Json = {
        "id": f"{scope}/{region.name}",
        "name": region.name,
        "type": "Region",
        "displayName": region.display_name,
        "regionalDisplayName": f"({region.geography_group}) {region.display_name}",
        "metadata": {
            "regionType": "Physical",
            "regionCategory": region.category,
            "geography": region.geography,
            "geographyGroup": region.geography_group,
            "longitude": region.longitude,
            "latitude": region.latitude,
            "physicalLocation": region.physical_location,
            "pairedRegion": [{"name": region.paired, "id": f"{scope}/{region.paired}"}] if region.paired else [],
        },
    }
    if region.zones:
        # Which physical zone a logical one is differs between subscriptions; here they are in order.
        location["availabilityZoneMappings"] = [
            {"logicalZone": str(zone), "physicalZone": f"{region.name}-az{zone}"} for zone in range(1, region.zones + 1)
        ]
    return location


def _logical(scope: str) -> list[Json]:
    return [
        {
            "id": f"{scope}/{name}",
            "name": name,
            "type": "Region",
            "displayName": display_name,
            "regionalDisplayName": display_name,
            "metadata": {"regionType": "Logical", "regionCategory": "Other"},
        }
        for name, display_name in logical_regions().items()
    ]
