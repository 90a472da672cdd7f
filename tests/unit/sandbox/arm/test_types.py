"""What single types refuse and remember, where other parts of the product rely on it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm
from tests.unit.sandbox.arm.test_platform import (
    ACCOUNT,
    BLOB_ZONE,
    FACTORY,
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
    vault_body,
)

PLAIN = {"location": "westeurope"}


# -- storage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["10.0.0.1", "192.168.1.0/24", "203.0.113.7/32", "203.0.113.6/31", "203.0.113", "203.0.113.7/24"]
)
def test_storage_refuses_rules_that_azure_refuses(arm: Arm, value: str) -> None:
    make_account(arm)
    acls = {"defaultAction": "Deny", "ipRules": [{"value": value, "action": "Allow"}]}
    refused = arm.refused("PATCH", ACCOUNT, {"properties": {"networkAcls": acls}})
    assert refused == (400, "InvalidValuesForRequestParameters")
    assert arm.ok("GET", ACCOUNT)["properties"]["networkAcls"]["defaultAction"] == "Allow"


def test_storage_takes_at_most_400_rules(arm: Arm) -> None:
    make_account(arm)
    rules = [{"value": f"203.0.{n // 250 + 113}.{n % 250 + 1}", "action": "Allow"} for n in range(401)]
    sent = {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": rules[:400]}}}
    arm.ok("PATCH", ACCOUNT, sent)
    sent["properties"]["networkAcls"]["ipRules"] = rules
    assert arm.refused("PATCH", ACCOUNT, sent) == (400, "NetworkAclsValidationFailure")


def test_storage_names_are_unique_and_keys_are_kept(arm: Arm) -> None:
    make_account(arm, allowSharedKeyAccess=False)
    arm.ok("PUT", f"{SUB}/resourceGroups/other", PLAIN)
    elsewhere = ACCOUNT.replace(RG, f"{SUB}/resourceGroups/other")
    body = {**PLAIN, "sku": {"name": "Standard_LRS"}}
    assert arm.refused("PUT", elsewhere, body) == (409, "StorageAccountAlreadyTaken")
    assert arm.refused("PUT", ACCOUNT.replace("sttest001", "St-1"), body) == (400, "AccountNameInvalid")
    check = arm.ok("POST", f"{SUB}/providers/Microsoft.Storage/checkNameAvailability", {"name": "sttest001"})
    assert check["reason"] == "AlreadyExists"
    keys = arm.ok("POST", f"{ACCOUNT}/listKeys")["keys"]
    make_account(arm)
    assert arm.ok("POST", f"{ACCOUNT}/listKeys")["keys"] == keys
    renewed = arm.ok("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key2"})["keys"]
    assert (renewed[0], renewed[1] == keys[1]) == (keys[0], False)
    assert all(key["value"] not in arm("GET", ACCOUNT).text for key in renewed)


def test_deleted_containers_are_listed_as_long_as_they_are_kept(arm: Arm) -> None:
    make_account(arm)
    service = f"{ACCOUNT}/blobServices/default"
    arm.ok("PUT", service, {"properties": {"containerDeleteRetentionPolicy": {"enabled": True, "days": 14}}})
    for name in ("one", "two"):
        arm.ok("PUT", f"{service}/containers/{name}", {"properties": {}})
    arm.ok("DELETE", f"{service}/containers/one")
    assert [entry["name"] for entry in arm.ok("GET", f"{service}/containers")["value"]] == ["two"]
    listed = arm.ok("GET", f"{service}/containers?$include=deleted")["value"]
    assert [(entry["name"], entry["properties"]["deleted"]) for entry in listed] == [("one", True), ("two", False)]
    properties = listed[0]["properties"]
    assert properties["remainingRetentionDays"] == 14
    assert properties["version"]
    assert properties["deletedTime"]
    assert len(arm.blobs.containers) == 2  # its blobs wait under another name
    arm.ok("PUT", f"{service}/containers/one", {"properties": {}})
    assert len(arm.ok("GET", f"{service}/containers?$include=deleted")["value"]) == 3

    arm.ok("PUT", service, {"properties": {"containerDeleteRetentionPolicy": {"enabled": False}}})
    arm.ok("DELETE", f"{service}/containers/two")
    names = [entry["name"] for entry in arm.ok("GET", f"{service}/containers?$include=deleted")["value"]]
    assert names == ["one", "one"]
    arm.ok("DELETE", ACCOUNT)
    make_account(arm)
    assert arm.ok("GET", f"{service}/containers?$include=deleted")["value"] == []


def test_storage_put_keeps_what_the_service_wrote(arm: Arm) -> None:
    made = make_account(arm)["properties"]
    again = make_account(arm, minimumTlsVersion="TLS1_2")["properties"]
    assert again["creationTime"] == made["creationTime"]
    assert again["primaryEndpoints"]["blob"] == "https://sttest001.blob.core.windows.net/"
    body = {**PLAIN, "sku": {"name": "Standard_LRS"}, "properties": {"isHnsEnabled": True}}
    assert arm.refused("PUT", ACCOUNT, body) == (400, "AccountPropertyCannotBeUpdated")


def test_services_exist_with_the_account(arm: Arm) -> None:
    make_account(arm, isHnsEnabled=True)
    service = f"{ACCOUNT}/blobServices/default"
    assert arm.ok("GET", service)["properties"]["deleteRetentionPolicy"]["enabled"] is False
    versioning = {"properties": {"isVersioningEnabled": True}}
    assert arm.refused("PUT", service, versioning) == (400, "FeatureNotSupportedForAccount")
    assert arm.refused("DELETE", service) == (405, "MethodNotAllowed")


def test_containers(arm: Arm) -> None:
    make_account(arm)
    containers = f"{ACCOUNT}/blobServices/default/containers"
    assert arm.refused("PUT", f"{containers}/Raw_", {}) == (400, "InvalidResourceName")
    assert (
        arm.refused("PUT", f"{containers}/raw", {"properties": {"publicAccess": "Blob"}})[1]
        == "PublicAccessNotPermitted"
    )
    assert arm("PUT", f"{containers}/raw", {}).status_code == 201
    assert [entry["name"] for entry in arm.ok("GET", containers)["value"]] == ["raw"]
    arm.ok("DELETE", f"{containers}/raw")
    assert arm.blobs.containers == set()
    assert arm.refused("GET", f"{containers}/raw") == (404, "ContainerNotFound")


# -- key vault ---------------------------------------------------------------------------------------------------------


def test_vault_is_soft_deleted_recovered_and_purged(arm: Arm) -> None:
    made = make_vault(arm, enableRbacAuthorization=True)
    assert made["properties"]["vaultUri"] == "https://kv-test-001.vault.azure.net/"
    secret = f"{VAULT}/secrets/password"
    answered = arm.ok("PUT", secret, {"properties": {"value": "hush"}})
    assert "hush" not in str(answered)
    assert "hush" not in str(arm.store.get(secret))
    arm.ok("DELETE", VAULT)
    assert arm.refused("PUT", VAULT, vault_body()) == (409, "ConflictError")
    recovered = arm.ok("PUT", VAULT, vault_body(createMode="recover"))
    assert recovered["properties"]["enableRbacAuthorization"] is True
    assert arm.store.document("keyvault-secret", "kv-test-001/password") is not None
    arm.ok("DELETE", VAULT)
    deleted = f"{SUB}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-test-001"
    arm.ok("POST", f"{deleted}/purge")
    assert arm.refused("GET", deleted) == (404, "DeletedVaultNotFound")
    assert arm.store.document("keyvault-secret", "kv-test-001/password") is None
    make_vault(arm)


def test_purge_protection_refuses_purge_and_cannot_be_turned_off(arm: Arm) -> None:
    make_vault(arm, enablePurgeProtection=True)
    assert arm.refused("PUT", VAULT, vault_body(enablePurgeProtection=False)) == (400, "BadRequest")
    assert make_vault(arm)["properties"]["enablePurgeProtection"] is True
    arm.ok("DELETE", VAULT)
    deleted = f"{SUB}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-test-001"
    assert arm.refused("POST", f"{deleted}/purge") == (403, "MethodNotAllowed")


@pytest.mark.parametrize("value", ["10.0.0.0/8", "192.168.1.7", "172.20.0.0/16", "203.0.113", "2001:db8::1"])
def test_vault_refuses_rules_that_azure_refuses(arm: Arm, value: str) -> None:
    acls = {"defaultAction": "Deny", "ipRules": [{"value": value}]}
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "BadRequest")
    assert arm.refused("GET", VAULT) == (404, "ResourceNotFound")


def test_vault_answers_an_address_as_a_range_of_one(arm: Arm) -> None:
    acls = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}, {"value": "198.51.100.0/24"}]}
    made = make_vault(arm, networkAcls=acls)
    assert [rule["value"] for rule in made["properties"]["networkAcls"]["ipRules"]] == [
        "203.0.113.7/32",
        "198.51.100.0/24",
    ]
    acls["ipRules"] = [{"value": f"203.0.{n // 250}.{n % 250 + 1}"} for n in range(1001)]
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "BadRequest")


def test_vault_takes_subnets_with_its_service_endpoint_only(arm: Arm) -> None:
    acls = {"defaultAction": "Deny", "virtualNetworkRules": [{"id": SUBNET}]}
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "InvalidResourceReference")
    make_network(arm)
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "VirtualNetworkNotValid")
    subnet = arm.ok("GET", SUBNET)["properties"]
    arm.ok("PUT", SUBNET, {"properties": {**subnet, "serviceEndpoints": [{"service": "Microsoft.KeyVault"}]}})
    make_vault(arm, networkAcls=acls)


# -- network -----------------------------------------------------------------------------------------------------------


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


# -- data factory ------------------------------------------------------------------------------------------------------


def make_factory(arm: Arm) -> None:
    arm.ok("PUT", FACTORY, {**PLAIN, "identity": {"type": "SystemAssigned"}, "properties": {}})


def test_every_factory_put_answers_200(arm: Arm) -> None:
    made = arm("PUT", FACTORY, {**PLAIN, "properties": {}})
    pipeline = {
        "properties": {"activities": [{"name": "w", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}]}
    }
    first = arm("PUT", f"{FACTORY}/pipelines/p", pipeline)
    assert (made.status_code, first.status_code) == (200, 200)
    etag = first.json()["etag"]
    assert arm.refused("PUT", f"{FACTORY}/pipelines/p", pipeline, If_Match='"old"') == (412, "PreconditionFailed")
    assert arm("GET", f"{FACTORY}/pipelines/p", If_None_Match=etag).status_code == 304


def test_references_must_exist_and_hold(arm: Arm) -> None:
    make_factory(arm)
    runtime = {"referenceName": "ir", "type": "IntegrationRuntimeReference"}
    linked = {"properties": {"type": "AzureBlobStorage", "connectVia": runtime, "typeProperties": {}}}
    assert arm.refused("PUT", f"{FACTORY}/linkedservices/ls", linked) == (400, "BadRequest")
    arm.ok("PUT", f"{FACTORY}/integrationRuntimes/ir", {"properties": {"type": "Managed"}})
    arm.ok("PUT", f"{FACTORY}/linkedServices/ls", linked)
    assert arm.refused("DELETE", f"{FACTORY}/integrationRuntimes/ir") == (400, "BadRequest")
    arm.ok("DELETE", f"{FACTORY}/linkedservices/ls")
    arm.ok("DELETE", f"{FACTORY}/integrationRuntimes/ir")


def test_started_trigger_is_stopped_before_it_changes(arm: Arm) -> None:
    make_factory(arm)
    trigger, body = f"{FACTORY}/triggers/daily", {"properties": {"type": "ScheduleTrigger", "typeProperties": {}}}
    arm.ok("PUT", trigger, body)
    arm.ok("POST", f"{trigger}/start")
    assert arm.ok("GET", trigger)["properties"]["runtimeState"] == "Started"
    assert arm.refused("PUT", trigger, body) == (400, "TriggerEnabledCannotUpdate")
    assert arm.refused("DELETE", trigger) == (400, "TriggerEnabledCannotUpdate")
    arm.ok("POST", f"{trigger}/stop")
    arm.ok("DELETE", trigger)


def events_trigger(arm: Arm, **more: Any) -> str:
    make_factory(arm)
    make_account(arm)
    given = {"scope": ACCOUNT, "events": ["Microsoft.Storage.BlobCreated"], "blobPathBeginsWith": "/in/", **more}
    arm.ok("PUT", f"{FACTORY}/triggers/files", {"properties": {"type": "BlobEventsTrigger", "typeProperties": given}})
    return f"{FACTORY}/triggers/files"


def test_a_storage_event_trigger_is_subscribed_by_its_start(arm: Arm) -> None:
    trigger = events_trigger(arm)

    def status() -> Any:
        return arm.ok("POST", f"{trigger}/getEventSubscriptionStatus")["status"]

    assert arm.refused("POST", f"{trigger}/start") == (400, "MissingSubscriptionRegistration")
    assert arm.refused("POST", f"{trigger}/subscribeToEvents") == (400, "MissingSubscriptionRegistration")
    assert status() == "Disabled"
    arm.ok("POST", f"{SUB}/providers/Microsoft.EventGrid/register")
    arm.ok("POST", f"{trigger}/start")
    assert status() == "Enabled"
    assert arm.ok("POST", f"{trigger}/unsubscribeFromEvents")["status"] == "Disabled"
    assert arm.ok("POST", f"{trigger}/subscribeToEvents")["status"] == "Enabled"
    arm.ok("POST", f"{trigger}/stop")
    assert status() == "Disabled"


@pytest.mark.parametrize(
    "more", [{"blobPathBeginsWith": ""}, {"events": []}, {"events": ["Microsoft.Storage.BlobRenamed"]}]
)
def test_what_is_no_storage_event_trigger(arm: Arm, more: Any) -> None:
    make_factory(arm)
    given = {"scope": ACCOUNT, "events": ["Microsoft.Storage.BlobCreated"], "blobPathBeginsWith": "/in/", **more}
    body = {"properties": {"type": "BlobEventsTrigger", "typeProperties": given}}
    assert arm.refused("PUT", f"{FACTORY}/triggers/files", body) == (400, "BadRequest")


@pytest.mark.parametrize("kind", ["CustomEventsTrigger", "RerunTumblingWindowTrigger", "ChainingTrigger"])
def test_a_trigger_that_would_never_fire_here_is_not_started(arm: Arm, kind: str) -> None:
    make_factory(arm)
    arm.ok("PUT", f"{FACTORY}/triggers/t", {"properties": {"type": kind, "typeProperties": {}}})
    answer = arm("POST", f"{FACTORY}/triggers/t/start")
    assert answer.status_code == 501
    assert f"does not fire triggers of type '{kind}'" in answer.text
    assert arm.ok("GET", f"{FACTORY}/triggers/t")["properties"]["runtimeState"] == "Stopped"
    assert arm.refused("POST", f"{FACTORY}/triggers/t/subscribeToEvents") == (400, "BadRequest")


def test_a_window_keeps_its_size_and_its_upstream_stays(arm: Arm) -> None:
    make_factory(arm)

    def put(name: str, **more: Any) -> Any:
        given = {"frequency": "Hour", "interval": 1, "startTime": "2026-01-01T00:00:00Z", **more}
        body = {"properties": {"type": "TumblingWindowTrigger", "typeProperties": given}}
        return arm("PUT", f"{FACTORY}/triggers/{name}", body)

    upstream = {"type": "TriggerReference", "referenceName": "up"}
    depends = [{"type": "TumblingWindowTriggerDependencyReference", "referenceTrigger": upstream}]
    assert put("down", dependsOn=depends).status_code == 400
    assert put("up").status_code == put("down", dependsOn=depends).status_code == 200
    assert put("up", delay="00:10:00").status_code == 200
    for changed in ({"interval": 2}, {"frequency": "Minute"}):
        assert put("up", **changed).status_code == 400
    assert arm.refused("DELETE", f"{FACTORY}/triggers/up") == (400, "BadRequest")
    arm.ok("DELETE", f"{FACTORY}/triggers/down")
    arm.ok("DELETE", f"{FACTORY}/triggers/up")
    for action in ("rerun", "cancel"):
        assert arm.refused("POST", f"{FACTORY}/triggers/up/triggerRuns/1/{action}") == (404, "ParentResourceNotFound")


# -- machine learning --------------------------------------------------------------------------------------------------

WORKSPACE = f"{RG}/providers/Microsoft.MachineLearningServices/workspaces/mlw-test"


def make_workspace(arm: Arm, **properties: Any) -> Any:
    make_account(arm)
    make_vault(arm)
    return arm("PUT", WORKSPACE, workspace_body(**properties))


def workspace_body(**properties: Any) -> Any:
    linked = {"storageAccount": ACCOUNT, "keyVault": VAULT}
    return {**PLAIN, "identity": {"type": "SystemAssigned"}, "properties": {**linked, **properties}}


def test_workspace_comes_with_its_datastores_and_is_soft_deleted(arm: Arm) -> None:
    assert arm.refused("PUT", WORKSPACE, workspace_body()) == (400, "InvalidResourceReference")
    made = make_workspace(arm)
    assert made.status_code == 200
    key = made.json()["properties"]["workspaceId"]
    names = [entry["name"] for entry in arm.ok("GET", f"{WORKSPACE}/datastores")["value"]]
    assert names == ["workspaceartifactstore", "workspaceblobstore", "workspacefilestore", "workspaceworkingdirectory"]
    assert ("sttest001", f"azureml-blobstore-{key}") in arm.blobs.containers

    arm.ok("DELETE", WORKSPACE)
    refused = arm("PUT", WORKSPACE, workspace_body())
    assert refused.status_code == 400
    assert "Soft-deleted workspace exists" in refused.json()["error"]["message"]
    arm("DELETE", f"{WORKSPACE}?forceToPurge=true")
    arm.ok("PUT", WORKSPACE, workspace_body())


@pytest.mark.parametrize("again", [False, True])
def test_workspace_answers_linked_ids_as_azure_spells_them(arm: Arm, again: bool) -> None:
    make_account(arm)
    make_vault(arm)
    insights = f"{RG}/providers/Microsoft.Insights/components/appi"
    logs = f"{RG}/providers/Microsoft.OperationalInsights/workspaces/log"
    arm.ok("PUT", logs, PLAIN)
    component = {"Application_Type": "web", "WorkspaceResourceId": logs}
    arm.ok("PUT", insights, {**PLAIN, "kind": "web", "properties": component}, version="2020-02-02")
    body = workspace_body(applicationInsights=insights)
    for _ in range(1 + again):
        arm.ok("PUT", WORKSPACE, body)
    found = arm.ok("GET", WORKSPACE)["properties"]
    assert found["keyVault"] == VAULT.replace("Microsoft.KeyVault", "Microsoft.Keyvault")
    assert found["applicationInsights"] == insights.replace("Microsoft.Insights", "Microsoft.insights")
    assert found["storageAccount"] == ACCOUNT


def test_managed_network_only_closes(arm: Arm) -> None:
    rule = {"type": "FQDN", "category": "UserDefined", "destination": "pypi.org"}
    network = {"isolationMode": "AllowInternetOutbound", "outboundRules": {"pypi": rule}}
    make_workspace(arm, managedNetwork=network)
    other = {"properties": {"type": "FQDN", "category": "UserDefined", "destination": "files.pythonhosted.org"}}
    arm.ok("PUT", f"{WORKSPACE}/outboundRules/files", other)
    arm.ok("PUT", WORKSPACE, workspace_body(managedNetwork=network))
    rules = arm.ok("GET", WORKSPACE)["properties"]["managedNetwork"]["outboundRules"]
    assert set(rules) == {"pypi", "files"}
    assert [r["name"] for r in arm.ok("GET", f"{WORKSPACE}/outboundRules")["value"]] == ["files", "pypi"]
    back = workspace_body(managedNetwork={"isolationMode": "Disabled"})
    assert arm.refused("PUT", WORKSPACE, back) == (400, "ValidationError")
    arm.ok("POST", f"{WORKSPACE}/provisionManagedNetwork", {"includeSpark": False})
    assert arm.ok("GET", f"{WORKSPACE}/outboundRules/pypi")["properties"]["status"] == "Active"


def test_versions_bring_their_container(arm: Arm) -> None:
    make_workspace(arm)
    version = f"{WORKSPACE}/environments/train/versions/1"
    assert arm("PUT", version, {"properties": {"image": "mcr.microsoft.com/x"}}).status_code == 201
    container = arm.ok("GET", f"{WORKSPACE}/environments/train")["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("1", "2")


def test_environments_go_with_their_workspace_only(arm: Arm) -> None:
    make_workspace(arm)
    version, container = f"{WORKSPACE}/environments/train/versions/1", f"{WORKSPACE}/environments/train"
    arm.ok("PUT", version, {"properties": {"image": "mcr.microsoft.com/x"}})
    for each in (version, container):
        assert arm.refused("DELETE", each) == (400, "UserError")
    data = f"{WORKSPACE}/data/rows/versions/1"
    arm.ok("PUT", data, {"properties": {"dataType": "uri_file", "dataUri": "azureml://x"}})
    arm.ok("DELETE", data)
    arm.ok("DELETE", WORKSPACE)
    assert arm("GET", version).status_code == 404


def test_federated_credentials(arm: Arm) -> None:
    identity = f"{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci"
    arm.ok("PUT", identity, PLAIN)
    sent = {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:o/r:ref:main", "audiences": ["a"]}
    credentials = f"{identity}/federatedIdentityCredentials"
    arm.ok("PUT", f"{credentials}/main", {"properties": sent})
    assert arm.refused("PUT", f"{credentials}/again", {"properties": sent}) == (409, "Conflict")
    assert arm.refused("PUT", f"{credentials}/bad", {"properties": {**sent, "subject": ""}}) == (400, "BadRequest")


def test_budget_starts_on_the_first_of_a_month(arm: Arm) -> None:
    budget = f"{RG}/providers/Microsoft.Consumption/budgets/monthly"

    def body(start: str) -> Any:
        contact = {"enabled": True, "operator": "GreaterThan", "threshold": 80, "contactEmails": ["ops@example.com"]}
        period = {"startDate": start, "endDate": "2031-01-01T00:00:00Z"}
        return {
            "properties": {
                "amount": 10,
                "category": "Cost",
                "timeGrain": "Monthly",
                "timePeriod": period,
                "notifications": {"n": contact},
            }
        }

    assert arm.refused("PUT", budget, body("2026-01-02T00:00:00Z"))[0] == 400
    assert arm("PUT", budget, body("2026-01-01T00:00:00Z")).status_code == 201


def test_diagnostic_settings_share_no_sink(arm: Arm) -> None:
    make_account(arm)
    workspace = f"{RG}/providers/Microsoft.OperationalInsights/workspaces/log"
    settings = f"{ACCOUNT}/providers/Microsoft.Insights/diagnosticSettings"
    sent = {"properties": {"workspaceId": workspace, "metrics": [{"category": "Transaction", "enabled": True}]}}
    assert arm.refused("PUT", f"{settings}/one", sent) == (400, "InvalidResourceReference")
    arm.ok("PUT", workspace, PLAIN)
    arm.ok("PUT", f"{settings}/one", sent)
    assert arm.refused("PUT", f"{settings}/two", sent) == (409, "Conflict")
    below = settings.replace(ACCOUNT, f"{ACCOUNT}/blobServices/default")
    arm.ok("PUT", f"{below}/one", sent)
    assert [entry["name"] for entry in arm.ok("GET", settings)["value"]] == ["one"]
    assert len(arm.ok("GET", below)["value"]) == 1


def test_registry_network_features_need_premium(arm: Arm) -> None:
    registry = f"{RG}/providers/Microsoft.ContainerRegistry/registries/acrtest001"
    closed = {**PLAIN, "sku": {"name": "Basic"}, "properties": {"publicNetworkAccess": "Disabled"}}
    assert arm.refused("PUT", registry, closed) == (400, "FeatureNotSupported")
    made = arm.ok("PUT", registry, {**closed, "sku": {"name": "Premium"}})
    assert made["properties"]["loginServer"] == "acrtest001.azurecr.io"


def test_function_settings_are_not_readable_with_get(arm: Arm) -> None:
    site = f"{RG}/providers/Microsoft.Web/sites/func-test-001"
    settings = [{"name": "KEY", "value": "v"}]
    shown = arm.ok(
        "PUT", site, {**PLAIN, "kind": "functionapp", "properties": {"siteConfig": {"appSettings": settings}}}
    )
    assert "siteConfig" not in shown["properties"]
    assert arm.refused("GET", f"{site}/config/appsettings")[0] == 400
    assert arm.ok("POST", f"{site}/config/appsettings/list")["properties"] == {"KEY": "v"}
    assert arm.ok("GET", f"{site}/basicPublishingCredentialsPolicies/scm")["properties"]["allow"] is True
