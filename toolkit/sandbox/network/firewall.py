"""The public endpoint's network rules, in the one shape that Storage and Key Vault share (``networkAcls``)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from toolkit.records import Json
from toolkit.sandbox.model import Origin
from toolkit.sandbox.store import Store


def admits(
    acls: Json | None,
    source_ip: str,
    origin: Origin,
    service_endpoint: str,
    store: Store,
    region: str | None = None,
) -> bool:
    """Whether a resource with public network access lets a connection through its ``networkAcls``.

    Without rules everything passes. ``bypass`` (trusted services) concerns none of the vantages: they are machines of
    the user's. https://learn.microsoft.com/azure/storage/common/storage-network-security

    ``region`` is a storage account's: machines of Azure in that region reach it over private addresses of Azure's own,
    which no rule can name, so that rules for addresses have no effect.
    https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
    """
    acls = acls or {}
    if str(acls.get("defaultAction", "Allow")).lower() != "deny":
        return True
    neighbour = region is not None and origin.region == region
    if not neighbour and any(_contains(str(rule.get("value", "")), source_ip) for rule in acls.get("ipRules") or []):
        return True
    return origin.vantage.private_network == "vnet" and any(
        _has_service_endpoint(store, origin, str(rule.get("id", "")), service_endpoint)
        for rule in acls.get("virtualNetworkRules") or []
    )


def _contains(rule: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(rule, strict=False)
    except ValueError:
        return False


def _has_service_endpoint(store: Store, origin: Origin, subnet_id: str, service: str) -> bool:
    """A virtual network rule counts for a client in that subnet when the subnet has the service endpoint.

    The ``vnet`` vantage stands in every subnet of its subscription at once (inferred: the sandbox has no machines).
    """
    if not subnet_id.lower().startswith(f"/subscriptions/{origin.subscription_id}/".lower()):
        return False
    network_id, _, name = subnet_id.partition("/subnets/")
    subnet = store.get(subnet_id)
    network = store.get(network_id)
    inline = (network.properties.get("subnets") or []) if network else []
    found = (
        [subnet.properties]
        if subnet
        else [s.get("properties", {}) for s in inline if s.get("name", "").lower() == name.lower()]
    )
    services = [str(e.get("service", "")) for properties in found for e in properties.get("serviceEndpoints") or []]
    return any(s.lower() in (service.lower(), f"{service}.Global".lower()) for s in services)
