"""Microsoft.MachineLearningServices: workspaces and what is registered in them.

https://learn.microsoft.com/rest/api/azureml/; soft delete: https://learn.microsoft.com/azure/machine-learning/concept-soft-delete

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

from toolkit.records import Json
from toolkit.sandbox.arm.durations import canonical
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.ids import parse
from toolkit.sandbox.arm.quotas import require_one_node
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType
from toolkit.sandbox.arm.types import managed_networks
from toolkit.sandbox.containers import CONTAINERS
from toolkit.sandbox.store import Resource

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_FIRST = "2018-11-19"
_DELETED = "aml-deleted-workspace"
_DELETED_FOR = timedelta(days=14)
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")
_LINKED = {
    "storageAccount": "Microsoft.Storage/storageAccounts",
    "keyVault": "Microsoft.KeyVault/vaults",
    "applicationInsights": "Microsoft.Insights/components",
    "containerRegistry": "Microsoft.ContainerRegistry/registries",
}
# How Azure answers ids of these providers, whatever was sent: https://github.com/Azure/azure-rest-api-specs/issues/8323,
# and seen with api-versions of 2026 in https://github.com/microsoft/physical-ai-toolchain/pull/1481.
_ANSWERED_AS = {"keyVault": "Microsoft.Keyvault", "applicationInsights": "Microsoft.insights"}
_PROVIDER = re.compile(r"(?<=/providers/)[^/]+(?=/[^/]+/[^/]+$)")
_ISOLATION_ORDER = ("Disabled", "AllowInternetOutbound", "AllowOnlyApprovedOutbound")


def _workspace_checked(call: Call, resource: Resource) -> None:
    properties, standing = resource.properties, call.existing
    if not _NAME.fullmatch(call.id.name):
        raise bad_request(
            "ValidationError",
            f"The workspace name '{call.id.name}' is invalid: 3 to 33 letters, digits, hyphens and underscores.",
        )
    for name, type_ in _LINKED.items():
        linked = properties.get(name)
        if not linked:
            if name in ("storageAccount", "keyVault"):
                raise bad_request("ValidationError", f"Missing dependent resources in workspace json: {name}.")
            continue
        found = call.referenced(linked, call.id.id)
        if found.type != type_:
            raise bad_request("ValidationError", f"{linked} is not a {type_}.")
        if name == "storageAccount" and found.properties.get("isHnsEnabled"):
            raise bad_request(
                "ValidationError", "The default storage account of a workspace cannot have a hierarchical namespace."
            )
        if (
            standing is not None
            and name in ("storageAccount", "keyVault")
            and standing.properties[name].lower() != linked.lower()
        ):
            raise bad_request("ValidationError", f"The property '{name}' of a workspace cannot be changed.")
    primary = properties.get("primaryUserAssignedIdentity")
    assigned = [key.lower() for key in (resource.body.get("identity") or {}).get("userAssignedIdentities") or {}]
    if primary and primary.lower() not in assigned:
        raise bad_request(
            "ValidationError",
            "The primary user-assigned identity is not among the workspace's user-assigned identities.",
        )
    if not (resource.body.get("identity") or {}).get("type"):
        raise bad_request("ValidationError", "A workspace needs an identity.")
    if standing is not None:
        before = standing.properties["managedNetwork"].get("isolationMode", "Disabled")
        sent = call.sent.get("managedNetwork")
        after = before if sent is None else sent.get("isolationMode", before)
        if _ISOLATION_ORDER.index(after) < _ISOLATION_ORDER.index(before):
            raise bad_request(
                "ValidationError", f"The managed network's isolation mode cannot go from {before} back to {after}."
            )
        if bool(standing.properties.get("hbiWorkspace")) != bool(properties.get("hbiWorkspace")):
            raise bad_request(
                "ValidationError", "The property 'hbiWorkspace' can only be set when the workspace is created."
            )
    elif _soft_deleted(call):
        raise bad_request("BadRequest", f"Soft-deleted workspace exists. Please purge or recover it: {call.id.id}")


def _soft_deleted(call: Call) -> bool:
    deleted = call.resources.store.document(_DELETED, call.id.id)
    return deleted is not None and datetime.fromisoformat(deleted["until"]) > datetime.now(UTC)


def _blob_container(workspace_id: str) -> str:
    return f"azureml-blobstore-{workspace_id}"


async def _workspace_prepared(call: Call, resource: Resource) -> None:
    resource.internal.setdefault("workspaceId", str(uuid.uuid4()))
    account = parse(resource.properties["storageAccount"]).name.lower()
    for container in (_blob_container(resource.internal["workspaceId"]), "azureml"):
        await call.resources.world.blobs.create_container(account, container)


def _workspace(call: Call, resource: Resource) -> None:
    properties, location = resource.properties, resource.body["location"]
    key = resource.internal["workspaceId"]
    properties |= {
        "workspaceId": key,
        "tenantId": call.tenant_id,
        "discoveryUrl": f"https://{location}.api.azureml.ms/discovery",
        "mlFlowTrackingUri": f"azureml://{location}.api.azureml.ms/mlflow/v1.0{resource.id}",
        "workspaceHubConfig": None,
    }
    properties.setdefault("creationTime", datetime.now(UTC).isoformat())
    properties.setdefault("privateEndpointConnections", [])
    for name, provider in _ANSWERED_AS.items():
        if properties.get(name):
            properties[name] = _PROVIDER.sub(provider, properties[name])
    managed_networks.written(call, resource)
    if call.creating:
        _system_datastores(call, resource)


def _system_datastores(call: Call, resource: Resource) -> None:
    account = call.resources.store.get(resource.properties["storageAccount"])
    assert account is not None
    key = resource.internal["workspaceId"]
    blob = _blob_container(key)
    for container in (blob, "azureml"):
        call.resources.write(
            f"{account.id}/blobServices/default/containers/{container}",
            CONTAINERS,
            {"publicAccess": "None", "deleted": False},
        )
    group = parse(account.id)
    common: Json = {
        "accountName": account.name,
        "endpoint": "core.windows.net",
        "protocol": "https",
        "isDefault": False,
        "subscriptionId": group.subscription_id,
        "resourceGroup": group.resource_group,
        "credentials": {"credentialsType": "None"},
        "serviceDataAccessAuthIdentity": "None",
        "tags": {},
        "properties": {},
    }
    stores: dict[str, Json] = {
        "workspaceblobstore": {"datastoreType": "AzureBlob", "containerName": blob, "isDefault": True},
        "workspaceartifactstore": {"datastoreType": "AzureBlob", "containerName": "azureml"},
        "workspacefilestore": {"datastoreType": "AzureFile", "fileShareName": f"azureml-filestore-{key}"},
        "workspaceworkingdirectory": {"datastoreType": "AzureFile", "fileShareName": f"code-{key}"},
    }
    for name, own in stores.items():
        call.resources.write(f"{resource.id}/datastores/{name}", f"{WORKSPACES}/datastores", {**common, **own})


def _workspace_deleted(call: Call, resource: Resource) -> None:
    if call.query.get("forceToPurge", "").lower() == "true":
        call.resources.store.delete_document(_DELETED, resource.id)
    else:
        until = datetime.now(UTC) + _DELETED_FOR
        call.resources.store.put_document(_DELETED, resource.id, {"until": until.isoformat()})


def _purge_missing(call: Call) -> Resource | None:
    """DELETE …?forceToPurge=true also purges a workspace that is soft-deleted already."""
    found = call.resources.store.get(call.id.id)
    if found is None and call.method == "DELETE" and call.query.get("forceToPurge", "").lower() == "true":
        call.resources.store.delete_document(_DELETED, call.id.id)
    return found


def _compute_checked(call: Call, resource: Resource) -> None:
    properties = resource.properties
    kind = properties.get("computeType")
    if kind not in ("AmlCompute", "ComputeInstance", "Kubernetes"):
        raise bad_request("BadRequest", f"Unknown compute type '{kind}'.")
    if kind == "AmlCompute" and "maxNodeCount" not in ((properties.get("properties") or {}).get("scaleSettings") or {}):
        raise bad_request("BadRequest", "The property 'scaleSettings.maxNodeCount' is required.")
    if kind == "AmlCompute" and (idle := properties["properties"]["scaleSettings"].get("nodeIdleTimeBeforeScaleDown")):
        properties["properties"]["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] = canonical(str(idle))
    if kind == "AmlCompute":
        require_one_node(call, properties["properties"])


def _compute(call: Call, resource: Resource) -> None:
    resource.properties.setdefault("createdOn", datetime.now(UTC).isoformat())
    inner = resource.properties.setdefault("properties", {})
    if resource.properties["computeType"] == "AmlCompute":
        inner.setdefault("allocationState", "Steady")
        inner.setdefault("currentNodeCount", 0)
        inner.setdefault("targetNodeCount", 0)
    elif resource.properties["computeType"] == "ComputeInstance":
        inner["state"] = "Running"


def _datastore_checked(call: Call, resource: Resource) -> None:
    if resource.properties.get("datastoreType") not in (
        "AzureBlob",
        "AzureDataLakeGen2",
        "AzureFile",
        "AzureDataLakeGen1",
        "OneLake",
    ):
        raise bad_request("ValidationError", f"Unknown datastore type '{resource.properties.get('datastoreType')}'.")
    credentials = resource.properties.setdefault("credentials", {"credentialsType": "None"})
    secrets_ = credentials.pop("secrets", None)
    if secrets_ is not None:
        resource.internal["secrets"] = secrets_


async def _datastore_secrets(call: Call, resource: Resource) -> Answer:
    secrets_ = resource.internal.get("secrets")
    if secrets_ is None:
        raise bad_request(
            "UserError", f"The datastore '{resource.name}' has no credentials: it uses the caller's identity."
        )
    return Answer(secrets_)


def _versioned(call: Call, resource: Resource) -> None:
    """A version's container exists as soon as its first version does."""
    container_id = call.id.parent_id
    container = call.resources.store.get(container_id)
    if container is None:
        container = call.resources.write(
            container_id, f"{WORKSPACES}/{call.id.types[-2]}", {"isArchived": False, "provisioningState": "Succeeded"}
        )
    container.properties["latestVersion"] = call.id.name
    if call.id.name.isdigit():
        container.properties["nextVersion"] = str(int(call.id.name) + 1)
    call.resources.store.put(container)


def _list_versions(call: Call) -> list[Json]:
    """``?hash=…`` picks the versions with that content: azure-ai-ml asks so before it uploads code again
    (azure/ai/ml/operations/_code_operations.py)."""
    found = [version.body for version in call.resources.store.under(call.id.parent_id, call.type.type)]
    wanted = call.query.get("hash")
    if wanted is None:
        return found
    return [v for v in found if (v["properties"].get("properties") or {}).get("hash_sha256") == wanted]


def _never_deleted(call: Call, resource: Resource) -> None:
    """Environments are archived; deleting one fails, and its lineage would be lost.

    https://github.com/Azure/azure-powershell/issues/24018, https://github.com/Azure/azure-cli/issues/21957. Code and
    sentence are (inferred).
    """
    if call.type.type.startswith(f"{WORKSPACES}/environments"):
        raise bad_request("UserError", f"The environment '{call.id.id}' cannot be deleted: archive it instead.")


def _registered(kind: str) -> tuple[ResourceType, ResourceType]:
    """An asset: its container and its versions, which do not change once written."""
    return (
        ResourceType(
            f"{WORKSPACES}/{kind}",
            first_api_version="2021-03-01-preview",
            place="child",
            location="none",
            system_data=True,
            defaults={"isArchived": False, "tags": {}, "properties": {}},
            before_delete=_never_deleted,
        ),
        ResourceType(
            f"{WORKSPACES}/{kind}/versions",
            first_api_version="2021-03-01-preview",
            place="child",
            location="none",
            parent="created",
            system_data=True,
            defaults={"isAnonymous": False, "isArchived": False, "tags": {}, "properties": {}},
            on_put=_versioned,
            before_delete=_never_deleted,
            list=_list_versions,
        ),
    )


MACHINELEARNINGSERVICES: tuple[ResourceType, ...] = (
    ResourceType(
        WORKSPACES,
        first_api_version=_FIRST,
        create_status=200,
        etag_in_body=True,
        system_data=True,
        identity=True,
        envelope={"kind": "Default", "sku": {"name": "Basic", "tier": "Basic"}},
        defaults={
            "description": "",
            "hbiWorkspace": False,
            "v1LegacyMode": False,
            "publicNetworkAccess": "Enabled",
            "allowPublicAccessWhenBehindVnet": False,
            "enableDataIsolation": False,
            "systemDatastoresAuthMode": "AccessKey",
            "managedNetwork": {"isolationMode": "Disabled"},
        },
        kept=("creationTime", "privateEndpointConnections"),
        long_running=LongRunning(create=60, update=10, delete=30, put_status=202, running="Creating"),
        find=_purge_missing,
        validate=_workspace_checked,
        prepare=_workspace_prepared,
        on_put=_workspace,
        on_delete=_workspace_deleted,
        actions={"provisionManagedNetwork": managed_networks.provision},
    ),
    ResourceType(
        f"{WORKSPACES}/computes",
        first_api_version=_FIRST,
        place="child",
        system_data=True,
        identity=True,
        long_running=LongRunning(
            create=60, update=10, delete=30, running="Creating", headers=("Azure-AsyncOperation",)
        ),
        kept=("createdOn",),
        validate=_compute_checked,
        on_put=_compute,
    ),
    ResourceType(
        f"{WORKSPACES}/datastores",
        first_api_version="2020-05-01-preview",
        place="child",
        location="none",
        system_data=True,
        provisioning_state=False,
        defaults={"isDefault": False, "tags": {}, "properties": {}, "serviceDataAccessAuthIdentity": "None"},
        validate=_datastore_checked,
        actions={"listSecrets": _datastore_secrets},
    ),
    ResourceType(
        managed_networks.OUTBOUND_RULES,
        first_api_version="2023-04-01-preview",
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
        long_running=LongRunning(create=10, delete=10, put_status=202),
        on_put=managed_networks.rule_written,
        before_delete=managed_networks.refuse_to_delete_required,
        on_delete=managed_networks.rule_removed,
    ),
    ResourceType(
        f"{WORKSPACES}/connections",
        first_api_version="2020-06-01",
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
    ),
    *_registered("environments"),
    *_registered("data"),
    *_registered("codes"),
    *_registered("models"),
    *_registered("components"),
)
