"""What the region offers: each type, availability zones and Flex Consumption, and each VM size to this subscription."""

from __future__ import annotations

from toolkit.azure.api_versions import COMPUTE_SKUS_API_VERSION
from toolkit.azure.arm import arm_client
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.checks.quotas import planned_nodes
from toolkit.doctor.context import Context
from toolkit.regions import region_name
from toolkit.terraform import zones
from toolkit.terraform.reads import reader
from toolkit.terraform.zones import Spread

_PLANS = "Microsoft.Web/serverfarms"
_OTHER = "choose another location in {env}, or leave out what needs it in {data}"


def _types(context: Context) -> Facts:
    """https://learn.microsoft.com/rest/api/resources/providers/list: a type's locations, by their display names."""
    providers = context.providers()
    lacking, seen = [], set()
    for one in context.declared():
        if not one.location or one.location == "global" or one.resource_type.lower() in seen:
            continue
        seen.add(one.resource_type.lower())
        namespace, _, name = one.resource_type.partition("/")
        types = {
            str(t["resourceType"]).lower(): t for t in (providers.get(namespace.lower()) or {}).get("resourceTypes", [])
        }
        offered = types.get(name.lower())
        places = [region_name(str(place)) for place in (offered or {}).get("locations") or ()]
        if offered is not None and places and region_name(one.location) not in places:
            lacking.append(f"{one.resource_type} (for {one.address})")
    if lacking:
        raise CheckFailed(
            f"{context.environment.location} does not offer {', '.join(lacking)}",
            cause="absent",
            hint=_OTHER.format(env=context.env_file, data=context.data_file)
            + "; az provider show --namespace NAMESPACE says where each type is",
        )
    return {"types": len(seen)}


def _spread(context: Context) -> Facts:
    wanted = []
    for one in context.declared():
        body, location = one.body or {}, one.location or ""
        if one.resource_type == _PLANS and (body.get("sku") or {}).get("name") == "FC1":
            redundant = bool(one.properties.get("zoneRedundant"))
            wanted.append(Spread(one.address, location, flex=True, zone_redundant=redundant))
        elif body.get("zones"):
            wanted.append(Spread(one.address, location, zones=tuple(map(str, body["zones"]))))
    if not wanted:
        raise CheckSkipped(
            "feature:zones", "the data asks for no availability zone and no Flex Consumption", meant=True
        )
    with arm_client(context.connection, context.run.credential()) as client:
        found, unknown = zones.missing(
            wanted, context.environment.subscription_id, reader(client, "the region's zones")
        )
    if found:
        raise CheckFailed(
            "; ".join(found),
            cause="absent",
            hint=f"choose another location in {context.env_file}, or change function_app.zone_redundant or "
            f"network.nat_zones in {context.data_file}",
        )
    if unknown and len(unknown) == len(wanted):
        raise CheckSkipped("right:zones", "; ".join(unknown), meant=True)
    return {"checked": [one.address for one in wanted], "unknown": unknown}


def _sizes(context: Context) -> Facts:
    """A restriction of the type Location says that this subscription may not use the size there, one of the type Zone
    that it may not in those zones: https://learn.microsoft.com/rest/api/compute/resource-skus/list
    """
    wanted = {nodes.vm_size.lower(): nodes for nodes, _ in planned_nodes(context)}
    if not wanted:
        raise CheckSkipped("feature:compute", "the data declares no cluster, compute instance or pool", meant=True)
    location = context.environment.location
    path = f"{context.subscription}/providers/Microsoft.Compute/skus"
    listed = context.asked(
        "VM sizes", lambda: context.live.list(path, COMPUTE_SKUS_API_VERSION, filter=f"location eq '{location}'")
    )
    sizes = {
        str(one["name"]).lower(): one
        for one in listed
        if one.get("resourceType") == "virtualMachines" and location in map(region_name, one.get("locations") or ())
    }
    wrong = []
    for name, nodes in wanted.items():
        found = sizes.get(name)
        if found is None:
            wrong.append(f"{location} has no {nodes.vm_size} (for {nodes.address})")
            continue
        reasons = [r for r in found.get("restrictions") or () if str(r.get("type")).lower() == "location"]
        if reasons:
            wrong.append(
                f"{nodes.vm_size} is restricted for this subscription in {location} "
                f"({reasons[0].get('reasonCode')}; for {nodes.address})"
            )
    if wrong:
        raise CheckFailed(
            "; ".join(wrong),
            cause="absent",
            hint=f"choose another vm_size in {context.data_file} (az vm list-skus --location {location} shows those "
            "without restrictions), or ask for access in the "
            "portal's Quotas page",
        )
    return {"sizes": sorted(nodes.vm_size for nodes in wanted.values())}


_AFTER = ("subscription-state", "data-declares")
CHECKS: tuple[Check[Context], ...] = (
    Check("region-types", "regions", "The region offers every type that is declared", _types, depends=_AFTER),
    Check("region-zones", "regions", "The region has the zones and plans that are asked for", _spread, depends=_AFTER),
    Check("region-vm-sizes", "regions", "This subscription may use each VM size in the region", _sizes, depends=_AFTER),
)
