"""Jobs of an Azure ML workspace on the control plane: checked, shown and cancelled; machine_learning/jobs.py runs them.

Bodies and statuses as recorded (test_command_job: sdk/ml/azure-ai-ml/tests/recordings of
https://github.com/Azure/azure-sdk-for-python). Sentences are (inferred) where no recording has them.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, bad_request, not_modelled
from toolkit.sandbox.arm.resource_type import Answer, Call, ResourceType
from toolkit.sandbox.arm.types.machine_learning_assets import WORKSPACES, workspace_of
from toolkit.sandbox.store import Resource

_FILE = "types/machine_learning_jobs.py"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")
_TERMINAL = ("Completed", "Failed", "Canceled")
# What a second PUT may change (inferred); azure-ai-ml archives a job so (operations/_job_operations.py).
_CHANGEABLE = ("tags", "displayName", "description", "isArchived")


def _checked(call: Call, resource: Resource) -> None:
    workspace = workspace_of(call)
    if call.existing is not None:
        changed = {name: resource.properties.get(name) for name in _CHANGEABLE if name in resource.properties}
        resource.body["properties"] = {**call.existing.properties, **changed}
        return
    properties = resource.properties
    if not _NAME.fullmatch(call.id.name):
        raise bad_request("UserError", f"The job name '{call.id.name}' is invalid.")
    kind = properties.get("jobType")
    if kind == "Pipeline":
        _require_nodes(call, properties)
        _fill(call, resource, workspace)
        return
    if kind != "Command":
        raise not_modelled(f"jobs of the type '{kind}'", _FILE)
    for name in ("distribution", "autologgerSettings", "queueSettings"):
        if properties.get(name):
            raise not_modelled(f"jobs with '{name}'", _FILE)
    identity = (properties.get("identity") or {}).get("identityType", "Managed")
    if identity != "Managed":
        raise not_modelled(f"jobs with the identity '{identity}'", _FILE)
    if not str(properties.get("command") or "").strip():
        raise bad_request("UserError", "The property 'command' is required.")
    _require_compute(call, properties)
    _require_assets(call, properties, workspace)
    _fill(call, resource, workspace)


def _require_nodes(call: Call, properties: Json) -> None:
    """Nodes are commands of registered components, on computes that are there."""
    nodes = properties.get("jobs") or {}
    if not nodes:
        raise bad_request("UserError", "The property 'jobs' is required.")
    for name, node in nodes.items():
        if node.get("type", "command") != "command":
            raise not_modelled(f"nodes of the type '{node.get('type')}' in pipeline jobs ({name})", _FILE)
        component_id = str(node.get("componentId", "")).removeprefix("azureml:")
        component = call.resources.store.get(component_id)
        if component is None:
            raise ArmError(404, "NotFound", f"key: {component_id}")
        kind = (component.properties.get("componentSpec") or {}).get("type", "command")
        if kind != "command":
            raise not_modelled(f"components of the type '{kind}' ({name})", _FILE)
        _require_compute(call, {"computeId": node.get("computeId") or properties.get("computeId")})


def _require_compute(call: Call, properties: Json) -> None:
    compute_id = properties.get("computeId")
    if not compute_id:
        raise not_modelled("jobs on serverless compute (no computeId)", _FILE)
    compute = call.resources.store.get(str(compute_id))
    if compute is None:
        raise ArmError(404, "UserError", f"The compute '{str(compute_id).rsplit('/', 1)[-1]}' could not be found.")
    if compute.properties.get("computeType") != "AmlCompute":
        raise not_modelled(f"jobs on a compute of the type '{compute.properties.get('computeType')}'", _FILE)


def _require_assets(call: Call, properties: Json, workspace: Resource) -> None:
    """Code, data and environment of this workspace are there; an environment of a registry is taken as it is."""
    code = properties.get("codeId")
    if code and call.resources.store.get(str(code)) is None:
        raise ArmError(404, "UserError", f"The code asset '{code}' could not be found.")
    for name, value in (properties.get("inputs") or {}).items():
        data_id = str(value.get("uri") or "").removeprefix("azureml:")
        if data_id.startswith("/subscriptions/") and call.resources.store.get(data_id) is None:
            raise ArmError(404, "UserError", f"The asset '{data_id}' of the input '{name}' could not be found.")
    named = str(properties.get("environmentId") or "")
    if not named:
        raise bad_request("UserError", "The property 'environmentId' is required.")
    if named.startswith(("azureml://registries/", "azureml:AzureML-", "AzureML-")):
        return
    asset_id = named.removeprefix("azureml:")
    if not asset_id.startswith("/"):
        name, _, version = asset_id.partition(":")
        asset_id = f"{workspace.id}/environments/{name}/versions/{version}"
    if call.resources.store.get(asset_id) is None:
        raise ArmError(404, "UserError", f"No environment exists for name: {asset_id.rsplit('/environments/', 1)[-1]}")


def _fill(call: Call, resource: Resource, workspace: Resource) -> None:
    """What the service adds."""
    properties, region = resource.properties, workspace.body["location"]
    for name, output in (properties.get("outputs") or {}).items():
        if output.get("assetName") and not _NAME.fullmatch(str(output["assetName"])):
            raise bad_request("UserError", f"The asset name '{output['assetName']}' of the output '{name}' is invalid.")
        default = f"azureml://datastores/workspaceblobstore/paths/azureml/{call.id.name}/{name}/"
        output["uri"] = output.get("uri") or default
    properties["status"] = "Preparing" if properties["jobType"] == "Pipeline" else "Starting"
    properties.setdefault("properties", {})["_azureml.ComputeTargetType"] = "amlctrain"
    properties["services"] = {
        "Tracking": _service("Tracking", f"azureml://{region}.api.azureml.ms/mlflow/v1.0{workspace.id}?"),
        "Studio": _service("Studio", f"https://ml.azure.com/runs/{call.id.name}?wsid={workspace.id}"),
    }
    for name, value in {"resources": {"instanceCount": 1, "shmSize": "2g"}, "inputs": {}, "outputs": {}}.items():
        if not properties.get(name):
            properties[name] = value


def _service(kind: str, endpoint: str) -> Json:
    return {"jobServiceType": kind, "port": None, "endpoint": endpoint, "status": None, "errorMessage": None}


def _started(call: Call, resource: Resource) -> None:
    if call.creating:
        jobs, job_id = call.resources.world.jobs, resource.id
        asyncio.get_running_loop().call_soon(jobs.submitted, job_id)


async def _cancel(call: Call, resource: Resource) -> Answer:
    if resource.properties.get("status") in _TERMINAL:
        raise bad_request("UserError", f"The run {resource.name} is in terminal status, it can't be canceled.")
    call.resources.world.jobs.cancel(resource.id)
    return Answer(None)


def _only_ended(call: Call, resource: Resource) -> None:
    if resource.properties.get("status") not in _TERMINAL:
        raise bad_request("UserError", f"The run {resource.name} is not in terminal status, it can't be deleted.")


def _list(call: Call) -> list[Json]:
    """A pipeline's children are not among them: azure-ai-ml asks the run history for those."""
    jobs = call.resources.store.under(call.id.parent_id, call.type.type)
    found: list[Any] = [job.body for job in jobs if "parent" not in job.internal]
    return sorted(found, key=lambda body: str(body.get("systemData", {}).get("createdAt", "")), reverse=True)


JOBS = ResourceType(
    f"{WORKSPACES}/jobs",
    first_api_version="2021-03-01-preview",
    place="child",
    location="none",
    system_data=True,
    provisioning_state=False,
    defaults={"isArchived": False, "tags": {}, "properties": {}},
    validate=_checked,
    on_put=_started,
    before_delete=_only_ended,
    list=_list,
    actions={"cancel": _cancel},
)
