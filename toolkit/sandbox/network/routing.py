"""How a connection travels: to a public or a private endpoint, as DNS and approvals decide where the client stands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from toolkit.records import Json
from toolkit.sandbox.internal import connection_id, endpoint_addresses, target_hosts
from toolkit.sandbox.model import Origin
from toolkit.sandbox.network import firewall
from toolkit.sandbox.private_link_zones import ZONES, PrivateLinkZone, zone_of
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import Route

_ENDPOINTS: Final = "Microsoft.Network/privateEndpoints"
_MANAGED_ENDPOINTS: Final = "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints"
_OUTBOUND_RULES: Final = "Microsoft.MachineLearningServices/workspaces/outboundRules"
_DNS_ZONES: Final = "Microsoft.Network/privateDnsZones"
_DNS_LINKS: Final = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
_DNS_RECORDS: Final = "Microsoft.Network/privateDnsZones/A"
_NETWORKS: Final = "Microsoft.Network/virtualNetworks"
_TYPES: Final = (
    *(_ENDPOINTS, _MANAGED_ENDPOINTS, _OUTBOUND_RULES, _DNS_ZONES, _DNS_LINKS, _DNS_RECORDS, _NETWORKS),
    # Targets: an approval is written into their own body, and so into their type's revision.
    *("Microsoft.Batch/batchAccounts", "Microsoft.MachineLearningServices/workspaces"),
    *sorted({entry.resource_type for entry in ZONES if entry.resource_type}),
)


# What makes the private endpoints of a network that a service manages.
_MANAGED: Final = {"data-factory": _MANAGED_ENDPOINTS, "machine-learning": _OUTBOUND_RULES}


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS says from one origin: the alias, if the name has one, and the address; no address is NXDOMAIN."""

    alias: str | None
    address: str | None
    private: bool = False


class PrivateNetwork:
    """:class:`~toolkit.sandbox.world.Network` over the zones, links, records and private endpoints in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._routes: dict[tuple[Origin, str], Route] = {}
        self._revisions: tuple[int, ...] = ()

    def route(self, origin: Origin, host: str) -> Route:
        """How ``origin`` reaches ``host``; ``Route.unreachable`` when it does not resolve or nobody answers."""
        revisions = tuple(self._store.revision(type_) for type_ in _TYPES)
        if revisions != self._revisions:
            self._routes, self._revisions = {}, revisions
        key = (origin, host.lower().rstrip("."))
        if key not in self._routes:
            self._routes[key] = self._route(*key)
        return self._routes[key]

    def _route(self, origin: Origin, host: str) -> Route:
        source = origin.public_ip
        answer = self.resolve(origin, host)
        if answer.address is None:
            name = (
                f"{answer.alias} has no record in the linked private DNS zone"
                if answer.alias
                else "there is no such name"
            )
            return Route(host, "", source, unreachable=name)
        if not answer.private:
            return Route(host, answer.address, source)
        if origin.vantage.private_network in _MANAGED:
            endpoint = self._managed_endpoint(origin, host)
            target = _managed_target(endpoint) if endpoint else None
        else:
            endpoint = self._endpoint_at(origin, answer.address, host)
            target = _connection(endpoint).get("privateLinkServiceId") if endpoint else None
        if endpoint is None or target is None:
            reason = f"no approved private endpoint answers at {answer.address}, the address of {host} in private DNS"
            return Route(host, answer.address, source, unreachable=reason)
        return Route(host, answer.address, source, str(target).lower(), endpoint.id)

    def admits(
        self, acls: Json | None, source_ip: str, origin: Origin, service_endpoint: str, region: str | None = None
    ) -> bool:
        """Whether the public endpoint's ``networkAcls`` let a connection through (firewall.py)."""
        return firewall.admits(acls, source_ip, origin, service_endpoint, self._store, region)

    def resolve(self, origin: Origin, host: str) -> Answer:
        """What DNS answers for ``host`` (lower case) in the networks of ``origin``.

        A name becomes an alias of its privatelink name when its resource has a private endpoint
        (https://learn.microsoft.com/azure/private-link/private-endpoint-dns). A private zone that is linked to the
        client's network then decides: without a record the answer is NXDOMAIN, or the public one when the link's
        resolutionPolicy is NxDomainRedirect (https://learn.microsoft.com/azure/dns/private-dns-fallback).
        """
        entry = zone_of(host)
        public = _public_address(host)
        if entry is None:
            return Answer(None, public)
        label = host.removesuffix(entry.suffix).removesuffix(".") or "@"
        if not self._exists(entry, label):
            return Answer(None, None)
        if not self._has_endpoint(host):
            return Answer(None, public)
        alias = entry.zone if label == "@" else f"{label}.{entry.zone}"
        if origin.vantage.private_network in _MANAGED:
            endpoint = self._managed_endpoint(origin, host)
            return Answer(alias, _managed_address(endpoint), True) if endpoint else Answer(alias, public)
        if origin.vantage.private_network == "none":
            return Answer(alias, public)
        links = [link for link in self._links(entry.zone) if self._reaches_network(origin, link)]
        for link in links:
            record = self._store.get(f"{_parent(link)}/A/{label}")
            if record is not None and record.properties.get("aRecords"):
                return Answer(alias, str(record.properties["aRecords"][0]["ipv4Address"]), True)
        if links and not any(link.properties.get("resolutionPolicy") == "NxDomainRedirect" for link in links):
            return Answer(alias, None)
        return Answer(alias, public)

    # -- private DNS ---------------------------------------------------------------------------------------------------

    def _links(self, zone: str) -> list[Resource]:
        """Of zones in any subscription: what counts is the network that they lead to."""
        return [
            link
            for link in self._store.of_type(_DNS_LINKS)
            if _parent(link).lower().endswith(f"/{_DNS_ZONES}/{zone}".lower())
        ]

    def _reaches_network(self, origin: Origin, link: Resource) -> bool:
        network = str((link.properties.get("virtualNetwork") or {}).get("id", ""))
        return network.lower().startswith(_subscription(origin)) and self._store.get(network) is not None

    # -- private endpoints ---------------------------------------------------------------------------------------------

    def _exists(self, entry: PrivateLinkZone, label: str) -> bool:
        """Whether the name belongs to anything; taken for granted where a name is not simply a resource's."""
        if entry.resource_type is None or "." in label:
            return True
        return any(found.name.lower() == label for found in self._store.of_type(entry.resource_type))

    def _has_endpoint(self, host: str) -> bool:
        return any(host in _addresses(endpoint) for endpoint in self._store.of_type(_ENDPOINTS)) or any(
            host in _managed_hosts(endpoint) for type_ in _MANAGED.values() for endpoint in self._store.of_type(type_)
        )

    def _endpoint_at(self, origin: Origin, address: str, host: str) -> Resource | None:
        """The approved private endpoint at ``address``; the one for ``host`` where two networks share a range."""
        subscription = _subscription(origin)
        owners = [
            endpoint
            for endpoint in self._store.of_type(_ENDPOINTS)
            if endpoint.id.lower().startswith(subscription)
            and address in _addresses(endpoint).values()
            and _status(_connection(endpoint).get("privateLinkServiceConnectionState")) == "Approved"
        ]
        return next((endpoint for endpoint in owners if host in _addresses(endpoint)), owners[0] if owners else None)

    def _managed_endpoint(self, origin: Origin, host: str) -> Resource | None:
        subscription = _subscription(origin)
        return next(
            (
                endpoint
                for endpoint in self._store.of_type(_MANAGED[origin.vantage.private_network])
                if endpoint.id.lower().startswith(subscription)
                and host in _managed_hosts(endpoint)
                and self._carries(endpoint)
            ),
            None,
        )

    def _carries(self, endpoint: Resource) -> bool:
        """Whether the target approves. The factory's own word is out of date once the target has rejected; what
        makes an outbound rule active is that the service made its endpoint and had it approved.

        https://learn.microsoft.com/azure/data-factory/security-and-access-control-troubleshoot-guide
        https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
        """
        if endpoint.type == _OUTBOUND_RULES:
            return endpoint.properties.get("status") == "Active"
        connection = self._store.get(connection_id(endpoint))
        if connection is None:
            return False
        return _status(connection.properties.get("privateLinkServiceConnectionState")) == "Approved"


def _subscription(origin: Origin) -> str:
    return f"/subscriptions/{origin.subscription_id}/".lower()


def _parent(resource: Resource) -> str:
    return resource.id.rsplit("/", 2)[0]


def _status(state: Json | None) -> str | None:
    return (state or {}).get("status")


def _connection(endpoint: Resource) -> Json:
    """The properties of the endpoint's connection, automatic or manual."""
    properties = endpoint.properties
    connections = properties.get("privateLinkServiceConnections") or properties.get(
        "manualPrivateLinkServiceConnections"
    )
    found: Json = connections[0].get("properties", {}) if connections else {}
    return found


def _addresses(endpoint: Resource) -> dict[str, str]:
    """fqdn (lower case) -> address of a private endpoint."""
    return {fqdn.lower(): address for fqdn, address in endpoint_addresses(endpoint).items()}


def _managed_hosts(endpoint: Resource) -> set[str]:
    """The host names that a managed private endpoint takes over: its fqdns, else those of its target and group."""
    return {str(fqdn).lower() for fqdn in endpoint.properties.get("fqdns") or target_hosts(endpoint)}


def _managed_target(endpoint: Resource) -> str:
    properties = endpoint.properties
    return str(properties.get("privateLinkResourceId") or properties["destination"]["serviceResourceId"])


def _public_address(host: str) -> str:
    """A stable address of the documentation ranges (RFC 5737), so that it never names a real machine."""
    number = int.from_bytes(hashlib.sha256(host.encode()).digest()[:2])
    return f"{('192.0.2', '203.0.113')[number & 1]}.{128 + (number >> 1) % 127}"


def _managed_address(endpoint: Resource) -> str:
    """An address of a managed network; Azure shows none to customers, so a stable one is made up (inferred)."""
    number = int.from_bytes(hashlib.sha256(endpoint.id.lower().encode()).digest()[:2])
    return f"10.255.{number >> 8}.{number & 255}"
