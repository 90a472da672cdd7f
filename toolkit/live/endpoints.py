"""Private connections and the names that lead to them: exactly those that are meant, to the endpoint's own addresses.

https://learn.microsoft.com/azure/private-link/private-endpoint-overview, …/private-endpoint-dns
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from toolkit.live.findings import Finding
from toolkit.live.inventory import BATCH, FACTORIES, REGISTRIES, SITES, WORKSPACES, ZONES, Inventory
from toolkit.live.meant import Meant
from toolkit.records import Json

ENDPOINTS = "Microsoft.Network/privateEndpoints"
TARGETS = (
    "Microsoft.Storage/storageAccounts",
    "Microsoft.KeyVault/vaults",
    REGISTRIES,
    WORKSPACES,
    FACTORIES,
    BATCH,
    SITES,
)
NIC_API_VERSION_OF = ENDPOINTS


def connections(inventory: Inventory, *targets: str) -> Iterator[Finding]:
    """Each connection of a service belongs to one of the platform's endpoints, and is approved."""
    meant = _meant_endpoints(inventory)
    for target in inventory.manifest.of(*(targets or TARGETS)):
        if not target.whole:
            continue
        type_ = f"{target.type}/privateEndpointConnections"
        wanted, met = meant.get(target.key, ()), set()
        for one in inventory.listed(f"{target.id}/privateEndpointConnections", type_):
            properties = one["properties"]
            endpoint = str((properties.get("privateEndpoint") or {}).get("id", ""))
            status = (properties.get("privateLinkServiceConnectionState") or {}).get("status")
            name = f"{target.id.rsplit('/', 1)[-1]} from {endpoint.rsplit('/', 1)[-1] or 'nowhere'}"
            met |= {each for each in wanted if _ours(endpoint, (each,))}
            if not _ours(endpoint, wanted):
                yield Finding("extra", type_, str(one["id"]), f"{name} ({status})", live=one)
            elif status != "Approved":
                yield Finding(
                    "differs",
                    type_,
                    str(one["id"]),
                    name,
                    "properties.privateLinkServiceConnectionState.status",
                    "Approved",
                    status,
                )
        for each in wanted:
            if each not in met and (
                "." in each or each.startswith("/")
            ):  # a workspace's are seen in its own network only
                name = f"{target.id.rsplit('/', 1)[-1]} from {each.rsplit('/', 1)[-1]}"
                yield Finding("missing", type_, target.id, name, meant=each, address=target.address)


def _meant_endpoints(inventory: Inventory) -> dict[str, tuple[str, ...]]:
    """By target: ids of private endpoints, and the names that services give to those that they make.

    A factory's are called FACTORY.NAME; a workspace's after the outbound rule (both inferred: they stand in
    subscriptions of Microsoft's).
    """
    found: dict[str, list[str]] = defaultdict(list)
    for endpoint in inventory.manifest.of(ENDPOINTS):
        for link in _links(endpoint):
            found[str(link["properties"]["privateLinkServiceId"]).casefold()].append(endpoint.key)
    for managed in inventory.manifest.of(f"{FACTORIES}/managedVirtualNetworks/managedPrivateEndpoints"):
        target = str(managed.body["properties"]["privateLinkResourceId"]).casefold()
        parts = managed.id.split("/")
        found[target].append(f"{parts[8]}.{parts[-1]}".casefold())
    for rule in inventory.manifest.of(f"{WORKSPACES}/outboundRules"):
        target = str((rule.body["properties"].get("destination") or {}).get("serviceResourceId", "")).casefold()
        found[target].append(rule.id.rsplit("/", 1)[-1].casefold())
    return {target: tuple(names) for target, names in found.items()}


def _ours(endpoint: str, meant: tuple[str, ...]) -> bool:
    folded = endpoint.casefold()
    own = folded.rsplit("/", 1)[-1]
    return any(folded == one if one.startswith("/") else own in (one, f"__sys_pe_{one}") for one in meant)


def _links(endpoint: Meant) -> list[Any]:
    properties = endpoint.body.get("properties") or {}
    return [
        *(properties.get("privateLinkServiceConnections") or []),
        *(properties.get("manualPrivateLinkServiceConnections") or []),
    ]


def records(inventory: Inventory) -> Iterator[Finding]:
    """Every record set of each zone is one that an endpoint's zone group writes, with the endpoint's own addresses."""
    expected: dict[tuple[str, str], tuple[set[str], str]] = {}
    for group in inventory.manifest.of(f"{ENDPOINTS}/privateDnsZoneGroups"):
        document = inventory.document(group)
        if document is None:
            continue  # a finding of its own
        own = addresses_of(inventory, group.id.rsplit("/privateDnsZoneGroups/", 1)[0])
        for config in document["properties"].get("privateDnsZoneConfigs") or []:
            zone_key = str(config["properties"]["privateDnsZoneId"]).casefold()
            for record in config["properties"].get("recordSets") or []:
                wanted = {str(one) for one in record.get("ipAddresses") or []}
                key = zone_key, str(record["recordSetName"]).casefold()
                before = expected[key][0] if key in expected else set()
                expected[key] = before | (wanted & own if own else wanted), group.address
    for zone in inventory.manifest.of(ZONES):
        yield from _of_zone(inventory, zone, expected)


def _of_zone(
    inventory: Inventory, zone: Meant, expected: dict[tuple[str, str], tuple[set[str], str]]
) -> Iterator[Finding]:
    met = set()
    for record in inventory.listed(f"{zone.id}/ALL", ZONES):
        kind, name = str(record["type"]).rsplit("/", 1)[-1], str(record["name"])
        if kind == "SOA":
            continue
        shown = f"{name}.{zone.id.rsplit('/', 1)[-1]}"
        key = zone.key, name.casefold()
        if kind != "A" or key not in expected:
            yield Finding("extra", f"{ZONES}/{kind}", str(record["id"]), shown, live=record)
            continue
        met.add(key)
        there = {str(one["ipv4Address"]) for one in record["properties"].get("aRecords") or []}
        wanted, address = expected[key]
        if there != wanted:
            yield Finding(
                "differs",
                f"{ZONES}/A",
                str(record["id"]),
                shown,
                "properties.aRecords",
                sorted(wanted),
                sorted(there),
                address,
            )
    for (of, name), (wanted, address) in expected.items():
        if of == zone.key and (of, name) not in met:
            shown = f"{name}.{zone.id.rsplit('/', 1)[-1]}"
            yield Finding("missing", f"{ZONES}/A", f"{zone.id}/A/{name}", shown, meant=sorted(wanted), address=address)


def addresses_of(inventory: Inventory, endpoint_id: str) -> set[str]:
    """The addresses of a private endpoint, by its own interfaces."""
    found: set[str] = set()
    endpoint = next((one for one in inventory.manifest.of(ENDPOINTS) if one.key == endpoint_id.casefold()), None)
    document: Json = (inventory.document(endpoint) if endpoint else None) or {"properties": {}}
    for interface in document["properties"].get("networkInterfaces") or []:
        assert endpoint is not None
        nic = inventory.view.find(str(interface["id"]), endpoint.api_version) or {"properties": {}}
        found |= {
            str(one["properties"].get("privateIPAddress")) for one in nic["properties"].get("ipConfigurations") or []
        }
    return found
