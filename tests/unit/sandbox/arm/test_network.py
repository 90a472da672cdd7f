"""Subnets, private endpoints and their records: what is refused, and what is written where."""

from __future__ import annotations

from typing import Any

from tests.unit.sandbox.arm.conftest import PLAIN, RG, Arm
from tests.unit.sandbox.arm.test_platform import (
    ACCOUNT,
    BLOB_ZONE,
    NETWORK,
    SUBNET,
    VAULT,
    VNET,
    endpoint,
    make_account,
    make_endpoint,
    make_network,
    make_vault,
    make_zone,
)


def test_subnets_are_resources_and_members_of_their_network(arm: Arm) -> None:
    make_network(arm)
    arm.ok("PUT", f"{VNET}/subnets/two", {"properties": {"addressPrefix": "10.40.1.0/24"}})
    assert [s["name"] for s in arm.ok("GET", VNET)["properties"]["subnets"]] == ["snet-pe", "two"]
    outside = arm.refused("PUT", f"{VNET}/subnets/three", {"properties": {"addressPrefix": "10.41.0.0/24"}})
    overlap = arm.refused("PUT", f"{VNET}/subnets/three", {"properties": {"addressPrefix": "10.40.1.0/25"}})
    assert (outside[1], overlap[1]) == ("NetcfgSubnetRangeOutsideVnet", "NetcfgSubnetRangesOverlap")
    space = {"addressSpace": {"addressPrefixes": ["10.40.0.0/20"]}}
    arm.ok("PUT", VNET, {**PLAIN, "properties": space})  # leaves subnets out: they stay
    assert arm("GET", SUBNET).status_code == 200
    arm.ok("PUT", VNET, {**PLAIN, "properties": {**space, "subnets": []}})
    assert arm("GET", SUBNET).status_code == 404


def test_subnet_in_use_stays(arm: Arm) -> None:
    make_network(arm)
    make_account(arm)
    arm.ok("PUT", f"{NETWORK}/privateEndpoints/pe", endpoint(ACCOUNT, "blob"))
    assert arm.refused("DELETE", SUBNET) == (400, "InUseSubnetCannotBeDeleted")
    assert arm.refused("DELETE", VNET) == (400, "InUseSubnetCannotBeDeleted")


def test_an_endpoint_and_a_pool_keep_their_subnet(arm: Arm) -> None:
    make_network(arm)
    make_account(arm)
    other = f"{VNET}/subnets/other"
    arm.ok("PUT", other, {"properties": {"addressPrefix": "10.40.1.0/24"}})
    arm.ok("PUT", f"{NETWORK}/privateEndpoints/pe", endpoint(ACCOUNT, "blob"))
    moved = endpoint(ACCOUNT, "blob")
    moved["properties"]["subnet"]["id"] = other
    assert arm.refused("PUT", f"{NETWORK}/privateEndpoints/pe", moved) == (400, "PrivateEndpointSubnetCannotBeChanged")
    batch = f"{RG}/providers/Microsoft.Batch/batchAccounts/batest"
    arm.ok("PUT", batch, {**PLAIN, "properties": {"poolAllocationMode": "BatchService"}})
    pool = {"properties": {"vmSize": "Standard_D2s_v5", "networkConfiguration": {"subnetId": SUBNET}}}
    arm.ok("PUT", f"{batch}/pools/one", pool)
    arm.ok("PUT", f"{batch}/pools/one", pool)
    pool["properties"]["networkConfiguration"] = {"subnetId": other}
    assert arm.refused("PUT", f"{batch}/pools/one", pool) == (400, "InvalidRequestBody")


def test_endpoint_needs_a_target_and_a_valid_group(arm: Arm) -> None:
    make_network(arm)
    pe = f"{NETWORK}/privateEndpoints/pe"
    assert arm.refused("PUT", pe, endpoint(ACCOUNT, "blob")) == (400, "InvalidResourceReference")
    make_account(arm)
    assert arm.refused("PUT", pe, endpoint(ACCOUNT, "vault"))[1] == "PrivateEndpointCannotBeCreatedInvalidGroupId"
    elsewhere = {**endpoint(ACCOUNT, "blob"), "location": "northeurope"}
    assert arm.refused("PUT", pe, elsewhere) == (400, "InvalidResourceReference")
    arm.ok("PUT", pe, endpoint(ACCOUNT, "blob"))
    listed = arm.ok("GET", f"{ACCOUNT}/privateLinkResources")["value"]
    assert {entry["properties"]["groupId"] for entry in listed} == {"blob", "dfs", "file", "queue", "table", "web"}


def test_manual_endpoint_has_no_names_until_it_is_approved(arm: Arm) -> None:
    make_network(arm)
    make_account(arm)
    make_zone(arm)
    pe = f"{NETWORK}/privateEndpoints/pe"
    arm.ok("PUT", pe, endpoint(ACCOUNT, "blob", "manualPrivateLinkServiceConnections"))
    config = {"name": "zone", "properties": {"privateDnsZoneId": BLOB_ZONE}}
    arm.ok("PUT", f"{pe}/privateDnsZoneGroups/default", {"properties": {"privateDnsZoneConfigs": [config]}})
    assert arm.ok("GET", pe)["properties"]["customDnsConfigs"] == []
    assert arm("GET", f"{BLOB_ZONE}/A/sttest001").status_code == 404
    (connection,) = arm.ok("GET", f"{ACCOUNT}/privateEndpointConnections")["value"]

    def decide(status: str) -> dict[str, Any]:
        return {"properties": {"privateLinkServiceConnectionState": {"status": status, "description": "test"}}}

    arm.ok("PUT", connection["id"], decide("Approved"))
    assert arm.ok("GET", f"{BLOB_ZONE}/A/sttest001")["properties"]["aRecords"] == [{"ipv4Address": "10.40.0.4"}]
    arm.ok("PUT", connection["id"], decide("Rejected"))
    assert arm("GET", f"{BLOB_ZONE}/A/sttest001").status_code == 404
    assert arm.refused("PUT", connection["id"], decide("Approved"))[1] == "PrivateEndpointConnectionStatusNotPending"
    invented = f"{ACCOUNT}/privateEndpointConnections/invented"
    assert arm.refused("PUT", invented, decide("Approved"))[0] == 404


def test_addresses_are_taken_in_order_and_given_back(arm: Arm) -> None:
    make_network(arm)
    make_account(arm)
    make_vault(arm)
    make_zone(arm)
    first = make_endpoint(arm)
    second = f"{NETWORK}/privateEndpoints/pe-kv"
    arm.ok("PUT", second, endpoint(VAULT, "vault"))
    config = arm.ok("GET", second)["properties"]["customDnsConfigs"]
    assert config == [{"fqdn": "kv-test-001.vault.azure.net", "ipAddresses": ["10.40.0.5"]}]
    arm.ok("DELETE", first)
    third = f"{NETWORK}/privateEndpoints/pe-dfs"
    arm.ok("PUT", third, endpoint(ACCOUNT, "dfs"))
    assert arm.ok("GET", third)["properties"]["customDnsConfigs"][0]["ipAddresses"] == ["10.40.0.4"]


def test_vault_records_go_to_the_vaultcore_zone(arm: Arm) -> None:
    make_network(arm)
    make_vault(arm)
    zone = f"{NETWORK}/privateDnsZones/privatelink.vaultcore.azure.net"
    make_zone(arm, zone)
    make_endpoint(arm, "pe-kv", VAULT, "vault", zone)
    assert arm.ok("GET", f"{zone}/A/kv-test-001")["properties"]["aRecords"] == [{"ipv4Address": "10.40.0.4"}]
