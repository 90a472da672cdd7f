"""Address ranges: the platform's network against those that it is peered with, and subnets that stand already."""

from __future__ import annotations

from ipaddress import ip_network

from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.context import Context
from toolkit.records import Json

_NETWORKS = "Microsoft.Network/virtualNetworks"


def _ranges(properties: Json) -> list[str]:
    return list((properties.get("addressSpace") or {}).get("addressPrefixes") or ())


def _overlaps(context: Context) -> Facts:
    """Azure refuses a peering of networks whose ranges overlap, and routes none of both to the other.

    What counts is every network that is, or wants to be, peered with ours: its own peerings name the remote one, with
    the ranges that it had (https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering).
    """
    own = next((one for one in context.declared(_NETWORKS) if _ranges(dict(one.properties))), None)
    if own is None:
        raise CheckSkipped(
            "feature:network", f"the network stands already ({context.data_file}): it has its ranges", meant=True
        )
    mine = [ip_network(text) for text in _ranges(dict(own.properties))]
    our_id = f"{context.platform_group}/providers/{_NETWORKS}/{own.name}".lower()
    listed = context.asked(
        "virtual networks", lambda: context.live.list(f"{context.subscription}/providers/{_NETWORKS}")
    )
    others: dict[str, list[str]] = {}
    for network in listed:
        properties: Json = network["properties"]
        peerings = [one["properties"] for one in properties.get("virtualNetworkPeerings") or ()]
        remote_ids = {str((one.get("remoteVirtualNetwork") or {}).get("id", "")).lower() for one in peerings}
        if str(network["id"]).lower() == our_id:
            for one in peerings:
                space = one.get("remoteAddressSpace") or one.get("remoteVirtualNetworkAddressSpace") or {}
                others[str((one.get("remoteVirtualNetwork") or {}).get("id"))] = list(
                    space.get("addressPrefixes") or ()
                )
        elif our_id in remote_ids:
            others[str(network["id"])] = _ranges(properties)
            # A hub's other spokes are reached through it.
            for one in peerings:
                remote = str((one.get("remoteVirtualNetwork") or {}).get("id", ""))
                if remote.lower() != our_id:
                    space = one.get("remoteAddressSpace") or {}
                    others[remote] = list(space.get("addressPrefixes") or ())
    clashes = [
        f"{mine_} overlaps {theirs} of {name}"
        for name, ranges in sorted(others.items())
        for theirs in ranges
        for mine_ in mine
        if mine_.overlaps(ip_network(theirs))
    ]
    if clashes:
        raise CheckFailed(
            "; ".join(clashes),
            cause="differs",
            hint=f"choose another network.address_space in {context.data_file}: toolkit env list --json shows "
            "those in use here, the hub's owner knows the others",
            facts={"ours": [str(one) for one in mine], "peered": others},
        )
    return {"ours": [str(one) for one in mine], "peered": others}


_AFTER = ("subscription-state", "data-declares")
CHECKS: tuple[Check[Context], ...] = (
    Check("addresses-peered", "addresses", "The address range overlaps no peered network's", _overlaps, depends=_AFTER),
)
