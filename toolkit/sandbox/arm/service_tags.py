"""Which addresses are Azure's own, by region: of the machines that a subscription's settings stand in one.

https://learn.microsoft.com/rest/api/virtualnetwork/service-tags/list. The location in the path says whose version of
the list is asked for, not which part of it: the list has all regions.
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.model import VANTAGES
from toolkit.sandbox.world import Directory


def list_service_tags(directory: Directory, subscription_id: str) -> Json:
    prefixes: dict[str, set[str]] = {}
    for vantage in VANTAGES:
        standing = directory.standing(subscription_id, vantage.name)
        if standing.region is not None:
            addresses = standing.addresses or (vantage.public_ip,)
            prefixes.setdefault(standing.region, set()).update(f"{address}/32" for address in addresses)
    values = [
        {
            "name": f"AzureCloud.{region}",
            "id": f"AzureCloud.{region}",
            "properties": {
                "changeNumber": "1",
                "region": region,
                "systemService": "",
                "addressPrefixes": sorted(found),
            },
        }
        for region, found in sorted(prefixes.items())
    ]
    return {
        "name": "Public",
        "id": f"/subscriptions/{subscription_id}/providers/Microsoft.Network/serviceTags/Public",
        "type": "Microsoft.Network/serviceTags",
        "changeNumber": "1",
        "cloud": "Public",
        "values": values,
    }
