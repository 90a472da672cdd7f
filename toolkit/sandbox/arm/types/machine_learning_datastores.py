"""Datastores of an Azure ML workspace: the four that it has from the start, and those that clients register.

Bodies as in Microsoft's recorded traffic (test_datastore, test_data: sdk/ml/azure-ai-ml/tests/recordings of
https://github.com/Azure/azure-sdk-for-python).
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.ids import parse
from toolkit.sandbox.arm.resource_type import Answer, Call, ResourceType
from toolkit.sandbox.arm.types.machine_learning_assets import WORKSPACES, workspace_of
from toolkit.sandbox.containers import CONTAINERS
from toolkit.sandbox.internal import account_keys
from toolkit.sandbox.store import Resource

_KINDS = ("AzureBlob", "AzureDataLakeGen2", "AzureFile", "AzureDataLakeGen1", "OneLake")
_SYSTEM = "system"
_LETTERS = "racwdl"


def blob_container(workspace_id: str) -> str:
    return f"azureml-blobstore-{workspace_id}"


def system_datastores(call: Call, workspace: Resource) -> None:
    """The datastores on the default account, whose credentials follow ``systemDatastoresAuthMode`` wherever it goes.

    https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage
    """
    account = call.resources.store.get(workspace.properties["storageAccount"])
    assert account is not None
    key = workspace.internal["workspaceId"]
    blob = blob_container(key)
    if call.creating:
        for container in (blob, "azureml"):
            call.resources.write(
                f"{account.id}/blobServices/default/containers/{container}",
                CONTAINERS,
                {"publicAccess": "None", "deleted": False},
            )
    group = parse(account.id)
    keyed = workspace.properties.get("systemDatastoresAuthMode", "AccessKey").lower() == "accesskey"
    common: Json = {
        "accountName": account.name,
        "endpoint": "core.windows.net",
        "protocol": "https",
        "isDefault": False,
        "subscriptionId": group.subscription_id,
        "resourceGroup": group.resource_group,
        "credentials": {"credentialsType": "AccountKey" if keyed else "None"},
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
        written = call.resources.write(
            f"{workspace.id}/datastores/{name}", f"{WORKSPACES}/datastores", {**common, **own}
        )
        written.internal[_SYSTEM] = True
        call.resources.store.put(written)


def _checked(call: Call, resource: Resource) -> None:
    kind = resource.properties.get("datastoreType")
    if kind not in _KINDS:
        raise bad_request("ValidationError", f"Unknown datastore type '{kind}'.")
    credentials = resource.properties.setdefault("credentials", {"credentialsType": "None"})
    secrets = credentials.pop("secrets", None)
    if secrets is not None:
        resource.internal["secrets"] = secrets


async def _list_secrets(call: Call, resource: Resource) -> Answer:
    """The account's key of a system datastore, or a signature where ``expirableSecret`` asks for one; what a client
    registered otherwise. One without credentials has none to show (sentence inferred)."""
    if resource.properties["credentials"].get("credentialsType") == "None":
        raise bad_request(
            "UserError", f"The datastore '{resource.name}' has no credentials: it uses the caller's identity."
        )
    if not resource.internal.get(_SYSTEM):
        return Answer(resource.internal.get("secrets") or {})
    account = call.referenced(workspace_of(call).properties["storageAccount"], resource.id)
    container = resource.properties.get("containerName")
    if call.body.get("expirableSecret") and container:
        token = call.resources.world.blobs.container_access(account, str(container), _LETTERS, None)
        return Answer({"secretsType": "Sas", "sasToken": token})
    return Answer({"secretsType": "AccountKey", "key": account_keys(account)[0]["value"]})


def _list(call: Call) -> list[Json]:
    """``?isDefault=true`` picks the default one, ``names`` those named."""
    found = [datastore.body for datastore in call.resources.store.under(call.id.parent_id, call.type.type)]
    if call.query.get("isDefault", "").lower() == "true":
        found = [body for body in found if body["properties"].get("isDefault")]
    if names := call.query.get("names"):
        found = [body for body in found if body["name"] in names.split(",")]
    return found


DATASTORES = ResourceType(
    f"{WORKSPACES}/datastores",
    first_api_version="2020-05-01-preview",
    place="child",
    location="none",
    system_data=True,
    provisioning_state=False,
    defaults={"isDefault": False, "tags": {}, "properties": {}, "serviceDataAccessAuthIdentity": "None"},
    missing=("UserError", "Could not find datastore: {name}."),
    validate=_checked,
    list=_list,
    actions={"listSecrets": _list_secrets},
)
