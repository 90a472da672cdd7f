"""Parts that examples are put together from: correct ones, of which a test spoils one."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/account"
RUNTIME = {"type": "IntegrationRuntimeReference", "referenceName": "ir-managed"}
BLOB = "https://account.blob.core.windows.net/data/file.json"
STORAGE_HEADERS = {"x-ms-version": "2023-11-03", "Accept": "application/json"}
STORAGE_MSI = {"type": "MSI", "resource": "https://storage.azure.com/"}
MANAGED_RUNTIME: Json = {
    "type": "Managed",
    "managedVirtualNetwork": {"type": "ManagedVirtualNetworkReference", "referenceName": "default"},
    "typeProperties": {"computeProperties": {"pipelineExternalComputeScaleProperties": {"timeToLive": 15}}},
}
NETWORK: Json = {
    "managedVirtualNetwork": {"default": {}},
    "integrationRuntime": {"ir-managed": MANAGED_RUNTIME},
    "managedPrivateEndpoint": {
        "blob": {
            "privateLinkResourceId": ACCOUNT,
            "groupId": "blob",
            "connectionState": {"status": "Approved"},
        }
    },
}


def activity(name: str, kind: str = "Wait", after: list[Any] | None = None, **rest: Any) -> Json:
    """``after``: names, or (name, condition) pairs."""
    made: Json = {"name": name, "type": kind, "description": "What it does."}
    if after:
        pairs = [(one, "Succeeded") if isinstance(one, str) else one for one in after]
        made["dependsOn"] = [{"activity": one, "dependencyConditions": [condition]} for one, condition in pairs]
    policy = rest.pop("policy", None)
    if policy is not None:
        made["policy"] = policy
    made |= rest.pop("beside", {})
    made["typeProperties"] = rest
    return made


def wait(name: str = "Pause", after: list[Any] | None = None) -> Json:
    return activity(name, "Wait", after, waitTimeInSeconds=1)


def web(name: str = "Call", url: Any = BLOB, after: list[Any] | None = None, **rest: Any) -> Json:
    """A correct request to storage; a keyword given as None is left out."""
    policy = rest.pop("policy", {"timeout": "0.00:10:00"})
    settings = {
        "method": "GET",
        "url": url,
        "headers": STORAGE_HEADERS,
        "authentication": STORAGE_MSI,
        "connectVia": RUNTIME,
    } | rest
    return activity(name, "WebActivity", after, policy=policy, **{k: v for k, v in settings.items() if v is not None})


def set_variable(name: str, variable: str, value: Any, after: list[Any] | None = None) -> Json:
    return activity(name, "SetVariable", after, variableName=variable, value=value)


def pipeline(*activities: Json, **properties: Any) -> Json:
    return {
        "description": "What it is for.",
        "folder": {"name": "folder"},
        "annotations": ["team"],
        "activities": list(activities),
        **properties,
    }


def factory(*activities: Json, name: str = "main", **properties: Any) -> Json:
    """A factory of one pipeline."""
    return {"pipeline": {name: pipeline(*activities, **properties)}}


def networked(*activities: Json, **rest: Any) -> Json:
    return {**factory(*activities), **NETWORK, **rest}


def linked(name: str = "ls", **properties: Any) -> Json:
    made = {"description": "Where to.", "annotations": ["team"], "type": "AzureBlobStorage"} | properties
    return {"linkedService": {name: made}}


def schedule(**recurrence: Any) -> Json:
    return {
        "type": "ScheduleTrigger",
        "description": "When.",
        "annotations": ["team"],
        "pipelines": [{"pipelineReference": {"type": "PipelineReference", "referenceName": "main"}}],
        "typeProperties": {
            "recurrence": {
                "frequency": "Day",
                "interval": 1,
                "startTime": "2026-01-01T00:00:00Z",
                "endTime": "2027-01-01T00:00:00Z",
                "timeZone": "UTC",
                **recurrence,
            }
        },
    }


def reference(kind: str, name: str) -> Json:
    return {"type": f"{kind}Reference", "referenceName": name}


def execute(called: str, name: str = "Run", **rest: Any) -> Json:
    return activity(name, "ExecutePipeline", pipeline=reference("Pipeline", called), waitOnCompletion=True, **rest)


def expression(text: str) -> Json:
    return {"type": "Expression", "value": text}
