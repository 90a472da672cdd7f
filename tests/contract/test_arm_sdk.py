"""The management SDKs, unmodified, against the sandbox's Azure Resource Manager."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.datafactory import DataFactoryManagementClient
    from azure.mgmt.storage import StorageManagementClient

    from tests.conftest import SandboxForTests

pytestmark = pytest.mark.contract

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
NAMESPACES = ("Microsoft.Storage", "Microsoft.DataFactory", "Microsoft.ManagedIdentity")


class Rest:
    """Plain requests, for what no SDK of the product covers."""

    def __init__(self, sandbox: SandboxForTests) -> None:
        token = sandbox.credential().get_token("https://management.azure.com/.default").token
        self._client = httpx.Client(
            base_url="https://management.azure.com",
            proxy=sandbox.proxy("internet"),
            verify=ssl.create_default_context(cafile=sandbox.ca),
            headers={"Authorization": f"Bearer {token}"},
        )

    def __call__(self, method: str, path: str, version: str, body: Any = None) -> httpx.Response:
        return self._client.request(method, path, params={"api-version": version}, json=body)

    def close(self) -> None:
        self._client.close()


@pytest.fixture(scope="module")
def rest(sandbox: SandboxForTests) -> Iterator[Rest]:
    client = Rest(sandbox)
    yield client
    client.close()


@pytest.fixture(scope="module")
def group(sandbox: SandboxForTests, rest: Rest) -> Iterator[str]:
    """A resource group of this module's own, and the providers that it needs."""
    subscription, name = f"/subscriptions/{sandbox.subscription_id}", "rg-contract-arm"
    for namespace in NAMESPACES:
        rest("POST", f"{subscription}/providers/{namespace}/register", "2021-04-01").raise_for_status()
    rest("PUT", f"{subscription}/resourceGroups/{name}", "2024-03-01", {"location": "westeurope"}).raise_for_status()
    yield name
    rest("DELETE", f"{subscription}/resourceGroups/{name}", "2024-03-01").raise_for_status()


@pytest.fixture(scope="module")
def storage(sandbox: SandboxForTests) -> StorageManagementClient:
    from azure.mgmt.storage import StorageManagementClient

    return StorageManagementClient(sandbox.credential(), sandbox.subscription_id, **sandbox.options())


@pytest.fixture(scope="module")
def authorization(sandbox: SandboxForTests) -> AuthorizationManagementClient:
    from azure.mgmt.authorization import AuthorizationManagementClient

    return AuthorizationManagementClient(sandbox.credential(), sandbox.subscription_id, **sandbox.options())


@pytest.fixture(scope="module")
def factories(sandbox: SandboxForTests) -> DataFactoryManagementClient:
    from azure.mgmt.datafactory import DataFactoryManagementClient

    return DataFactoryManagementClient(sandbox.credential(), sandbox.subscription_id, **sandbox.options())


@pytest.fixture(scope="module")
def account(storage: StorageManagementClient, group: str) -> str:
    name = f"st{uuid.uuid4().hex[:16]}"
    parameters: Any = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    made = storage.storage_accounts.begin_create(group, name, parameters).result()
    assert made.provisioning_state == "Succeeded"
    return name


def test_storage_network_rules(storage: StorageManagementClient, group: str, account: str) -> None:
    rules: Any = {
        "properties": {
            "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7", "action": "Allow"}]}
        }
    }
    storage.storage_accounts.update(group, account, rules)
    shown = storage.storage_accounts.get_properties(group, account)
    assert shown.network_rule_set is not None
    assert shown.network_rule_set.default_action == "Deny"
    assert [rule.ip_address_or_range for rule in shown.network_rule_set.ip_rules or []] == ["203.0.113.7"]
    rules["properties"]["networkAcls"]["ipRules"][0]["value"] = "10.0.0.1"
    with pytest.raises(HttpResponseError) as refused:
        storage.storage_accounts.update(group, account, rules)
    assert refused.value.error is not None
    assert refused.value.error.code == "InvalidValuesForRequestParameters"


def test_storage_lists_keys_and_containers(storage: StorageManagementClient, group: str, account: str) -> None:
    names = [shown.name for shown in storage.storage_accounts.list_by_resource_group(group)]
    assert account in names
    keys = storage.storage_accounts.list_keys(group, account).keys_property
    assert keys is not None
    assert [key.key_name for key in keys] == ["key1", "key2"]
    storage.blob_containers.create(group, account, "contract", {})  # type: ignore[call-overload]
    assert [c.name for c in storage.blob_containers.list(group, account)] == ["contract"]
    storage.blob_containers.delete(group, account, "contract")
    with pytest.raises(ResourceNotFoundError):
        storage.blob_containers.get(group, account, "contract")
    available = storage.storage_accounts.check_name_availability(
        {"name": account, "type": "Microsoft.Storage/storageAccounts"}
    )
    assert available.name_available is False


def test_role_assignments(
    authorization: AuthorizationManagementClient, sandbox: SandboxForTests, group: str, rest: Rest
) -> None:
    scope = f"/subscriptions/{sandbox.subscription_id}/resourceGroups/{group}"
    identity = f"{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-contract"
    made = rest("PUT", identity, "2023-01-31", {"location": "westeurope"}).json()
    principal = made["properties"]["principalId"]
    (role,) = authorization.role_definitions.list(scope, filter="roleName eq 'Reader'")
    assert role.name == READER
    parameters: Any = {"role_definition_id": role.id, "principal_id": principal, "principal_type": "ServicePrincipal"}
    name = str(uuid.uuid4())
    created = authorization.role_assignments.create(scope, name, parameters)
    assert created.scope == scope
    with pytest.raises(ResourceExistsError) as exists:
        authorization.role_assignments.create(scope, str(uuid.uuid4()), parameters)
    assert exists.value.error is not None
    assert exists.value.error.code == "RoleAssignmentExists"
    listed = list(authorization.role_assignments.list_for_scope(scope, filter=f"principalId eq '{principal}'"))
    assert [assignment.name for assignment in listed] == [name]
    deleted = authorization.role_assignments.delete(scope, name)
    assert deleted is not None
    assert deleted.principal_id == principal
    assert list(authorization.role_assignments.list_for_scope(scope, filter=f"assignedTo('{principal}')")) == []


def test_data_factory(factories: DataFactoryManagementClient, group: str) -> None:
    from azure.mgmt.datafactory import models

    name = f"adf-{uuid.uuid4().hex[:12]}"
    factory = models.Factory(location="westeurope", identity=models.FactoryIdentity(type="SystemAssigned"))
    made = factories.factories.create_or_update(group, name, factory)
    assert made.identity is not None
    assert made.identity.principal_id
    runtime = models.IntegrationRuntimeResource(properties=models.ManagedIntegrationRuntime())
    factories.integration_runtimes.create_or_update(group, name, "ir", runtime)
    status = factories.integration_runtimes.get_status(group, name, "ir")
    assert isinstance(status.properties, models.ManagedIntegrationRuntimeStatus)
    assert status.properties.state == "Online"
    pipeline = models.PipelineResource(activities=[models.WaitActivity(name="w", wait_time_in_seconds=1)])
    factories.pipelines.create_or_update(group, name, "p", pipeline)
    (activity,) = factories.pipelines.get(group, name, "p").activities or []
    assert isinstance(activity, models.WaitActivity)
    trigger = models.TriggerResource(
        properties=models.ScheduleTrigger(
            recurrence=models.ScheduleTriggerRecurrence(frequency="Day", interval=1),
            pipelines=[
                models.TriggerPipelineReference(
                    pipeline_reference=models.PipelineReference(type="PipelineReference", reference_name="p")
                )
            ],
        )
    )
    factories.triggers.create_or_update(group, name, "t", trigger)
    factories.triggers.begin_start(group, name, "t").result()
    assert factories.triggers.get(group, name, "t").properties.runtime_state == "Started"
    with pytest.raises(HttpResponseError):
        factories.triggers.delete(group, name, "t")
    factories.triggers.begin_stop(group, name, "t").result()
    factories.triggers.delete(group, name, "t")
    factories.factories.delete(group, name)
    with pytest.raises(ResourceNotFoundError):
        factories.factories.get(group, name)


def test_errors_arrive_as_the_sdk_classes(storage: StorageManagementClient) -> None:
    with pytest.raises(ResourceNotFoundError) as missing:
        storage.storage_accounts.get_properties("rg-that-is-not-there", "stnothing")
    assert missing.value.error is not None
    assert missing.value.error.code == "ResourceGroupNotFound"
