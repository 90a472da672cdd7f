"""Availability zones: where a resource may be spread over which, and who says so.

Refusals: https://github.com/Azure/Azure-Landing-Zones/issues/425 (a region without zones),
https://github.com/hashicorp/terraform-provider-azurerm/issues/6296 (a zone that is none),
https://github.com/Azure/AzOps/issues/701 (zones of what stands). Two zones of an address are answered as all:
https://github.com/Azure/terraform-azurerm-caf-enterprise-scale/issues/447.
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.regions import Region, available_regions, find_region, regions
from toolkit.sandbox.arm.errors import ArmError, bad_request
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.store import Resource

FLEX_CONSUMPTION = "FlexConsumption"
_FLEX_IN_ZONES = "FCZONEREDUNDANCY"


def check_zones(call: Call, resource: Resource) -> None:
    """Refuse ``zones`` that the region has not, or others than the resource has."""
    wanted = sorted(str(zone) for zone in resource.body.get("zones") or [])
    if not wanted:
        resource.body.pop("zones", None)
    elif call.creating:
        resource.body["zones"] = _available(call, resource, wanted)
    if call.existing is not None:
        standing = sorted(call.existing.body.get("zones") or [])
        if len(wanted) > 1:
            wanted = _available(call, resource, wanted)
            resource.body["zones"] = wanted
        if wanted != standing:
            raise bad_request(
                "ResourceAvailabilityZonesCannotBeModified",
                f"Resource {resource.id} has an existing availability zone constraint {', '.join(standing) or 'NoZone'}"
                f" and the request has availability zone constraint {', '.join(wanted) or 'NoZone'}, which do not "
                "match. Zones cannot be added/updated/removed once the resource is created. The resource cannot be "
                "updated from regional to zonal or vice-versa.",
            )


def _available(call: Call, resource: Resource, wanted: list[str]) -> list[str]:
    shown, location = f"{call.type.type}/{call.id.name}", str(resource.body.get("location", ""))
    region = find_region(location)
    known = [str(number) for number in range(1, region.zones + 1)] if region else []
    if not known:
        raise bad_request(
            "LocationNotSupportAvailabilityZones",
            f"The resource '{shown}' does not support availability zones at location '{location}'.",
        )
    if unknown := [zone for zone in wanted if zone not in known]:
        raise bad_request(
            "InvalidAvailabilityZone",
            f"The zone(s) '{','.join(unknown)}' for resource '{shown}' is not supported. The supported zones for "
            f"location '{location}' are '{','.join(known)}'",
        )
    return known if len(wanted) > 1 else wanted


def list_geo_regions(subscription_id: str, sku: str) -> list[Json]:
    """https://learn.microsoft.com/rest/api/appservice/list-geo-regions/list-geo-regions

    ``orgDomain`` of a region says FCZONEREDUNDANCY where Flex Consumption is spread over zones: azure-cli,
    ``list_flexconsumption_zone_redundant_locations``. That all regions with zones say so is (inferred): Azure's list
    is shorter, and grows.
    """
    return [_geo_region(subscription_id, regions()[name], sku) for name in available_regions()]


def _geo_region(subscription_id: str, region: Region, sku: str) -> Json:
    words = ["PUBLIC"]
    if sku == FLEX_CONSUMPTION:
        words += ["FLEXCONSUMPTION", *([_FLEX_IN_ZONES] if region.zones else [])]
    name = region.display_name
    return {
        "id": f"/subscriptions/{subscription_id}/providers/Microsoft.Web/geoRegions/{name}",
        "name": name,
        "type": "Microsoft.Web/geoRegions",
        "properties": {"name": name, "description": None, "displayName": name, "orgDomain": ";".join(words)},
    }


def check_flex_plan(resource: Resource) -> None:
    """A zone-redundant plan where the region has no zones for it is refused with 400 and a sentence about workers.

    https://github.com/Azure/terraform-azurerm-avm-res-web-serverfarm/issues/133; its numbers are (inferred).
    """
    region = find_region(str(resource.body.get("location", "")))
    if resource.properties.get("zoneRedundant") and not (region and region.zones):
        raise ArmError(
            400,
            "BadRequest",
            "App Service Plans with fewer than 2 workers are not allowed for zone redundancy. Requested number of "
            "workers: 0.",
        )
