"""A pipeline job as the command jobs that it is made of: which node needs which, and what each one runs.

https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-pipeline; bodies as recorded in test_pipeline_job
(sdk/ml/azure-ai-ml/tests/recordings of https://github.com/Azure/azure-sdk-for-python).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.machine_learning.specification import BadJob, literal
from toolkit.sandbox.store import Resource

_OF_PIPELINE = re.compile(r"\$\{\{\s*parent\.(inputs|outputs)\.([A-Za-z_]\w*)\s*\}\}")
_OF_NODE = re.compile(r"\$\{\{\s*parent\.jobs\.([A-Za-z_]\w*)\.outputs\.([A-Za-z_]\w*)\s*\}\}")


def needs(node: Mapping[str, Any]) -> set[str]:
    """The nodes whose outputs a node reads."""
    texts = [literal(value) or "" for value in (node.get("inputs") or {}).values()]
    return {match[1] for text in texts if (match := _OF_NODE.fullmatch(text))}


def require_order(nodes: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises BadJob when a node reads one that is not there, or when they wait for each other in a circle."""
    left = {name: needs(node) for name, node in nodes.items()}
    for name, needed in left.items():
        if unknown := needed - nodes.keys():
            raise BadJob(f"The node '{name}' reads an output of '{min(unknown)}', which the pipeline does not have.")
    while left:
        ready = [name for name, needed in left.items() if not needed & left.keys()]
        if not ready:
            raise BadJob(f"The nodes {', '.join(sorted(left))} wait for each other.")
        for name in ready:
            del left[name]


def child_id(job: Resource, node: str) -> str:
    """The job of a node: a name that says nothing, as Azure's, and the same each time."""
    return f"{job.id.rsplit('/', 1)[0]}/{uuid.uuid5(uuid.NAMESPACE_URL, f'{job.id.lower()}/{node}')}"


def child_of(job: Resource, node: str, component: Callable[[str], Json], outputs: Callable[[str], Json]) -> Resource:
    """The command job of a node. ``component`` gives the specification of an id, ``outputs`` those of an earlier node's
    job. Raises BadJob."""
    said = job.properties["jobs"][node]
    spec = component(str(said["componentId"]))
    id_ = child_id(job, node)
    compute = said.get("computeId") or job.properties.get("computeId")
    if not compute:
        raise BadJob(f"The node '{node}' has no compute, and the pipeline has no default one.")
    properties = {
        "jobType": "Command",
        "displayName": node,
        "experimentName": job.properties.get("experimentName"),
        "status": "Starting",
        "command": str(spec.get("command", "")),
        "codeId": _asset(spec.get("code")),
        "environmentId": _asset(spec.get("environment")),
        "computeId": compute,
        "identity": said.get("identity"),
        "environmentVariables": {
            **(spec.get("environment_variables") or {}),
            **(said.get("environment_variables") or {}),
        },
        "limits": said.get("limits"),
        "inputs": _inputs(job, node, said, spec, outputs),
        "outputs": {
            name: {"jobOutputType": "uri_folder", "uri": _output(job, said, name, id_), **_registration(said, name)}
            for name in spec.get("outputs") or {}
        },
        "properties": {"azureml.pipelinerunid": job.name, "azureml.nodeName": node},
        "isArchived": False,
        "tags": {},
    }
    name = id_.rsplit("/", 1)[-1]
    body: Json = {"id": id_, "name": name, "type": job.type, "properties": properties}
    return Resource(id_, job.type, body, {"parent": job.name})


def _inputs(
    job: Resource, node: str, said: Mapping[str, Any], spec: Mapping[str, Any], outputs: Callable[[str], Json]
) -> dict[str, Json]:
    found: dict[str, Json] = {}
    given = said.get("inputs") or {}
    for name, wanted in (spec.get("inputs") or {}).items():
        if name in given:
            value = _input(job, given[name], str(wanted.get("type", "uri_folder")), outputs)
            if value is not None:
                found[name] = value
        elif wanted.get("default") is not None:
            found[name] = {"jobInputType": "literal", "value": str(wanted["default"])}
        elif str(wanted.get("optional", "False")).lower() != "true":
            raise BadJob(f"The node '{node}' needs the input '{name}'.")
    return found


def _input(job: Resource, value: Json, kind: str, outputs: Callable[[str], Json]) -> Json | None:
    text = literal(value)
    if text is None:
        return {"jobInputType": value.get("jobInputType") or value.get("job_input_type"), "uri": value["uri"]}
    if match := _OF_NODE.fullmatch(text):
        uri = outputs(match[1]).get(match[2], {}).get("uri")
        if uri is None:
            raise BadJob(f"The node '{match[1]}' has no output '{match[2]}'.")
        return {"jobInputType": kind, "uri": str(uri)}
    if match := _OF_PIPELINE.fullmatch(text):
        standing = (job.properties.get("inputs") or {}).get(match[2])
        return dict(standing) if standing is not None else None
    return {"jobInputType": "literal", "value": text}


def _output(job: Resource, said: Mapping[str, Any], name: str, id_: str) -> str:
    bound = (said.get("outputs") or {}).get(name)
    text = bound if isinstance(bound, str) else str((bound or {}).get("value", ""))
    if match := _OF_PIPELINE.fullmatch(text):
        return str((job.properties.get("outputs") or {})[match[2]]["uri"])
    if isinstance(bound, Mapping) and bound.get("uri"):
        return str(bound["uri"])
    return f"azureml://datastores/workspaceblobstore/paths/azureml/{id_.rsplit('/', 1)[-1]}/{name}/"


def _registration(said: Mapping[str, Any], name: str) -> Json:
    """The name under which a node's own output is registered, and its type then.

    azure-ai-ml sends ``name`` and ``version`` (entities/_job/pipeline/_io/mixin.py), where a job's own output has
    ``assetName`` and ``assetVersion``.
    """
    bound = (said.get("outputs") or {}).get(name)
    if not isinstance(bound, Mapping):
        return {}
    asset, version = bound.get("assetName") or bound.get("name"), bound.get("assetVersion") or bound.get("version")
    kind = bound.get("jobOutputType") or bound.get("job_output_type") or "uri_folder"
    return {"assetName": asset, "assetVersion": version, "jobOutputType": kind} if asset else {}


def _asset(named: Any) -> str | None:
    """``azureml:/subscriptions/…`` is an id; ``azureml:NAME:VERSION`` stays as it is."""
    text = str(named or "")
    return text.removeprefix("azureml:") if text.startswith("azureml:/") else text or None
