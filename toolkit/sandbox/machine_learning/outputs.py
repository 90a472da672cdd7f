"""Outputs of jobs that are registered as assets: ``outputs: {model: {type: mlflow_model, name: clf, version: "3"}}``.

https://learn.microsoft.com/azure/machine-learning/how-to-manage-inputs-outputs-pipeline#output-registration. The type
of the output says which kind of asset it becomes.
"""

from __future__ import annotations

from typing import Final

from toolkit.records import Json
from toolkit.sandbox import learning_assets
from toolkit.sandbox.machine_learning.specification import BadJob, datastore_path
from toolkit.sandbox.store import Resource, Store

_MODELS: Final = ("custom_model", "mlflow_model", "triton_model")


def registered(store: Store, workspace: Resource, job_name: str, output: Json) -> str | None:
    """The asset that an output became, as a line for the log; its version is written into ``output``.

    None for an output without a name. Raises BadJob for a version that is there already: its path cannot change.
    """
    if not output.get("assetName"):
        return None
    name, asked = str(output["assetName"]), output.get("assetVersion")
    kind_of, uri = str(output.get("jobOutputType") or "uri_folder"), _absolute(workspace, str(output["uri"]))
    kind = "models" if kind_of in _MODELS else "data"
    if asked and store.get(f"{workspace.id}/{kind}/{name}/versions/{asked}") is not None:
        raise BadJob(f"The output cannot be registered: {kind} asset '{name}' has a version {asked} already.")
    about: Json = (
        {"modelType": kind_of, "modelUri": uri, "jobName": job_name, "flavors": {}}
        if kind == "models"
        else {"dataType": kind_of, "dataUri": uri}
    )
    about["description"] = output.get("description")
    made = learning_assets.register(store, workspace.id, kind, name, about, str(asked) if asked else None)
    output["assetVersion"] = made.name
    return f"registered as {kind} asset {name}:{made.name}"


def _absolute(workspace: Resource, uri: str) -> str:
    """With the workspace in it, as the service answers the uri of an asset."""
    named = datastore_path(uri)
    if named is None or not uri.startswith("azureml://datastores/"):
        return uri
    _, _, subscription, _, group, *_ = workspace.id.split("/")
    place = f"azureml://subscriptions/{subscription}/resourcegroups/{group}/workspaces/{workspace.name}"
    return f"{place}/datastores/{named[0]}/paths/{named[1]}"
