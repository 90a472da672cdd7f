"""What is registered in an Azure ML workspace: code, environments, data, models and components, by name and version.

Statuses, bodies and sentences as in Microsoft's own recorded traffic: sdk/ml/azure-ai-ml/tests/recordings of
https://github.com/Azure/azure-sdk-for-python (test_code, test_component, test_data, test_environment, test_model).
"""

from __future__ import annotations

import re
import uuid

from toolkit.records import Json
from toolkit.sandbox import containers, learning_assets
from toolkit.sandbox.arm.errors import bad_request, resource_not_found
from toolkit.sandbox.arm.ids import parse
from toolkit.sandbox.arm.resource_type import Answer, Call, ResourceType
from toolkit.sandbox.store import Resource

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
# https://learn.microsoft.com/rest/api/azureml/registry-code-containers/create-or-update (codeName)
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")
_VERSION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_.]{0,254}")  # (inferred)
_LETTERS = "rcwl"

# kind -> the property that says where the content is. What is said when it should change is what azure-ai-ml waits for
# (_artifacts/_constants.py, ASSET_PATH_ERROR).
_CONTENT = {"codes": "codeUri", "data": "dataUri", "models": "modelUri"}
# kind -> the sentence of a 404, as recorded; the code is UserError.
_MISSING = {
    "environments": "No environment exists for name: {name}, version: , label: ",
    "components": "Not found component {name}.",
    "models": "The specified resource was not found.",
}


def workspace_of(call: Call) -> Resource:
    """The workspace of an asset, or 404."""
    workspace_id = "/".join(call.id.id.split("/")[:9])
    found = call.resources.store.get(workspace_id)
    if found is None:
        named = parse(workspace_id)
        raise resource_not_found(named.type_and_name, named.resource_group)
    return found


def _container_checked(call: Call, resource: Resource) -> None:
    """A workspace that is there, and a name that Azure takes."""
    workspace_of(call)
    if not _NAME.fullmatch(call.id.names[1]):
        raise bad_request(
            "UserError",
            f"The asset name '{call.id.names[1]}' is invalid: letters, digits, hyphens and underscores, at most 255, "
            "beginning with a letter or digit.",
        )


def _version_checked(call: Call, resource: Resource) -> None:
    """Besides, a version that Azure takes, and content that does not change under it."""
    _container_checked(call, resource)
    kind, (_, container, version) = call.id.types[1], call.id.names
    if not _VERSION.fullmatch(version):
        raise bad_request("UserError", f"The version '{version}' of the asset '{container}' is invalid.")
    custom = resource.properties.get("properties") or {}  # a dictionary of strings; azure-ai-ml sends a number in it
    resource.properties["properties"] = {name: str(value) for name, value in custom.items()}
    if kind == "data":
        _make_absolute(call, resource, "dataUri")
    if call.existing is not None:
        _require_same_content(kind, container, call.existing, resource)
    if kind == "models":
        resource.properties.setdefault("flavors", {})
        resource.properties.setdefault("jobName", None)


def _require_same_content(kind: str, container: str, standing: Resource, resource: Resource) -> None:
    held = _CONTENT.get(kind)
    if held is not None and standing.properties.get(held) != resource.properties.get(held):
        raise bad_request("UserError", "Asset paths cannot be updated.")
    before, after = (each.properties.get("componentSpec") or {} for each in (standing, resource))
    for field in ("code", "command", "environment"):
        if before.get(field) != after.get(field):
            raise bad_request(
                "UserError",
                f'Failed to update component {container} since field "{field}" is immutable, try specifying a new '
                "version.",
            )


def _make_absolute(call: Call, resource: Resource, name: str) -> None:
    """``azureml://datastores/…`` is answered with its workspace, a folder with a slash (test_pipeline_job)."""
    uri = str(resource.properties.get(name, ""))
    if resource.properties.get("dataType") == "uri_folder" and not uri.endswith("/"):
        uri += "/"
        resource.properties[name] = uri
    if uri.startswith("azureml://datastores/"):
        place = f"subscriptions/{call.id.subscription_id}/resourcegroups/{call.id.resource_group}"
        resource.properties[name] = f"azureml://{place}/workspaces/{call.id.names[0]}/{uri.removeprefix('azureml://')}"


def _versioned(call: Call, resource: Resource) -> None:
    """A version's container exists as soon as its first version does."""
    store, workspace_id = call.resources.store, workspace_of(call).id
    container = learning_assets.container(store, workspace_id, call.id.types[-2], call.id.names[1])
    learning_assets.count_version(container, call.id.name)
    store.put(container)
    if call.creating:
        resource.internal["number"] = learning_assets.next_number(store, workspace_id)


def _list_versions(call: Call) -> list[Json]:
    """``?hash=…&hashVersion=…`` answers the code with that content, whatever its name: in the recording of test_code a
    version of another asset. The asset's own comes first, then the oldest (inferred)."""
    workspace = workspace_of(call)
    wanted = call.query.get("hash")
    if wanted is None:
        found = call.resources.store.under(call.id.parent_id, call.type.type)
        return _shown(call, sorted(found, key=_number, reverse=True))
    known = [
        version
        for version in call.resources.store.under(workspace.id, call.type.type)
        if _hash(version) == (wanted, call.query.get("hashVersion"))
    ]
    own = call.id.parent_id.lower() + "/"
    return [version.body for version in sorted(known, key=lambda v: (not v.id.lower().startswith(own), _number(v)))]


def _list_containers(call: Call) -> list[Json]:
    return _shown(call, call.resources.store.under(call.id.parent_id, call.type.type))


def _shown(call: Call, found: list[Resource]) -> list[Json]:
    """What is archived is in no list that does not ask for it.

    https://learn.microsoft.com/rest/api/azureml/data-versions/list (listViewType)
    """
    view = call.query.get("listViewType", "ActiveOnly").lower()
    wanted = {"activeonly": (False,), "archivedonly": (True,), "all": (False, True)}.get(view)
    if wanted is None:
        raise bad_request("UserError", f"The listViewType '{view}' is none of ActiveOnly, ArchivedOnly and All.")
    return [each.body for each in found if bool(each.properties.get("isArchived")) in wanted]


def _number(version: Resource) -> int:
    return int(version.internal.get("number", 0))


def _hash(version: Resource) -> tuple[str | None, str | None]:
    properties = version.properties.get("properties") or {}
    return properties.get("hash_sha256"), properties.get("hash_version")


def _find(call: Call) -> Resource | None:
    """An upload is asked for before its version is there."""
    found = call.resources.store.get(call.id.id)
    if found is None and call.method == "POST":
        return Resource(call.id.id, call.type.type, {"id": call.id.id, "name": call.id.name, "type": call.type.type})
    return found


async def _start_pending_upload(call: Call, resource: Resource) -> Answer:
    """A fresh container of the default account, and a signature for it.

    The recording (test_component_update_code) has a user delegation signature, and the container's name. Whose it is
    follows the workspace's mode (inferred): with keys the account's, and refused by an account whose keys are off
    (https://github.com/microsoft/rag-experiment-accelerator/issues/866); with identities the caller's, so that who
    uploads needs the data role that
    https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage gives to users on the account.
    """
    _version_checked(call, Resource(resource.id, resource.type, {}))
    workspace = workspace_of(call)
    account = call.referenced(workspace.properties["storageAccount"], workspace.id)
    name = f"{workspace.internal['workspaceId'][:8]}-b-{uuid.uuid4()}"
    world = call.resources.world
    await world.blobs.create_container(account.name.lower(), name)
    world.store.put(containers.as_resource(account.id, name))
    keyed = workspace.properties.get("systemDatastoresAuthMode", "AccessKey").lower() == "accesskey"
    access = world.blobs.container_access(account, name, _LETTERS, None if keyed else call.principal)
    host = f"https://{account.name.lower()}.blob.core.windows.net"
    return Answer(
        {
            "blobReferenceForConsumption": {
                "blobUri": f"{host}:443/{name}",
                "storageAccountArmId": account.id,
                "credential": {"credentialType": "SAS", "sasUri": f"{host}/{name}?{access}"},
            },
            "pendingUploadId": call.body.get("pendingUploadId") or str(uuid.uuid4()),
            "pendingUploadType": call.body.get("pendingUploadType", "None"),
        }
    )


def _never_deleted(call: Call, resource: Resource) -> None:
    """Environments are archived; deleting one fails, and its lineage would be lost.

    https://github.com/Azure/azure-powershell/issues/24018, https://github.com/Azure/azure-cli/issues/21957. Code and
    sentence are (inferred).
    """
    if call.type.type.startswith(f"{WORKSPACES}/environments"):
        raise bad_request("UserError", f"The environment '{call.id.id}' cannot be deleted: archive it instead.")


def _registered(kind: str) -> tuple[ResourceType, ResourceType]:
    """An asset: its container and its versions, which do not change once written."""
    missing = ("UserError", _MISSING[kind]) if kind in _MISSING else None
    code = kind == "codes"
    return (
        ResourceType(
            f"{WORKSPACES}/{kind}",
            first_api_version="2021-03-01-preview",
            place="child",
            location="none",
            system_data=True,
            defaults={"isArchived": False, "tags": {}, "properties": {}, "nextVersion": "1"},
            kept=("latestVersion", "nextVersion"),
            missing=missing,
            validate=_container_checked,
            before_delete=_never_deleted,
            list=_list_containers,
        ),
        ResourceType(
            f"{WORKSPACES}/{kind}/versions",
            first_api_version="2021-03-01-preview",
            place="child",
            location="none",
            parent="created",
            system_data=True,
            defaults={"isAnonymous": False, "isArchived": False, "tags": {}, "properties": {}},
            find=_find if code else None,
            validate=_version_checked,
            on_put=_versioned,
            before_delete=_never_deleted,
            list=_list_versions,
            actions={"startPendingUpload": _start_pending_upload} if code else {},
        ),
    )


ASSETS: tuple[ResourceType, ...] = tuple(
    row for kind in ("environments", "data", "codes", "models", "components") for row in _registered(kind)
)
