"""MLflow's model registry: the workspace's models, the same that azure-ai-ml sees.

What Azure ML supports of it (names cannot be changed, containers not be deleted, stages):
https://learn.microsoft.com/azure/machine-learning/how-to-manage-models-mlflow. That it has no aliases is (inferred)
from that page's list of operations.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from toolkit.records import Json
from toolkit.sandbox import learning_assets
from toolkit.sandbox.machine_learning.errors import MlflowError, invalid, missing
from toolkit.sandbox.machine_learning.specification import datastore_path
from toolkit.sandbox.store import Resource, Store

_MODELS: Final = "Microsoft.MachineLearningServices/workspaces/models"
_VERSIONS: Final = f"{_MODELS}/versions"
_STAGES: Final = ("None", "Staging", "Production", "Archived")
_OF_RUN: Final = re.compile(
    r"azureml://.*?experiments/[^/]+/runs/(?P<run>[^/]+)/artifacts/?(?P<path>.*)|runs:/(?P<r>[^/]+)/(?P<p>.*)"
)
_LOCAL: Final = re.compile(r"azureml://artifacts/(?P<origin>LocalUpload)/(?P<path>.+)")
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")


class ModelRegistry:
    def __init__(self, store: Store) -> None:
        self._store = store

    # -- models --------------------------------------------------------------------------------------------------------

    def models(self, workspace: Resource) -> list[Resource]:
        return self._store.under(f"{workspace.id}/models", _MODELS)

    def model(self, workspace: Resource, name: str) -> Resource:
        found = self._store.get(f"{workspace.id}/models/{name}")
        if found is None:
            raise missing(f"Registered Model with name={name}")
        return found

    def create(self, workspace: Resource, name: str, description: str | None, tags: Json) -> Resource:
        if not _NAME.fullmatch(name):
            raise invalid(f"The asset name '{name}' is invalid: letters, digits, hyphens and underscores.")
        if self._store.get(f"{workspace.id}/models/{name}") is not None:
            raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
        made = learning_assets.container(self._store, workspace.id, "models", name)
        made.properties.update(description=description, tags=tags)
        self._store.put(made)
        return made

    def keep(self, resource: Resource) -> None:
        self._store.put(resource)

    # -- versions ------------------------------------------------------------------------------------------------------

    def versions(self, workspace: Resource, name: str | None = None) -> list[Resource]:
        """The newest first."""
        scope = f"{workspace.id}/models" + (f"/{name}" if name else "")
        found = self._store.under(scope, _VERSIONS)
        return sorted(found, key=lambda version: int(version.internal.get("number", 0)), reverse=True)

    def version(self, workspace: Resource, name: str, version: str) -> Resource:
        found = self._store.get(f"{workspace.id}/models/{name}/versions/{version}")
        if found is None:
            raise missing(f"Model Version (name={name}, version={version})")
        return found

    def create_version(self, workspace: Resource, given: Json) -> Resource:
        name = str(given["name"])
        self.model(workspace, name)
        uri, run = self._place(str(given.get("source") or ""), given.get("run_id"))
        written = learning_assets.register(
            self._store,
            workspace.id,
            "models",
            name,
            {
                "description": given.get("description"),
                "modelType": "mlflow_model",
                "modelUri": _long(workspace, uri),
                "jobName": run,
                "flavors": {},
                "stage": "None",
                "tags": {str(tag["key"]): str(tag.get("value", "")) for tag in given.get("tags") or []},
            },
        )
        written.internal["source"] = str(given.get("source") or "")
        self._store.put(written)
        return written

    def _place(self, source: str, run_id: str | None) -> tuple[str, str | None]:
        """Where the files are, below the workspace, and of which run."""
        if match := _OF_RUN.fullmatch(source):
            run, path = match["run"] or match["r"], match["path"] or match["p"]
            return f"datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{run}/{path}", run_id or run
        if match := _LOCAL.fullmatch(source):
            return f"datastores/workspaceblobstore/paths/LocalUpload/{match['path']}", run_id
        if named := datastore_path(source):
            return f"datastores/{named[0]}/paths/{named[1]}", run_id
        raise invalid(f"Models come from a run's artifacts or from a datastore of the workspace, not from '{source}'.")

    def download_uri(self, workspace: Resource, region_host: str, version: Resource) -> str:
        """Where azureml-mlflow finds the files: in its words, whoever registered the model."""
        uri = str(version.properties.get("modelUri") or "")
        named = datastore_path(uri)
        if named and (match := re.fullmatch(r"ExperimentRun/dcid\.([^/]+)/(.*)", named[1])):
            scope = f"{region_host}/mlflow/v1.0{workspace.id}"
            return f"azureml://{scope}/experiments/_/runs/{match[1]}/artifacts/{match[2]}"
        if named and named[0] == "workspaceblobstore" and named[1].startswith("LocalUpload/"):
            return f"azureml://artifacts/{named[1]}"
        return uri

    def set_stage(self, workspace: Resource, version: Resource, stage: str, archive: bool) -> None:
        known = next((each for each in _STAGES if each.lower() == stage.lower()), None)
        if known is None:
            raise invalid(f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(_STAGES)}.")
        name = version.id.split("/")[-3]
        for other in self.versions(workspace, name) if archive and known in ("Staging", "Production") else ():
            if other.id != version.id and other.properties.get("stage") == known:
                other.properties["stage"] = "Archived"
                self._store.put(other)
        version.properties["stage"] = known
        self._store.put(version)

    def delete_version(self, version: Resource) -> None:
        self._store.delete(version.id)


def _long(workspace: Resource, place: str) -> str:
    """As azure-ai-ml's recordings have a model's uri (test_model)."""
    _, _, subscription, _, group, *_ = workspace.id.split("/")
    return f"azureml://subscriptions/{subscription}/resourceGroups/{group}/workspaces/{workspace.name}/{place}"


# -- as MLflow shows them ----------------------------------------------------------------------------------------------


def as_version(version: Resource) -> Json:
    properties, created, changed = version.properties, *_times(version)
    return {
        "name": version.id.split("/")[-3],
        "version": version.name,
        "creation_timestamp": created,
        "last_updated_timestamp": changed,
        "current_stage": properties.get("stage") or "None",
        "description": properties.get("description") or "",
        "source": version.internal.get("source") or properties.get("modelUri") or "",
        "run_id": properties.get("jobName") or "",
        "status": "READY",
        "tags": _tags(properties),
    }


def as_model(model: Resource, versions: list[Resource]) -> Json:
    """``versions`` are the model's, the newest first: the last of each stage is shown."""
    properties, created, changed = model.properties, *_times(model)
    latest: dict[str, Resource] = {}
    for version in versions:
        latest.setdefault(str(version.properties.get("stage") or "None"), version)
    return {
        "name": model.name,
        "creation_timestamp": created,
        "last_updated_timestamp": changed,
        "description": properties.get("description") or "",
        "latest_versions": [as_version(version) for version in latest.values()],
        "tags": _tags(properties),
    }


def _tags(properties: Json) -> list[Json]:
    return [{"key": key, "value": str(value)} for key, value in (properties.get("tags") or {}).items()]


def _times(resource: Resource) -> tuple[int, int]:
    system = resource.body.get("systemData") or {}
    texts = (system.get("createdAt"), system.get("lastModifiedAt"))
    created, changed = (int(datetime.fromisoformat(text).timestamp() * 1000) if text else 0 for text in texts)
    return created, changed or created
