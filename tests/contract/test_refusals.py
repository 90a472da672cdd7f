"""What Azure refuses, asked with unmodified SDKs; each test shows that the same call works without the obstacle."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import ProxyPolicy
from azure.core.rest import HttpRequest
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.datafactory import DataFactoryManagementClient, models
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient, ContainerClient, ContainerSasPermissions, generate_container_sas

from tests.conftest import SandboxForTests
from tests.contract.test_blob_keyvault_dns import BLOB_CONTRIBUTOR, LOCATION, SECRETS_OFFICER, Platform, client
from toolkit.azure.clients import Actor
from toolkit.azure.credentials import FEDERATION_AUDIENCE, probe_credential
from toolkit.azure.denial import classify
from toolkit.sandbox import client as sandbox_client
from toolkit.sandbox.model import vantage

pytestmark = pytest.mark.contract

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
IDENTITY_VERSION, ROLES_VERSION, LOCKS_VERSION = "2023-01-31", "2022-04-01", "2020-05-01"
STORAGE_VERSION, VAULT_VERSION = "2023-05-01", "2023-07-01"
OPEN = {"publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Allow"}}


def code(call: Callable[[], object]) -> str:
    """The error code with which ``call`` is refused."""
    with pytest.raises(HttpResponseError) as refused:
        call()
    found = getattr(refused.value, "error_code", None) or (refused.value.error and refused.value.error.code)
    return str(getattr(found, "value", found))


class Estate(Platform):
    """A resource group with an account, and SDK clients for whoever acts on it."""

    def __init__(self, sandbox: SandboxForTests) -> None:
        super().__init__(sandbox)
        self.group_name = self.group.rsplit("/", 1)[-1]
        self.account_id = f"{self.group}/providers/Microsoft.Storage/storageAccounts/{self.account}"
        path = f"/subscriptions/{sandbox.subscription_id}/providers/Microsoft.ManagedIdentity/register"
        self.send("POST", path, "2021-04-01")
        self.open_account()
        self.grant(self.account_id, BLOB_CONTRIBUTOR)

    def open_account(self, **properties: Any) -> None:
        """Reachable from everywhere, with keys; ``properties`` put obstacles up."""
        body = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        self.put(self.account_id, STORAGE_VERSION, {**body, "properties": {**OPEN, **properties}})
        for name in ("data", "other"):
            self.put(f"{self.account_id}/blobServices/default/containers/{name}", STORAGE_VERSION, {"properties": {}})

    def storage(self, credential: TokenCredential | None = None) -> StorageManagementClient:
        who = credential or self.sandbox.credential()
        return StorageManagementClient(who, self.sandbox.subscription_id, **self.sandbox.options())

    def blobs(self, credential: Any = None, vantage: str = "internet", container: str = "data") -> ContainerClient:
        url = f"https://{self.account}.blob.core.windows.net"
        who = credential or self.sandbox.credential(vantage)
        return BlobServiceClient(url, who, retry_total=0, **self.sandbox.options(vantage)).get_container_client(
            container
        )

    def upload(self, credential: Any = None, vantage: str = "internet") -> Callable[[], object]:
        return lambda: self.blobs(credential, vantage).upload_blob("refused", b"1", overwrite=True)

    def identity(self, name: str) -> tuple[str, TokenCredential]:
        """(object id, credential) of a user-assigned identity that trusts the environment's GitHub subject."""
        identity = f"{self.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
        made = self.put(identity, IDENTITY_VERSION, {"location": LOCATION})["properties"]
        trust = {
            "issuer": "https://token.actions.githubusercontent.com",
            "subject": self.sandbox.connection.environment.github_subject,
            "audiences": [FEDERATION_AUDIENCE],
        }
        self.put(f"{identity}/federatedIdentityCredentials/github", IDENTITY_VERSION, {"properties": trust})
        credential = probe_credential(self.sandbox.connection, made["clientId"], self.sandbox.connection.runner)
        assert credential is not None
        return made["principalId"], credential

    def assign(self, principal_id: str, role: str, scope: str) -> str:
        """The id of the assignment."""
        definitions = f"/subscriptions/{self.sandbox.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        properties = {
            "roleDefinitionId": f"{definitions}/{role}",
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        return str(self.put(path, ROLES_VERSION, {"properties": properties})["id"])

    def open_vault(self, **properties: Any) -> str:
        vault = f"{self.group}/providers/Microsoft.KeyVault/vaults/{self.vault}"
        sku = {"tenantId": self.sandbox.tenant_id, "sku": {"family": "A", "name": "standard"}}
        body = {**sku, "enableRbacAuthorization": True, "publicNetworkAccess": "Enabled", **properties}
        self.put(vault, VAULT_VERSION, {"location": LOCATION, "properties": body})
        return vault

    def secret_as(self, who: TokenCredential, method: str, body: Any = None) -> tuple[int, str]:
        """(status, inner error code or "")."""
        token = who.get_token("https://vault.azure.net/.default").token
        response = self.secret_with(token, method, "internet", body)
        inner = response.json().get("error", {}).get("innererror", {}) if response.content else {}
        return response.status_code, inner.get("code", "")

    def secret_with(self, token: str, method: str, vantage: str, body: Any = None) -> Any:
        options, host = self.sandbox.options(vantage), f"{self.vault}.vault.azure.net"
        policies = [ProxyPolicy(proxies=options.pop("proxies"))]
        plain: Any = PipelineClient(f"https://{host}", policies=policies, **options)
        headers = {"Authorization": f"Bearer {token}"}
        return plain.send_request(
            HttpRequest(method, f"https://{host}/secrets/s?api-version=7.6", json=body, headers=headers)
        )


@pytest.fixture(scope="module")
def estate(sandbox: SandboxForTests) -> Estate:
    return Estate(sandbox)


# -- network rules -----------------------------------------------------------------------------------------------------


def test_an_ip_rule_admits_its_address_and_public_access_must_be_on(estate: Estate) -> None:
    rules = {"defaultAction": "Deny", "ipRules": [{"value": vantage("internet").public_ip, "action": "Allow"}]}
    estate.open_account(networkAcls=rules)
    estate.blobs().upload_blob("rule", b"1", overwrite=True)
    for elsewhere in ("vnet", "adf-managed", "aml-managed"):
        assert code(estate.upload(vantage=elsewhere)) == "AuthorizationFailure"
    estate.open_account(networkAcls=rules, publicNetworkAccess="Disabled")
    assert code(estate.upload()) == "AuthorizationFailure"
    estate.open_account()


def test_the_firewall_speaks_before_roles_and_keys(estate: Estate) -> None:
    """Who may not come near learns nothing about its rights."""
    _, nobody = estate.identity("firewall-nobody")
    keys: Any = estate.storage().storage_accounts.list_keys(estate.group_name, estate.account).keys_property
    key = AzureNamedKeyCredential(estate.account, keys[0].value)
    assert code(estate.upload(nobody)) == "AuthorizationPermissionMismatch"
    estate.open_account(networkAcls={"defaultAction": "Deny"}, allowSharedKeyAccess=False)
    for who in (nobody, key):
        assert code(estate.upload(who)) == "AuthorizationFailure"
    estate.open_account()


def test_a_rejected_or_removed_private_endpoint_carries_nothing(sandbox: SandboxForTests) -> None:
    estate = Estate(sandbox)
    estate.open_account(publicNetworkAccess="Disabled")
    estate.endpoint(estate.account_id, "blob", "privatelink.blob.core.windows.net")
    estate.blobs(vantage="vnet").upload_blob("b", b"1")
    zone = f"{estate.group}/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    link = estate.send("GET", f"{zone}/virtualNetworkLinks/link", "2020-06-01")
    estate.send("DELETE", f"{zone}/virtualNetworkLinks/link", "2020-06-01")
    assert code(estate.upload(vantage="vnet")) == "AuthorizationFailure"
    estate.put(link["id"], "2020-06-01", {"location": "global", "properties": link["properties"]})
    estate.blobs(vantage="vnet").upload_blob("b", b"2", overwrite=True)

    connections = estate.storage().private_endpoint_connections
    (connection,) = connections.list(estate.group_name, estate.account)
    decision: Any = {"properties": {"privateLinkServiceConnectionState": {"status": "Rejected", "description": "no"}}}
    connections.put(estate.group_name, estate.account, str(connection.name), decision)
    assert code(estate.upload(vantage="vnet")) == "BadGateway"
    decision["properties"]["privateLinkServiceConnectionState"]["status"] = "Approved"
    again = code(lambda: connections.put(estate.group_name, estate.account, str(connection.name), decision))
    assert again == "PrivateEndpointConnectionStatusNotPending"
    estate.send("DELETE", f"{estate.group}/providers/Microsoft.Network/privateEndpoints/pe-blob", "2023-11-01")
    assert code(estate.upload(vantage="vnet")) == "AuthorizationFailure"


def test_the_vaults_rules_are_the_vaults_own(estate: Estate) -> None:
    allowed = {"defaultAction": "Deny", "ipRules": [{"value": vantage("internet").public_ip}]}
    vault = estate.open_vault(networkAcls=allowed)
    estate.grant(vault, SECRETS_OFFICER)
    assert estate.secret("PUT", "internet", {"value": "1"}).status_code == 200
    for elsewhere in ("vnet", "adf-managed", "aml-managed"):
        refused = estate.secret("GET", elsewhere).json()["error"]
        assert refused["innererror"]["code"] == "ForbiddenByFirewall"
    estate.open_vault(networkAcls=allowed, publicNetworkAccess="Disabled")
    assert estate.secret("GET", "internet").json()["error"]["innererror"]["code"] == "ForbiddenByConnection"
    estate.open_vault()


# -- who may -----------------------------------------------------------------------------------------------------------


def test_keys_and_signatures_end_with_shared_key_access(estate: Estate) -> None:
    accounts = estate.storage().storage_accounts
    keys: Any = accounts.list_keys(estate.group_name, estate.account).keys_property
    key = AzureNamedKeyCredential(estate.account, keys[0].value)
    signature = generate_container_sas(
        estate.account,
        "data",
        account_key=keys[0].value,
        permission=ContainerSasPermissions(read=True, write=True, create=True),
        expiry=datetime.now(UTC) + timedelta(minutes=5),
    )
    for credential in (key, signature):
        estate.blobs(credential).upload_blob("key", b"1", overwrite=True)
    estate.open_account(allowSharedKeyAccess=False)
    for credential in (key, signature):
        refused = code(estate.upload(credential))
        assert refused == "KeyBasedAuthenticationNotPermitted"
    estate.open_account(allowSharedKeyAccess=True)
    accounts.regenerate_key(estate.group_name, estate.account, {"keyName": "key1"})
    for credential in (key, signature):
        refused = code(estate.upload(credential))
        assert refused == "AuthenticationFailed"


def test_a_data_role_counts_at_its_scope_until_it_is_taken_away(estate: Estate) -> None:
    principal, who = estate.identity("data-role")
    container = f"{estate.account_id}/blobServices/default/containers/data"
    assignment = estate.assign(principal, BLOB_CONTRIBUTOR, container)
    estate.blobs(who).upload_blob("mine", b"1", overwrite=True)
    other = estate.blobs(who, container="other")
    assert code(lambda: other.upload_blob("no", b"1")) == "AuthorizationPermissionMismatch"
    url, options = f"https://{estate.account}.blob.core.windows.net", estate.sandbox.options()
    service = BlobServiceClient(url, who, retry_total=0, **options)
    assert code(lambda: list(service.list_containers())) == "AuthorizationPermissionMismatch"
    assert code(lambda: estate.storage(who).storage_accounts.list_keys(estate.group_name, estate.account)) == (
        "AuthorizationFailed"
    )
    estate.send("DELETE", assignment, ROLES_VERSION)
    assert code(lambda: estate.blobs(who).download_blob("mine")) == "AuthorizationPermissionMismatch"


def test_rights_on_the_control_plane_are_none_on_data(estate: Estate) -> None:
    principal, who = estate.identity("control-plane")
    assignment = estate.assign(principal, READER, estate.group)
    accounts = estate.storage(who).storage_accounts
    assert accounts.get_properties(estate.group_name, estate.account).name == estate.account
    assert code(lambda: accounts.list_keys(estate.group_name, estate.account)) == "AuthorizationFailed"
    estate.send("DELETE", assignment, ROLES_VERSION)
    estate.assign(principal, CONTRIBUTOR, estate.group)
    assert accounts.list_keys(estate.group_name, estate.account).keys_property
    assert code(estate.upload(who)) == "AuthorizationPermissionMismatch"
    with AuthorizationManagementClient(who, estate.sandbox.subscription_id, **estate.sandbox.options()) as roles:
        parameters: Any = {
            "role_definition_id": f"/providers/Microsoft.Authorization/roleDefinitions/{BLOB_CONTRIBUTOR}",
            "principal_id": principal,
            "principal_type": "ServicePrincipal",
        }
        grant_itself = code(lambda: roles.role_assignments.create(estate.account_id, str(uuid.uuid4()), parameters))
    assert grant_itself == "AuthorizationFailed"


def test_a_vault_role_allows_its_own_operations(estate: Estate) -> None:
    vault = estate.open_vault()
    principal, who = estate.identity("vault-role")
    assert estate.secret_as(who, "GET") == (403, "ForbiddenByRbac")
    estate.assign(principal, CONTRIBUTOR, vault)  # control plane only
    assert estate.secret_as(who, "PUT", {"value": "1"}) == (403, "ForbiddenByRbac")
    estate.assign(principal, SECRETS_OFFICER, vault)
    assert estate.secret_as(who, "PUT", {"value": "1"}) == (200, "")
    other, reader = estate.identity("vault-user")
    estate.assign(other, SECRETS_USER, vault)
    assert estate.secret_as(reader, "GET") == (200, "")
    assert estate.secret_as(reader, "PUT", {"value": "2"}) == (403, "ForbiddenByRbac")
    assert estate.secret_as(reader, "DELETE") == (403, "ForbiddenByRbac")


def test_an_identity_that_is_made_again_is_somebody_else(estate: Estate) -> None:
    principal, who = estate.identity("again")
    estate.assign(principal, BLOB_CONTRIBUTOR, estate.account_id)
    estate.blobs(who).upload_blob("again", b"1", overwrite=True)
    estate.send(
        "DELETE", f"{estate.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/again", IDENTITY_VERSION
    )
    renewed, successor = estate.identity("again")
    assert renewed != principal
    assert code(lambda: estate.blobs(successor).download_blob("again")) == "AuthorizationPermissionMismatch"


def test_a_token_is_good_for_its_own_service_only(estate: Estate) -> None:
    vault = estate.open_vault()
    principal, who = estate.identity("audience")
    estate.assign(principal, SECRETS_OFFICER, vault)
    assert estate.secret_as(who, "PUT", {"value": "1"}) == (200, "")
    token = who.get_token("https://management.azure.com/.default").token
    assert estate.secret_with(token, "GET", "internet").status_code == 401
    arm = client(estate.sandbox, "management.azure.com", "https://storage.azure.com/.default", "internet")
    url = f"https://management.azure.com{estate.account_id}?api-version={STORAGE_VERSION}"
    refused = arm.send_request(HttpRequest("GET", url))
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


class OfAnotherService:
    """A credential that asks for a token of one service, whichever it is needed for."""

    def __init__(self, credential: TokenCredential, scope: str) -> None:
        self._credential, self._scope = credential, scope

    def get_token(self, *scopes: str, **options: Any) -> Any:
        return self._credential.get_token(self._scope)


def token_calls(estate: Estate, scope: str | None) -> dict[str, Callable[[], object]]:
    """A read of each service, with tokens of its own or of another one."""
    who: Any = OfAnotherService(estate.sandbox.credential(), scope) if scope else estate.sandbox.credential()
    runner = estate.sandbox.connection.runner
    actor = Actor("runner", runner, who, estate.sandbox.subscription_id)

    def vault() -> object:
        with actor.vault(f"https://{estate.vault}.vault.azure.net") as one:
            return one.get("/secrets", {"api-version": "7.6"})

    return {
        "storage": lambda: next(iter(estate.blobs(who).list_blobs()), None),
        "vault": vault,
        "arm": lambda: estate.storage(who).storage_accounts.get_properties(estate.group_name, estate.account),
    }


@pytest.mark.parametrize("service", ["storage", "vault", "arm"])
def test_a_token_of_another_service_and_an_expired_one_are_told_apart(estate: Estate, service: str) -> None:
    """Neither is waited for, and neither is a role that is missing."""
    estate.open_account()
    estate.open_vault()
    scope = f"https://{'storage' if service == 'vault' else 'vault'}.azure.net/.default"
    scope = scope.replace("storage.azure.net", "storage.azure.com")
    with pytest.raises(HttpResponseError) as caught:
        token_calls(estate, scope)[service]()
    denial = classify(caught.value)
    assert (denial.kind, denial.cause, denial.retry_seconds) == ("token", "the token is meant for another service", 0)
    hosts = {"storage": "blob", "vault": "vault", "arm": "management"}
    sandbox_client.ensure_running(estate.sandbox.connection.environment.project.root).order_faults(
        {"kind": "expired", "url": hosts[service], "times": 3}
    )
    try:
        with pytest.raises(HttpResponseError) as caught:
            token_calls(estate, None)[service]()
    finally:
        sandbox_client.ensure_running(estate.sandbox.connection.environment.project.root).order_faults()
    denial = classify(caught.value)
    assert (denial.kind, denial.cause, denial.retry_seconds) == ("token", "the token has expired", 0)
    assert "clock" in denial.hint


# -- locks and parents -------------------------------------------------------------------------------------------------


def test_locks_hold_the_control_plane_and_not_the_data(estate: Estate) -> None:
    lock = f"{estate.account_id}/providers/Microsoft.Authorization/locks/keep"
    accounts, containers = estate.storage().storage_accounts, estate.storage().blob_containers
    estate.put(lock, LOCKS_VERSION, {"properties": {"level": "CanNotDelete"}})
    try:
        for delete in (
            lambda: accounts.delete(estate.group_name, estate.account),
            lambda: containers.delete(estate.group_name, estate.account, "data"),
            lambda: estate.send("DELETE", estate.group, "2021-04-01"),
        ):
            assert code(delete) == "ScopeLocked"
        estate.blobs().upload_blob("locked", b"1", overwrite=True)
        estate.blobs().delete_blob("locked")
        assert accounts.list_keys(estate.group_name, estate.account).keys_property
        estate.put(lock, LOCKS_VERSION, {"properties": {"level": "ReadOnly"}})
        # https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources#considerations-before-applying-your-locks
        assert code(lambda: accounts.list_keys(estate.group_name, estate.account)) == "ScopeLocked"
        assert code(lambda: estate.open_account()) == "ScopeLocked"
        assert accounts.get_properties(estate.group_name, estate.account).name == estate.account
        estate.blobs().upload_blob("locked", b"1", overwrite=True)
    finally:
        estate.send("DELETE", lock, LOCKS_VERSION)


def test_nothing_is_made_where_its_parent_is_missing(estate: Estate) -> None:
    storage, group = estate.storage(), estate.group_name
    account: Any = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    missing_group = code(lambda: storage.storage_accounts.begin_create("rg-missing", "stmissing", account).result())
    assert missing_group == "ResourceGroupNotFound"
    container: Any = {}
    assert code(lambda: storage.blob_containers.create(group, "stmissing", "c", container)) == "ParentResourceNotFound"
    with AuthorizationManagementClient(
        estate.sandbox.credential(), estate.sandbox.subscription_id, **estate.sandbox.options()
    ) as roles:
        parameters: Any = {
            "role_definition_id": f"/providers/Microsoft.Authorization/roleDefinitions/{READER}",
            "principal_id": estate.identity("parents")[0],
            "principal_type": "ServicePrincipal",
        }
        scope = f"{estate.account_id}missing"
        assert code(lambda: roles.role_assignments.create(scope, str(uuid.uuid4()), parameters)) == "ResourceNotFound"
    with DataFactoryManagementClient(
        estate.sandbox.credential(), estate.sandbox.subscription_id, **estate.sandbox.options()
    ) as factories:
        name = f"adf-{estate.suffix}"
        dataset = models.DatasetResource(
            properties=models.BinaryDataset(
                linked_service_name=models.LinkedServiceReference(
                    type="LinkedServiceReference", reference_name="missing"
                )
            )
        )
        create = factories.datasets.create_or_update
        assert code(lambda: create(group, name, "d", dataset)) == "ParentResourceNotFound"
        factories.factories.create_or_update(group, name, models.Factory(location=LOCATION))
        assert code(lambda: create(group, name, "d", dataset)) == "BadRequest"
    subnet = f"{estate.network}-missing/subnets/s"
    made = code(lambda: estate.put(subnet, "2023-11-01", {"properties": {"addressPrefix": "10.9.1.0/24"}}))
    assert made == "ParentResourceNotFound"
