"""Microsoft.MachineLearningServices: workspaces and what is registered in them.

https://learn.microsoft.com/rest/api/azureml/; soft delete: https://learn.microsoft.com/azure/machine-learning/concept-soft-delete

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

from toolkit.sandbox.arm.durations import canonical
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.ids import parse
from toolkit.sandbox.arm.quotas import require_one_node
from toolkit.sandbox.arm.resource_type import Call, LongRunning, ResourceType
from toolkit.sandbox.arm.types import compute_instances, managed_networks, workspace_encryption, workspace_network
from toolkit.sandbox.arm.types.machine_learning_assets import ASSETS, WORKSPACES
from toolkit.sandbox.arm.types.machine_learning_datastores import DATASTORES, blob_container, system_datastores
from toolkit.sandbox.arm.types.machine_learning_jobs import JOBS
from toolkit.sandbox.store import Resource

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
    workspace_encryption.encryption_checked(call, resource)
    workspace_network.checked(resource)
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


async def _workspace_prepared(call: Call, resource: Resource) -> None:
    resource.internal.setdefault("workspaceId", str(uuid.uuid4()))
    account = parse(resource.properties["storageAccount"]).name.lower()
    for container in (blob_container(resource.internal["workspaceId"]), "azureml"):
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
    system_datastores(call, resource)


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
    if kind == "ComputeInstance":
        compute_instances.checked(call, resource)
    if kind in ("AmlCompute", "ComputeInstance"):
        require_one_node(call, properties.get("properties") or {})


def _compute(call: Call, resource: Resource) -> None:
    resource.properties.setdefault("createdOn", datetime.now(UTC).isoformat())
    inner = resource.properties.setdefault("properties", {})
    if resource.properties["computeType"] == "AmlCompute":
        inner.setdefault("allocationState", "Steady")
        inner.setdefault("currentNodeCount", 0)
        inner.setdefault("targetNodeCount", 0)
    elif resource.properties["computeType"] == "ComputeInstance":
        compute_instances.made(resource)


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
    DATASTORES,
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
    *ASSETS,
    JOBS,
)
