"""A closed storage account and a closed vault, made through ARM, as SDKs and a resolver see them from each vantage."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import dns.resolver
import pytest
from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, ProxyPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from tests.conftest import SandboxForTests
from toolkit.errors import ToolkitError
from toolkit.terraform.recovery.deleted_vault import steps_before_create

pytestmark = pytest.mark.contract

LOCATION = "westeurope"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
NETWORK_VERSION = "2023-11-01"


def client(sandbox: SandboxForTests, host: str, scope: str, vantage: str) -> PipelineClient[HttpRequest, HttpResponse]:
    options = sandbox.options(vantage)
    policies = [
        ProxyPolicy(proxies=options.pop("proxies")),
        BearerTokenCredentialPolicy(sandbox.credential(vantage), scope),
    ]
    return PipelineClient(f"https://{host}", policies=policies, **options)


class Platform:
    """A resource group with a network, and in it what :meth:`closed` makes."""

    def __init__(self, sandbox: SandboxForTests) -> None:
        self.sandbox = sandbox
        self.group = f"/subscriptions/{sandbox.subscription_id}/resourceGroups/rg-{uuid.uuid4().hex[:8]}"
        self.network = f"{self.group}/providers/Microsoft.Network/virtualNetworks/vnet"
        self.suffix = uuid.uuid4().hex[:10]
        self.account = f"st{self.suffix}"
        self.vault = f"kv-{self.suffix}"
        scope = "https://management.azure.com/.default"
        self._arm = client(sandbox, "management.azure.com", scope, "internet")
        for namespace in ("Storage", "KeyVault", "Network", "Authorization", "DataFactory"):
            path = f"/subscriptions/{sandbox.subscription_id}/providers/Microsoft.{namespace}/register"
            self.send("POST", path, "2021-04-01")
        self.put(self.group, "2021-04-01", {"location": LOCATION})
        subnet = {"name": "endpoints", "properties": {"addressPrefix": "10.9.0.0/24"}}
        space = {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}, "subnets": [subnet]}
        self.put(self.network, NETWORK_VERSION, {"location": LOCATION, "properties": space})

    def send(self, method: str, path: str, version: str, body: Any = None) -> dict[str, Any]:
        url = f"https://management.azure.com{path}?api-version={version}"
        response = self._arm.send_request(HttpRequest(method, url, json=body))
        response.raise_for_status()
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    def put(self, path: str, version: str, body: Any) -> dict[str, Any]:
        self.send("PUT", path, version, body)
        pause = threading.Event()
        for _ in range(600):
            found = self.send("GET", path, version)
            if found.get("properties", {}).get("provisioningState", "Succeeded") == "Succeeded":
                return found
            pause.wait(0.05)
        raise AssertionError(f"{path} is not provisioned")

    def endpoint(self, target: str, group_id: str, zone: str) -> None:
        """A private endpoint, with its zone linked to the network and its record in it."""
        zone_id = f"{self.group}/providers/Microsoft.Network/privateDnsZones/{zone}"
        self.put(zone_id, "2020-06-01", {"location": "global", "properties": {}})
        link = {"virtualNetwork": {"id": self.network}, "registrationEnabled": False}
        self.put(f"{zone_id}/virtualNetworkLinks/link", "2020-06-01", {"location": "global", "properties": link})
        endpoint = f"{self.group}/providers/Microsoft.Network/privateEndpoints/pe-{group_id}"
        connection = {"name": group_id, "properties": {"privateLinkServiceId": target, "groupIds": [group_id]}}
        properties = {
            "subnet": {"id": f"{self.network}/subnets/endpoints"},
            "privateLinkServiceConnections": [connection],
        }
        self.put(endpoint, NETWORK_VERSION, {"location": LOCATION, "properties": properties})
        zones = {"privateDnsZoneConfigs": [{"name": group_id, "properties": {"privateDnsZoneId": zone_id}}]}
        self.put(f"{endpoint}/privateDnsZoneGroups/default", NETWORK_VERSION, {"properties": zones})

    def grant(self, scope: str, role: str) -> None:
        engineer = self.sandbox.connection.operator
        assert engineer is not None
        definitions = f"/subscriptions/{self.sandbox.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        properties = {
            "roleDefinitionId": f"{definitions}/{role}",
            "principalId": engineer.object_id,
            "principalType": "ServicePrincipal",
        }
        name = uuid.uuid4()
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        self.put(path, "2022-04-01", {"properties": properties})

    def make_account(self) -> str:
        account = f"{self.group}/providers/Microsoft.Storage/storageAccounts/{self.account}"
        properties = {"publicNetworkAccess": "Disabled", "allowSharedKeyAccess": False, "allowBlobPublicAccess": False}
        kind = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        self.put(account, "2023-05-01", {"location": LOCATION, **kind, "properties": properties})
        self.put(f"{account}/blobServices/default/containers/data", "2023-05-01", {"properties": {}})
        return account

    def make_vault(self) -> str:
        vault = f"{self.group}/providers/Microsoft.KeyVault/vaults/{self.vault}"
        properties = {
            "tenantId": self.sandbox.tenant_id,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "publicNetworkAccess": "Disabled",
        }
        self.put(vault, "2023-07-01", {"location": LOCATION, "properties": properties})
        return vault

    def container(self, vantage: str) -> ContainerClient:
        url = f"https://{self.account}.blob.core.windows.net"
        options = self.sandbox.options(vantage)
        service = BlobServiceClient(url, self.sandbox.credential(vantage), retry_total=0, **options)
        return service.get_container_client("data")

    def secret(self, method: str, vantage: str, body: Any = None) -> HttpResponse:
        host = f"{self.vault}.vault.azure.net"
        vault = client(self.sandbox, host, "https://vault.azure.net/.default", vantage)
        return vault.send_request(HttpRequest(method, f"https://{host}/secrets/s?api-version=7.6", json=body))

    def address(self, vantage: str, name: str) -> tuple[str, str]:
        """(canonical name, address) as the vantage's DNS answers."""
        server = self.sandbox.connection.vantages[vantage].dns_server
        assert server is not None
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [server[0]], server[1]
        answer = resolver.resolve(name)
        return answer.canonical_name.to_text(omit_final_dot=True), answer[0].to_text()


@pytest.fixture(scope="module")
def platform(sandbox: SandboxForTests) -> Platform:
    return Platform(sandbox)


def test_storage_is_reached_only_through_its_private_endpoint(platform: Platform) -> None:
    account = platform.make_account()
    for vantage in ("internet", "vnet"):
        with pytest.raises(HttpResponseError) as refused:
            platform.container(vantage).upload_blob("b", b"1")
        assert (refused.value.status_code, refused.value.error_code) == (403, "AuthorizationFailure")  # type: ignore[attr-defined]
    platform.endpoint(account, "blob", "privatelink.blob.core.windows.net")
    with pytest.raises(HttpResponseError) as no_role:
        platform.container("vnet").upload_blob("b", b"1")
    assert no_role.value.error_code == "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
    platform.grant(account, BLOB_CONTRIBUTOR)
    platform.container("vnet").upload_blob("b", b"1")
    assert platform.container("vnet").download_blob("b").readall() == b"1"
    for vantage in ("internet", "adf-managed", "aml-managed"):
        with pytest.raises(HttpResponseError) as closed:
            platform.container(vantage).download_blob("b")
        assert closed.value.error_code == "AuthorizationFailure"  # type: ignore[attr-defined]
    host = f"{platform.account}.blob.core.windows.net"
    alias = f"{platform.account}.privatelink.blob.core.windows.net"
    name, private = platform.address("vnet", host)
    assert name == alias
    assert private.startswith("10.9.0.")
    name, public = platform.address("internet", host)
    assert name == alias
    assert not public.startswith("10.")


def test_a_container_that_is_deleted_through_arm_is_restored_on_the_data_plane(platform: Platform) -> None:
    service = f"{platform.group}/providers/Microsoft.Storage/storageAccounts/{platform.account}/blobServices/default"
    kept = {"containerDeleteRetentionPolicy": {"enabled": True, "days": 14}}
    platform.put(service, "2023-05-01", {"properties": kept})
    platform.container("vnet").upload_blob("kept", b"1")
    options = platform.sandbox.options("internet")
    arm = StorageManagementClient(platform.sandbox.credential(), platform.sandbox.subscription_id, **options)
    group = platform.group.rsplit("/", 1)[-1]
    arm.blob_containers.delete(group, platform.account, "data")
    assert [each.name for each in arm.blob_containers.list(group, platform.account)] == []
    (deleted,) = arm.blob_containers.list(group, platform.account, include="deleted")
    assert (deleted.deleted, deleted.remaining_retention_days) == (True, 14)
    url = f"https://{platform.account}.blob.core.windows.net"
    blobs = BlobServiceClient(url, platform.sandbox.credential("vnet"), **platform.sandbox.options("vnet"))
    (listed,) = blobs.list_containers(include_deleted=True)
    assert (listed.deleted, listed.version) == (True, deleted.version)
    blobs.undelete_container("data", str(deleted.version))
    assert platform.container("vnet").download_blob("kept").readall() == b"1"
    assert arm.blob_containers.get(group, platform.account, "data").deleted is False
    platform.container("vnet").delete_container()
    with pytest.raises(ResourceNotFoundError):
        arm.blob_containers.get(group, platform.account, "data")


def test_a_deleted_vault_is_looked_for_in_every_region(sandbox: SandboxForTests) -> None:
    platform = Platform(sandbox)
    vault = platform.make_vault()
    platform.send("DELETE", vault, "2023-07-01")
    after = {
        "type": "Microsoft.KeyVault/vaults@2026-02-01",
        "parent_id": platform.group,
        "name": platform.vault,
        "location": LOCATION,
    }
    change = {"address": "vault", "type": "azapi_resource", "change": {"actions": ["create"], "after": after}}
    (step,) = steps_before_create(sandbox.connection, {"resource_changes": [change]}, ())
    assert step.resource_id.lower() == vault.lower()
    after["location"] = "northeurope"
    with pytest.raises(ToolkitError, match=f"of the region {LOCATION} keeps the name {platform.vault}") as caught:
        steps_before_create(sandbox.connection, {"resource_changes": [change]}, ())
    assert caught.value.hint is not None
    assert f"--location {LOCATION}" in caught.value.hint


def test_the_vault_is_reached_only_through_its_private_endpoint(platform: Platform) -> None:
    vault = platform.make_vault()
    refused = platform.secret("PUT", "internet", {"value": "1"})
    assert refused.json()["error"]["innererror"]["code"] == "ForbiddenByConnection"
    platform.endpoint(vault, "vault", "privatelink.vaultcore.azure.net")
    no_role = platform.secret("PUT", "vnet", {"value": "1"})
    assert no_role.json()["error"]["innererror"]["code"] == "ForbiddenByRbac"
    platform.grant(vault, SECRETS_OFFICER)
    assert platform.secret("PUT", "vnet", {"value": "1"}).status_code == 200
    assert platform.secret("GET", "vnet").json()["value"] == "1"
    assert platform.secret("GET", "internet").status_code == 403
    name, private = platform.address("vnet", f"{platform.vault}.vault.azure.net")
    assert name == f"{platform.vault}.privatelink.vaultcore.azure.net"
    assert private.startswith("10.9.0.")


def test_the_factory_reaches_storage_once_its_managed_endpoint_is_approved(sandbox: SandboxForTests) -> None:
    platform = Platform(sandbox)
    account = platform.make_account()
    platform.grant(account, BLOB_CONTRIBUTOR)
    factory = f"{platform.group}/providers/Microsoft.DataFactory/factories/adf-{platform.suffix}"
    platform.put(
        factory, "2018-06-01", {"location": LOCATION, "identity": {"type": "SystemAssigned"}, "properties": {}}
    )
    managed = f"{factory}/managedVirtualNetworks/default"
    platform.put(managed, "2018-06-01", {"properties": {}})
    endpoint = {"properties": {"privateLinkResourceId": account, "groupId": "blob"}}
    platform.put(f"{managed}/managedPrivateEndpoints/blob", "2018-06-01", endpoint)
    with pytest.raises(HttpResponseError) as pending:
        platform.container("adf-managed").upload_blob("b", b"1")
    assert pending.value.error_code == "AuthorizationFailure"  # type: ignore[attr-defined]
    connections = platform.send("GET", f"{account}/privateEndpointConnections", "2023-05-01")["value"]
    state = {"status": "Approved", "description": "by the test", "actionRequired": "None"}
    platform.put(connections[0]["id"], "2023-05-01", {"properties": {"privateLinkServiceConnectionState": state}})
    platform.container("adf-managed").upload_blob("b", b"1")
    with pytest.raises(HttpResponseError) as closed:
        platform.container("internet").download_blob("b")
    assert closed.value.error_code == "AuthorizationFailure"  # type: ignore[attr-defined]
