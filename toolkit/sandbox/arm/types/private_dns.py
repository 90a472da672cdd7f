"""Microsoft.Network private DNS: zones, links and records.

https://learn.microsoft.com/azure/dns/private-dns-overview, …/private-dns-virtual-network-links, …/private-dns-scenarios
"""

from __future__ import annotations

import ipaddress

from toolkit.records import Json
from toolkit.sandbox.arm.errors import OperationFailed, bad_request, conflict
from toolkit.sandbox.arm.resource_type import Call, LongRunning, ResourceType, Singleton
from toolkit.sandbox.store import Resource

ZONES = "Microsoft.Network/privateDnsZones"
LINKS = f"{ZONES}/virtualNetworkLinks"
_RECORD_KINDS = ("A", "AAAA", "CNAME", "MX", "PTR", "SRV", "TXT")
# The one private zone whose public name is not simply what follows "privatelink.".
_PUBLIC_SUFFIX = {"privatelink.vaultcore.azure.net": "vault.azure.net"}


def record_name(fqdn: str, zone: str) -> str | None:
    """The record set for a public host name in a private zone, "@" for the apex; None when the name is not of that
    zone."""
    suffix = _PUBLIC_SUFFIX.get(zone.lower(), zone.lower().removeprefix("privatelink."))
    if fqdn.lower() == suffix:
        return "@"
    return fqdn[: -len(suffix) - 1].lower() if fqdn.lower().endswith("." + suffix) else None


def write_a_record(call: Call, zone: Resource, name: str, addresses: list[str], ttl: int, metadata: Json) -> None:
    properties: Json = {
        "fqdn": _fqdn(name, zone.name),
        "ttl": ttl,
        "aRecords": [{"ipv4Address": address} for address in addresses],
        "isAutoRegistered": False,
        "metadata": metadata,
    }
    call.resources.write(f"{zone.id}/A/{name}", f"{ZONES}/A", properties)
    _count(call, zone.id)


def remove_a_record(call: Call, zone_id: str, name: str, addresses: list[str]) -> None:
    """Remove a record set that still has these addresses; another endpoint may have taken the name over since."""
    record = call.resources.store.get(f"{zone_id}/A/{name}")
    if record is not None and [entry["ipv4Address"] for entry in record.properties["aRecords"]] == addresses:
        call.resources.store.delete(record.id)
        _count(call, zone_id)


def _fqdn(name: str, zone: str) -> str:
    return f"{zone}." if name == "@" else f"{name}.{zone}."


def _count(call: Call, zone_id: str) -> None:
    zone = call.resources.store.get(zone_id)
    if zone is not None:
        _counts(call, zone)
        call.resources.store.put(zone)


def _counts(call: Call, zone: Resource) -> None:
    children = call.resources.store.under(zone.id)
    links = [child for child in children if child.type == LINKS]
    zone.properties.update(
        maxNumberOfRecordSets=25000,
        maxNumberOfVirtualNetworkLinks=1000,
        maxNumberOfVirtualNetworkLinksWithRegistration=100,
        numberOfRecordSets=max(1, sum(child.type in _RECORD_TYPES for child in children)),
        numberOfVirtualNetworkLinks=len(links),
        numberOfVirtualNetworkLinksWithRegistration=sum(
            bool(link.properties.get("registrationEnabled")) for link in links
        ),
    )


def _zone(call: Call, resource: Resource) -> None:
    _counts(call, resource)


def _zone_free(call: Call, resource: Resource) -> None:
    if call.resources.store.under(resource.id, LINKS):
        raise conflict("CannotDeleteResource", "Can not delete resource before nested resources are deleted.")


def _link(call: Call, resource: Resource) -> None:
    network_id = (resource.properties.get("virtualNetwork") or {}).get("id", "")
    if call.existing is not None and network_id.lower() != call.existing.properties["virtualNetwork"]["id"].lower():
        raise bad_request("BadRequest", "The virtual network of a virtual network link cannot be changed.")
    network = call.referenced(network_id, resource.id)
    call.require_linked("Microsoft.Network/virtualNetworks/join/action", network.id)
    resource.properties["virtualNetworkLinkState"] = "Completed"


def _linked(call: Call, resource: Resource) -> None:
    zone = call.id.names[0]
    network_id = resource.properties["virtualNetwork"]["id"]
    for other in call.resources.store.of_type(LINKS):
        other_zone = other.id.split("/")[-3]
        if (
            other.id.lower() == resource.id.lower()
            or other.properties["virtualNetwork"]["id"].lower() != network_id.lower()
        ):
            continue
        if other.id.rsplit("/", 2)[0].lower() == call.id.parent_id.lower():
            raise conflict(
                "Conflict", f"The virtual network '{network_id}' is linked to the zone '{zone}' already: {other.id}."
            )
        if other_zone.lower() == zone.lower():
            raise OperationFailed(
                "BadRequest",
                "A virtual network cannot be linked to multiple zones with overlapping namespaces. "
                f"You tried to link virtual network with '{zone}' and '{other_zone}' zones.",
            )
    call.resources.store.put(resource)
    _count(call, call.id.parent_id)


def _unlinked(call: Call, resource: Resource) -> None:
    call.resources.store.delete(resource.id)
    _count(call, call.id.parent_id)


def _record(call: Call, resource: Resource) -> None:
    properties = resource.properties
    properties["fqdn"] = _fqdn(call.id.name, call.id.names[0])
    properties.setdefault("isAutoRegistered", False)
    if call.id.types[-1] == "A":
        for entry in properties.get("aRecords") or []:
            try:
                ipaddress.IPv4Address(entry.get("ipv4Address", ""))
            except ValueError as error:
                raise bad_request("BadRequest", f"The value for field 'ipv4Address' is not valid: {error}.") from error
    call.resources.store.put(resource)
    _count(call, call.id.parent_id)


def _every_record(call: Call) -> list[Json]:
    """https://learn.microsoft.com/rest/api/dns/privatedns/record-sets/list (``…/ALL``)"""
    found = call.resources.store.under(call.id.parent_id)
    return [one.body for one in found if one.type in _RECORD_TYPES]


_RECORD_TYPES = frozenset(f"{ZONES}/{kind}" for kind in (*_RECORD_KINDS, "SOA"))
_LONG_RUNNING = LongRunning(create=30, update=10, delete=20, put_status=202)

PRIVATE_DNS_TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        ZONES,
        first_api_version="2018-09-01",
        location="global",
        etag_in_body=True,
        long_running=_LONG_RUNNING,
        singletons=(
            Singleton(
                f"{ZONES}/SOA",
                "@",
                {
                    "ttl": 3600,
                    "soaRecord": {
                        "host": "azureprivatedns.net",
                        "email": "azureprivatedns-host.microsoft.com",
                        "serialNumber": 1,
                        "refreshTime": 3600,
                        "retryTime": 300,
                        "expireTime": 2419200,
                        "minimumTtl": 10,
                    },
                },
            ),
        ),
        on_put=_zone,
        before_delete=_zone_free,
    ),
    ResourceType(
        LINKS,
        first_api_version="2018-09-01",
        place="child",
        location="global",
        etag_in_body=True,
        defaults={"registrationEnabled": False},
        long_running=_LONG_RUNNING,
        validate=_link,
        on_put=_linked,
        on_delete=_unlinked,
    ),
    *(
        ResourceType(
            f"{ZONES}/{kind}",
            first_api_version="2018-09-01",
            place="child",
            location="none",
            provisioning_state=False,
            etag_in_body=True,
            defaults={"ttl": 3600},
            on_put=_record,
            on_delete=_unlinked,
        )
        for kind in _RECORD_KINDS
    ),
    ResourceType(
        f"{ZONES}/ALL",
        first_api_version="2018-09-01",
        place="child",
        location="none",
        methods=frozenset({"GET"}),
        list=_every_record,
    ),
    ResourceType(
        f"{ZONES}/SOA",
        first_api_version="2018-09-01",
        place="child",
        location="none",
        provisioning_state=False,
        etag_in_body=True,
        methods=frozenset({"GET", "PUT", "PATCH"}),
        create_status=200,
    ),
)
