"""Which VM sizes a subscription may use where: https://learn.microsoft.com/rest/api/compute/resource-skus/list.

Every region has every size of vm_sizes.py (inferred), unless the subscription's conditions restrict one.
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.regions import available_regions, region_name
from toolkit.sandbox.conditions import conditions_of
from toolkit.sandbox.store import Store
from toolkit.sandbox.vm_sizes import VM_SIZES, VmSize


def list_skus(store: Store, subscription_id: str, location: str | None) -> list[Json]:
    """``location``: only there, as the one filter that Azure takes says."""
    restricted = {name.lower(): regions for name, regions in conditions_of(store, subscription_id).restricted.items()}
    wanted = [region_name(location)] if location else list(available_regions())
    return [
        _sku(size, region, region in restricted.get(size.name.lower(), ())) for region in wanted for size in VM_SIZES
    ]


def _sku(size: VmSize, region: str, restricted: bool) -> Json:
    restriction = {
        "type": "Location",
        "values": [region],
        "restrictionInfo": {"locations": [region]},
        "reasonCode": "NotAvailableForSubscription",
    }
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": size.name.partition("_")[0],
        "size": size.name.partition("_")[2],
        "family": size.family,
        "locations": [region],
        "capabilities": [{"name": "vCPUs", "value": str(size.cores)}],
        "restrictions": [restriction] if restricted else [],
    }
