"""How many resources of a kind a subscription has in a region, and how many it may have.

Each provider has a list of its own, all of one shape: https://learn.microsoft.com/rest/api/storagerp/usages/list-by-location,
https://learn.microsoft.com/rest/api/virtualnetwork/usages/list. Batch says its limit alone:
https://learn.microsoft.com/rest/api/batchmanagement/location/get-quotas. The limits are Azure's defaults, unless the
subscription's conditions say others (conditions.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.records import Json
from toolkit.sandbox.conditions import conditions_of
from toolkit.sandbox.store import Store

_STORAGE: Mapping[str, str] = {"StorageAccounts": "Microsoft.Storage/storageAccounts"}
_NETWORK: Mapping[str, str] = {
    "VirtualNetworks": "Microsoft.Network/virtualNetworks",
    "NetworkSecurityGroups": "Microsoft.Network/networkSecurityGroups",
    "PrivateEndpoints": "Microsoft.Network/privateEndpoints",
    "PublicIPAddresses": "Microsoft.Network/publicIPAddresses",
    "NatGateways": "Microsoft.Network/natGateways",
    "RouteTables": "Microsoft.Network/routeTables",
}
_BATCH = "Microsoft.Batch/batchAccounts"


def storage_usages(store: Store, subscription_id: str, location: str) -> list[Json]:
    return [
        {**_row(store, subscription_id, location, name, type_), "unit": "Count"} for name, type_ in _STORAGE.items()
    ]


def network_usages(store: Store, subscription_id: str, location: str) -> list[Json]:
    base = f"/subscriptions/{subscription_id}/providers/Microsoft.Network/locations/{location}/usages"
    return [
        {**_row(store, subscription_id, location, name, type_), "id": f"{base}/{name}", "unit": "Count"}
        for name, type_ in _NETWORK.items()
    ]


def batch_quota(store: Store, subscription_id: str) -> Json:
    return {"accountQuota": conditions_of(store, subscription_id).limit("BatchAccounts")}


def count(store: Store, subscription_id: str, location: str, type_: str) -> int:
    scope = f"/subscriptions/{subscription_id}/".lower()
    return sum(
        one.id.lower().startswith(scope) and one.body.get("location") == location for one in store.of_type(type_)
    )


def _row(store: Store, subscription_id: str, location: str, name: str, type_: str) -> Json:
    return {
        "currentValue": count(store, subscription_id, location, type_),
        "limit": conditions_of(store, subscription_id).limit(name),
        "name": {"value": name, "localizedValue": name},
    }
