"""Availability zones and Flex Consumption: whether the region has them for what a plan makes there.

Otherwise the apply stops in the middle, with LocationNotSupportAvailabilityZones or, for a zone-redundant plan of Flex
Consumption, with a sentence about workers that names neither zones nor region
(https://github.com/Azure/terraform-azurerm-avm-res-web-serverfarm/issues/133).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.azure.api_versions import GEO_REGIONS_API_VERSION, SUBSCRIPTIONS_API_VERSION
from toolkit.azure.arm import arm_client
from toolkit.errors import ToolkitError
from toolkit.regions import region_name
from toolkit.terraform.plan import azure_body, azure_type
from toolkit.terraform.reads import Read, pages, reader
from toolkit.terraform.session import Session

_PLANS = "Microsoft.Web/serverfarms"
# azure-cli asks so for az functionapp list-flexconsumption-locations --zone-redundant true
# (https://github.com/Azure/azure-cli, src/azure-cli/azure/cli/command_modules/appservice/custom.py), and Azure's
# Terraform module (https://github.com/Azure/terraform-azurerm-avm-res-web-serverfarm/pull/134).
_FLEX_REGIONS = "/providers/Microsoft.Web/geoRegions?sku=FlexConsumption"
_IN_ZONES = "FCZONEREDUNDANCY"


@dataclass(frozen=True, slots=True)
class Spread:
    """A resource of the plan and what it asks of its region: ``zones``, or Flex Consumption (``flex``)."""

    address: str
    location: str
    zones: tuple[str, ...] = ()
    flex: bool = False
    zone_redundant: bool = False


def refuse_missing_zones(session: Session, document: dict[str, Any]) -> None:
    """Raises ToolkitError when the region lacks zones or Flex Consumption for what the plan ``document`` makes."""
    wanted = planned(document)
    if not wanted:
        return
    environment = session.environment
    with arm_client(session.connection) as client:
        found, unknown = missing(wanted, environment.subscription_id, reader(client, "the region's zones"))
    for line in unknown:
        session.observer.note(line)
    if found:
        raise ToolkitError(
            f"nothing was changed in {environment.name}: the region lacks what the plan makes there\n"
            + "\n".join(f"  {line}" for line in found),
            hint=f"choose another location in envs/{environment.data_name}/env.toml, or change "
            f"function_app.zone_redundant or network.nat_zones in envs/{environment.data_name}/terraform.tfvars",
        )


def planned(document: dict[str, Any]) -> list[Spread]:
    """What a plan makes or changes that asks for zones or for Flex Consumption."""
    found = []
    for item in document.get("resource_changes", []):
        after = item["change"].get("after") or {}
        if item["type"] != "azapi_resource" or not {"create", "update"} & set(item["change"]["actions"]):
            continue
        body, location = azure_body(after), after.get("location") or ""
        if azure_type(after) == _PLANS and (body.get("sku") or {}).get("name") == "FC1":
            redundant = bool((body.get("properties") or {}).get("zoneRedundant"))
            found.append(Spread(item["address"], location, flex=True, zone_redundant=redundant))
        elif body.get("zones"):
            found.append(Spread(item["address"], location, zones=tuple(map(str, body["zones"]))))
    return found


def missing(wanted: list[Spread], subscription: str, read: Read) -> tuple[list[str], list[str]]:
    """What the regions lack, and what nobody can know before, as sentences."""
    base = f"/subscriptions/{subscription}"
    plans, zoned = [one for one in wanted if one.flex], [one for one in wanted if one.zones]
    found: list[str] = []
    unknown: list[str] = []
    if plans:
        listed = pages(read, f"{base}{_FLEX_REGIONS}&api-version={GEO_REGIONS_API_VERSION}")
        if listed is None:
            unknown += [
                f"{one.address}: the regions of Flex Consumption were not checked: they may not be read"
                for one in plans
            ]
        else:
            found += [problem for one in plans if (problem := _without_flex(one, listed))]
    if zoned:
        locations = pages(read, f"{base}/locations?api-version={SUBSCRIPTIONS_API_VERSION}")
        if locations is None:
            unknown += [f"{one.address}: its zones were not checked: the regions may not be read" for one in zoned]
        else:
            found += [problem for one in zoned if (problem := _without_zones(one, locations))]
    return found, unknown


def _without_flex(one: Spread, listed: list[dict[str, Any]]) -> str | None:
    domains = {region_name(item["name"]): (item.get("properties") or {}).get("orgDomain") or "" for item in listed}
    redundant = sorted(name for name, domain in domains.items() if _IN_ZONES in domain.upper().split(";"))
    if region_name(one.location) not in domains:
        return f"{one.address}: {one.location} has no Flex Consumption; regions that have: {', '.join(sorted(domains))}"
    if one.zone_redundant and region_name(one.location) not in redundant:
        return (
            f"{one.address}: {one.location} has no zone-redundant Flex Consumption; regions that have: "
            f"{', '.join(redundant)}"
        )
    return None


def _without_zones(one: Spread, locations: list[dict[str, Any]]) -> str | None:
    """https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations"""
    mappings = {item["name"]: item.get("availabilityZoneMappings") or [] for item in locations}
    if region_name(one.location) not in mappings:
        return None  # Azure's own refusal names the regions that are there
    known = [str(item["logicalZone"]) for item in mappings[region_name(one.location)]]
    if lacking := [zone for zone in one.zones if zone not in known]:
        has = f"the zones {', '.join(known)}" if known else "no availability zones"
        return f"{one.address}: {one.location} has {has}, not {', '.join(lacking)}"
    return None
