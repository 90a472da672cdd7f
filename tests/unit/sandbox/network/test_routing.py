"""Public or private: what each vantage sees, as zones, links, records, endpoints and approvals change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from tests.unit.sandbox.harness import GROUP, SUBSCRIPTION, resource
from toolkit.sandbox.internal import keep_connection, keep_target_hosts
from toolkit.sandbox.model import VANTAGES, Origin, vantage
from toolkit.sandbox.network.routing import PrivateNetwork
from toolkit.sandbox.private_link_zones import ZONES
from toolkit.sandbox.store import Resource, Store

HOST = "stacct.blob.core.windows.net"
ZONE = "privatelink.blob.core.windows.net"
ALIAS = "stacct.privatelink.blob.core.windows.net"
ADDRESS = "10.0.1.5"
DOCUMENTATION = [ip_network("192.0.2.0/24"), ip_network("203.0.113.0/24")]


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(":memory:")
    store.put(account())
    yield store
    store.close()


def account() -> Resource:
    return resource("Microsoft.Storage/storageAccounts", "stacct", {})


def origin(name: str, subscription_id: str = SUBSCRIPTION) -> Origin:
    return Origin(vantage(name), subscription_id)


def endpoint(status: str = "Approved", address: str = ADDRESS, name: str = "pe") -> Resource:
    connection = {
        "privateLinkServiceId": account().id,
        "groupIds": ["blob"],
        "privateLinkServiceConnectionState": {"status": status},
    }
    return resource(
        "Microsoft.Network/privateEndpoints",
        name,
        {"privateLinkServiceConnections": [{"name": "c", "properties": connection}]},
        {"ip_addresses": {HOST: address}},
    )


def child(parent: Resource, kind: str, name: str, properties: dict[str, object]) -> Resource:
    id_ = f"{parent.id}/{kind}/{name}"
    return Resource(id=id_, type=f"{parent.type}/{kind}", body={"id": id_, "name": name, "properties": properties})


def private_dns(store: Store, *, record: str | None = ADDRESS, policy: str = "Default", linked: bool = True) -> None:
    network = resource("Microsoft.Network/virtualNetworks", "vnet", {})
    zone = resource("Microsoft.Network/privateDnsZones", ZONE, {})
    store.put(network)
    store.put(zone)
    if linked:
        properties = {"virtualNetwork": {"id": network.id}, "resolutionPolicy": policy}
        store.put(child(zone, "virtualNetworkLinks", "link", properties))
    if record:
        store.put(child(zone, "A", "stacct", {"ttl": 10, "aRecords": [{"ipv4Address": record}]}))


@pytest.mark.parametrize("name", [v.name for v in VANTAGES])
def test_without_private_endpoints_everything_is_public(store: Store, name: str) -> None:
    private_dns(store)
    route = PrivateNetwork(store).route(origin(name), HOST.upper())
    assert route.private_endpoint_target is None
    assert route.unreachable is None
    assert route.source_ip == vantage(name).public_ip
    assert any(ip_address(route.address) in network for network in DOCUMENTATION)


def test_the_vnet_goes_through_the_endpoint_and_others_do_not(store: Store) -> None:
    private_dns(store)
    store.put(endpoint())
    network = PrivateNetwork(store)
    route = network.route(origin("vnet"), HOST)
    assert (route.address, route.private_endpoint_target, route.private_endpoint_id) == (
        ADDRESS,
        account().id.lower(),
        endpoint().id,
    )
    assert network.route(origin("internet"), HOST).private_endpoint_target is None
    assert network.route(origin("adf-managed"), HOST).private_endpoint_target is None


def test_a_hubs_zone_in_another_subscription_answers_as_well(store: Store) -> None:
    network = resource("Microsoft.Network/virtualNetworks", "vnet", {})
    store.put(network)
    hub = f"/subscriptions/hub/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/{ZONE}"
    zone = Resource(id=hub, type="Microsoft.Network/privateDnsZones", body={"id": hub, "name": ZONE, "properties": {}})
    store.put(zone)
    store.put(child(zone, "virtualNetworkLinks", "link", {"virtualNetwork": {"id": network.id}}))
    store.put(child(zone, "A", "stacct", {"ttl": 10, "aRecords": [{"ipv4Address": ADDRESS}]}))
    store.put(endpoint())
    assert PrivateNetwork(store).route(origin("vnet"), HOST).address == ADDRESS
    assert PrivateNetwork(store).route(origin("vnet", "hub"), HOST).private_endpoint_target is None


def test_changes_take_effect_at_once(store: Store) -> None:
    network = PrivateNetwork(store)
    assert network.route(origin("vnet"), HOST).private_endpoint_target is None
    private_dns(store)
    store.put(endpoint())
    assert network.route(origin("vnet"), HOST).private_endpoint_target == account().id.lower()
    store.delete(endpoint().id)
    assert network.route(origin("vnet"), HOST).private_endpoint_target is None


def test_an_endpoint_without_a_linked_zone_changes_nothing(store: Store) -> None:
    private_dns(store, linked=False)
    store.put(endpoint())
    assert PrivateNetwork(store).route(origin("vnet"), HOST).private_endpoint_target is None


def test_a_linked_zone_without_the_record_is_nxdomain(store: Store) -> None:
    private_dns(store, record=None)
    store.put(endpoint())
    network = PrivateNetwork(store)
    assert "no record" in (network.route(origin("vnet"), HOST).unreachable or "")
    assert network.route(origin("internet"), HOST).unreachable is None


def test_fallback_to_public_dns(store: Store) -> None:
    private_dns(store, record=None, policy="NxDomainRedirect")
    store.put(endpoint())
    route = PrivateNetwork(store).route(origin("vnet"), HOST)
    assert route.unreachable is None
    assert route.private_endpoint_target is None


def test_a_pending_connection_carries_nothing(store: Store) -> None:
    private_dns(store)
    store.put(endpoint("Pending"))
    assert "no approved private endpoint" in (PrivateNetwork(store).route(origin("vnet"), HOST).unreachable or "")


def test_a_record_with_a_stale_address_reaches_nobody(store: Store) -> None:
    private_dns(store, record="10.0.1.99")
    store.put(endpoint())
    assert "10.0.1.99" in (PrivateNetwork(store).route(origin("vnet"), HOST).unreachable or "")


def test_another_subscription_sees_the_public_endpoint(store: Store) -> None:
    private_dns(store)
    store.put(endpoint())
    other = origin("vnet", "99999999-9999-4999-8999-999999999999")
    assert PrivateNetwork(store).route(other, HOST).private_endpoint_target is None


def test_an_unknown_account_does_not_resolve(store: Store) -> None:
    route = PrivateNetwork(store).route(origin("internet"), "nosuch.blob.core.windows.net")
    assert route.unreachable == "there is no such name"


@pytest.mark.parametrize(("status", "reached"), [("Approved", True), ("Pending", False), ("Rejected", False)])
def test_the_factory_uses_the_managed_endpoints_that_their_targets_approve(
    store: Store, status: str, reached: bool
) -> None:
    """The factory goes on saying Approved after its target has rejected."""
    factory = f"{GROUP}/providers/Microsoft.DataFactory/factories/adf/managedVirtualNetworks/default"
    properties = {
        "privateLinkResourceId": account().id,
        "groupId": "blob",
        "connectionState": {"status": "Approved"},
    }
    connection = Resource(
        id=f"{account().id}/privateEndpointConnections/stacct.1",
        type="Microsoft.Storage/storageAccounts/privateEndpointConnections",
        body={"properties": {"privateLinkServiceConnectionState": {"status": status}}},
    )
    store.put(connection)
    managed = Resource(
        id=f"{factory}/managedPrivateEndpoints/mpe",
        type="Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints",
        body={"properties": properties},
    )
    keep_connection(managed, connection)
    keep_target_hosts(managed, [HOST])
    store.put(managed)
    network = PrivateNetwork(store)
    target = network.route(origin("adf-managed"), HOST).private_endpoint_target
    assert target == (account().id.lower() if reached else None)
    assert network.route(origin("vnet"), HOST).private_endpoint_target is None
    assert network.route(origin("adf-managed"), "stacct.dfs.core.windows.net").private_endpoint_target is None


@pytest.mark.parametrize(("status", "reached"), [("Active", True), ("Inactive", False)])
def test_clusters_go_through_the_endpoints_of_active_outbound_rules(store: Store, status: str, reached: bool) -> None:
    workspace = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw"
    destination = {"serviceResourceId": account().id, "subresourceTarget": "blob"}
    rule = Resource(
        id=f"{workspace}/outboundRules/default-blob",
        type="Microsoft.MachineLearningServices/workspaces/outboundRules",
        body={"properties": {"type": "PrivateEndpoint", "destination": destination, "status": status}},
    )
    keep_target_hosts(rule, [HOST])
    store.put(rule)
    network = PrivateNetwork(store)
    target = network.route(origin("aml-managed"), HOST).private_endpoint_target
    assert target == (account().id.lower() if reached else None)
    for elsewhere in ("internet", "vnet", "adf-managed"):
        assert network.route(origin(elsewhere), HOST).private_endpoint_target is None
    assert network.route(origin("aml-managed"), "stacct.dfs.core.windows.net").private_endpoint_target is None
    store.delete(rule.id)
    assert network.route(origin("aml-managed"), HOST).private_endpoint_target is None


def test_public_addresses_are_stable_and_never_real() -> None:
    with_zone = [f"name.{entry.suffix}" for entry in ZONES if entry.resource_type is None]
    network = PrivateNetwork(Store(":memory:"))
    for host in with_zone:
        first = network.resolve(origin("internet"), host).address
        assert first == PrivateNetwork(Store(":memory:")).resolve(origin("internet"), host).address
        assert any(ip_address(first or "") in documentation for documentation in DOCUMENTATION)


@pytest.mark.parametrize(
    ("region", "service_region", "admitted"),
    [
        (None, "westeurope", True),
        ("northeurope", "westeurope", True),
        ("westeurope", "westeurope", False),
        ("westeurope", None, True),  # a service of which the documentation says no such thing
    ],
)
def test_a_rule_for_an_address_has_no_effect_from_the_same_region(
    store: Store, region: str | None, service_region: str | None, admitted: bool
) -> None:
    here = replace(origin("internet"), region=region)
    rules = {"defaultAction": "Deny", "ipRules": [{"value": here.public_ip}]}
    network = PrivateNetwork(store)
    assert network.admits(rules, here.public_ip, here, "Microsoft.Storage", service_region) is admitted
    open_to_all = {"defaultAction": "Allow", "ipRules": []}
    assert network.admits(open_to_all, here.public_ip, here, "Microsoft.Storage", service_region)


def test_a_connection_shows_the_address_that_it_has(store: Store) -> None:
    here = replace(origin("internet"), address="203.0.113.77")
    assert PrivateNetwork(store).route(here, HOST).source_ip == "203.0.113.77"
