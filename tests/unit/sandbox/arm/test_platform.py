"""A small platform, resource by resource, as Terraform writes it."""

from __future__ import annotations

from typing import Any

from tests.unit.sandbox.arm.conftest import RG, SUB, TENANT, Arm

NETWORK = f"{RG}/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/vnet"
SUBNET = f"{VNET}/subnets/snet-pe"
ACCOUNT = f"{RG}/providers/Microsoft.Storage/storageAccounts/sttest001"
VAULT = f"{RG}/providers/Microsoft.KeyVault/vaults/kv-test-001"
FACTORY = f"{RG}/providers/Microsoft.DataFactory/factories/adf-test-001"
BLOB_ZONE = f"{NETWORK}/privateDnsZones/privatelink.blob.core.windows.net"


def make_network(arm: Arm) -> None:
    body = {
        "location": "westeurope",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.40.0.0/20"]},
            "subnets": [{"name": "snet-pe", "properties": {"addressPrefixes": ["10.40.0.0/24"]}}],
        },
    }
    arm.ok("PUT", VNET, body)


def make_account(arm: Arm, account: str = ACCOUNT, **properties: Any) -> Any:
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": properties}
    return arm.ok("PUT", account, body)


def make_vault(arm: Arm, vault: str = VAULT, **properties: Any) -> Any:
    return arm.ok("PUT", vault, vault_body(**properties))


def vault_body(**properties: Any) -> Any:
    return {
        "location": "westeurope",
        "properties": {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, **properties},
    }


def endpoint(target: str, group: str, kind: str = "privateLinkServiceConnections") -> Any:
    connection = {"name": "pe", "properties": {"privateLinkServiceId": target, "groupIds": [group]}}
    return {"location": "westeurope", "properties": {"subnet": {"id": SUBNET}, kind: [connection]}}


def make_zone(arm: Arm, zone: str = BLOB_ZONE, link: bool = True) -> None:
    arm.ok("PUT", zone, {"location": "global", "properties": {}})
    if link:
        arm.ok(
            "PUT",
            f"{zone}/virtualNetworkLinks/link",
            {"location": "global", "properties": {"virtualNetwork": {"id": VNET}}},
        )


def make_endpoint(
    arm: Arm, name: str = "pe-blob", target: str = ACCOUNT, group: str = "blob", zone: str = BLOB_ZONE
) -> str:
    pe = f"{NETWORK}/privateEndpoints/{name}"
    arm.ok("PUT", pe, endpoint(target, group), version="2024-01-01")
    config = {"name": "zone", "properties": {"privateDnsZoneId": zone}}
    arm.ok("PUT", f"{pe}/privateDnsZoneGroups/default", {"properties": {"privateDnsZoneConfigs": [config]}})
    return pe


def test_private_endpoint_writes_its_record_and_connection(arm: Arm) -> None:
    make_network(arm)
    make_account(arm)
    make_zone(arm)
    pe = make_endpoint(arm)

    shown = arm.ok("GET", pe)["properties"]
    assert shown["customDnsConfigs"] == [{"fqdn": "sttest001.blob.core.windows.net", "ipAddresses": ["10.40.0.4"]}]
    assert arm.ok("GET", f"{BLOB_ZONE}/A/sttest001")["properties"]["aRecords"] == [{"ipv4Address": "10.40.0.4"}]
    assert arm.ok("GET", BLOB_ZONE)["properties"]["numberOfRecordSets"] == 2
    (connection,) = arm.ok("GET", f"{ACCOUNT}/privateEndpointConnections")["value"]
    assert connection["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved"
    assert connection["properties"]["privateEndpoint"]["id"] == pe

    arm.ok("DELETE", pe)
    assert arm("GET", f"{BLOB_ZONE}/A/sttest001").status_code == 404
    assert arm.ok("GET", f"{ACCOUNT}/privateEndpointConnections")["value"] == []
    assert arm.ok("GET", ACCOUNT)["properties"]["privateEndpointConnections"] == []


def test_managed_endpoint_is_pending_until_its_target_approves(arm: Arm) -> None:
    make_account(arm)
    arm.ok("PUT", FACTORY, {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {}})
    arm.ok("PUT", f"{FACTORY}/managedVirtualNetworks/default", {"properties": {}})
    managed = f"{FACTORY}/managedVirtualNetworks/default/managedPrivateEndpoints/mpe-blob"
    made = arm.ok("PUT", managed, {"properties": {"privateLinkResourceId": ACCOUNT, "groupId": "blob", "fqdns": []}})
    assert made["properties"]["connectionState"]["status"] == "Pending"

    (connection,) = arm.ok("GET", f"{ACCOUNT}/privateEndpointConnections")["value"]
    endpoint_id = connection["properties"]["privateEndpoint"]["id"]
    assert endpoint_id.endswith("mpe-blob")
    state = {"status": "Approved", "description": "terraform", "actionRequired": "None"}
    sent = {"properties": {"privateEndpoint": {}, "privateLinkServiceConnectionState": state}}
    approved = arm.ok("PUT", connection["id"], sent)
    assert approved["properties"]["privateEndpoint"]["id"] == endpoint_id
    assert approved["properties"]["privateLinkServiceConnectionState"] == state
    assert arm.ok("GET", managed)["properties"]["connectionState"]["status"] == "Approved"

    arm.ok("DELETE", managed)
    assert arm.ok("GET", f"{ACCOUNT}/privateEndpointConnections")["value"] == []


def test_batch_connection_is_patched(arm: Arm) -> None:
    account = f"{RG}/providers/Microsoft.Batch/batchAccounts/batest"
    arm.ok("PUT", account, {"location": "westeurope", "properties": {}})
    arm.ok("PUT", FACTORY, {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {}})
    arm.ok("PUT", f"{FACTORY}/managedVirtualNetworks/default", {"properties": {}})
    managed = f"{FACTORY}/managedVirtualNetworks/default/managedPrivateEndpoints/mpe-batch"
    arm.ok("PUT", managed, {"properties": {"privateLinkResourceId": account, "groupId": "batchAccount"}})
    (connection,) = arm.ok("GET", f"{account}/privateEndpointConnections")["value"]
    sent = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "terraform"}}}
    assert arm("PUT", connection["id"], sent).status_code == 405
    arm.ok("PATCH", connection["id"], sent)
    assert arm.ok("GET", managed)["properties"]["connectionState"]["status"] == "Approved"


DELETED_ACCOUNTS = "Microsoft.Storage/deletedAccounts"


def test_group_is_deleted_with_everything_in_it(arm: Arm) -> None:
    make_network(arm)
    make_account(arm)
    make_zone(arm)
    make_endpoint(arm)
    make_vault(arm)
    arm.ok("PUT", f"{ACCOUNT}/blobServices/default/containers/raw", {"properties": {}})
    assert arm.blobs.containers == {("sttest001", "raw")}

    arm.ok("DELETE", RG)

    assert arm("GET", RG).status_code == 404
    assert arm.store.under(RG) == []
    assert not arm.blobs.holds("sttest001")
    for kind, name in (("Microsoft.KeyVault/deletedVaults", "kv-test-001"), (DELETED_ACCOUNTS, "sttest001")):
        (deleted,) = arm.ok("GET", f"{SUB}/providers/{kind}")["value"]
        assert deleted["name"] == name


def test_system_assigned_identity_lives_with_its_resource(arm: Arm) -> None:
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {}}
    principal = arm.ok("PUT", FACTORY, body)["identity"]["principalId"]
    assert arm.directory.principal(principal) is not None
    assert arm.ok("PUT", FACTORY, body)["identity"]["principalId"] == principal
    arm.ok("DELETE", FACTORY)
    assert arm.directory.principal(principal) is None
