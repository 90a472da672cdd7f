"""What Storage and Key Vault both demand of the rules in their ``networkAcls``.

https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations,
https://learn.microsoft.com/azure/key-vault/general/network-security
"""

from __future__ import annotations

import ipaddress

from toolkit.records import Json
from toolkit.sandbox.arm.resource_type import Call

_PRIVATE = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_JOIN = "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"


def private_block(network: ipaddress.IPv4Network) -> ipaddress.IPv4Network | None:
    """The block of RFC 1918 that a rule reaches into: rules are for public addresses only."""
    return next((block for block in _PRIVATE if network.overlaps(block)), None)


def unfit(rules: list[Json], most: int) -> str | None:
    """What is wrong with a list of rules that allow addresses: too many, no IPv4, not public, or an unknown action."""
    if len(rules) > most:
        return f"there are {len(rules)} rules of at most {most}"
    for rule in rules:
        value = str(rule.get("value", ""))
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError:
            return f"{value} is no IPv4 address or range in CIDR notation"
        if private_block(network):
            return f"{value} is no public address"
        if rule.setdefault("action", "Allow") != "Allow":
            return f"the action of {value} is {rule['action']}, and there is only Allow"
    return None


def subnet_without_endpoint(call: Call, acls: Json, service: str) -> str | None:
    """Azure's sentence about the first virtual network rule whose subnet lacks the service endpoint of ``service``.

    Raises ArmError for a subnet that is not there, or that the caller may not join. A rule with
    ``ignoreMissingVnetServiceEndpoint`` is not looked at.
    """
    for rule in acls.get("virtualNetworkRules") or []:
        subnet = call.referenced(rule.get("id", ""), call.id.id)
        call.require_linked(_JOIN, subnet.id)
        endpoints = {endpoint.get("service", "") for endpoint in subnet.properties.get("serviceEndpoints") or []}
        if not rule.get("ignoreMissingVnetServiceEndpoint") and not endpoints & {service, f"{service}.Global"}:
            return (
                f"Subnets {subnet.name} of virtual network {subnet.id.rsplit('/', 2)[0]} do not have ServiceEndpoints "
                f"for {service} resources configured. Add {service} to subnet's ServiceEndpoints collection before "
                f"trying to ACL {service} resources to these subnets.."
            )
    return None
