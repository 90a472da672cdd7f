"""MLflow's REST interface at ``/mlflow/v2.0/<workspace>/api/2.0/mlflow/…``, for the unmodified client.

The address is made by azureml-mlflow (PyPI; _store/azureml_reststore.py) out of the workspace's mlFlowTrackingUri;
methods, paths and entities: https://mlflow.org/docs/latest/rest-api.html. What is not in the table is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.machine_learning import registry, searching
from toolkit.sandbox.machine_learning.artifacts import RUNS, remembered
from toolkit.sandbox.machine_learning.errors import MlflowError, invalid, missing
from toolkit.sandbox.machine_learning.registry import ModelRegistry
from toolkit.sandbox.machine_learning.searching import Fields
from toolkit.sandbox.machine_learning.tracking import Tracking, now
from toolkit.sandbox.store import Resource, Store

_VIEWS: Final = {"ACTIVE_ONLY": ("active",), "DELETED_ONLY": ("deleted",), "ALL": ("active", "deleted")}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the members of its query or body, the workspace and host that it was sent to, and who sent it."""

    given: Json
    workspace: Resource
    host: str
    user: str

    def need(self, *names: str) -> str:
        """The first member that is there; 400 when none is."""
        for name in names:
            if self.given.get(name) not in (None, ""):
                return str(self.given[name])
        raise invalid(f"Missing value for required parameter '{names[0]}'.")

    def number(self, name: str, otherwise: int, most: int) -> int:
        try:
            found = int(self.given.get(name) or otherwise)
        except ValueError:
            raise invalid(f"Invalid value for parameter '{name}': {self.given[name]} is no whole number.") from None
        if not 0 < found <= most:
            raise invalid(f"Invalid value {found} for parameter '{name}': at most {most}.")
        return found

    def items(self, name: str) -> list[Any]:
        """A list; a query has the single value of a list of one."""
        found = self.given.get(name) or []
        return list(found) if isinstance(found, list) else [found]


class Mlflow:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._tracking = Tracking(store)
        self._registry = ModelRegistry(store)

    # -- experiments ---------------------------------------------------------------------------------------------------

    def create_experiment(self, asked: Asked) -> Json:
        tags = {str(tag["key"]): str(tag.get("value", "")) for tag in asked.items("tags")}
        made = self._tracking.create_experiment(asked.workspace, asked.need("name"), tags)
        return {"experiment_id": made["experiment_id"]}

    def get_experiment(self, asked: Asked) -> Json:
        found = self._tracking.experiment(asked.workspace, asked.need("experiment_id"))
        return {"experiment": _experiment(found)}

    def get_experiment_by_name(self, asked: Asked) -> Json:
        name = asked.need("experiment_name")
        found = self._tracking.find_experiment(asked.workspace, name)
        if found is None:
            raise missing(f"The experiment '{name}'")
        return {"experiment": _experiment(found)}

    def search_experiments(self, asked: Asked) -> Json:
        wanted = searching.matching(str(asked.given.get("filter") or ""))
        stages = _stages(asked.given.get("view_type"))
        found = [
            each
            for each in self._tracking.experiments(asked.workspace)
            if each["lifecycle_stage"] in stages and wanted(_fields_of_experiment(each))
        ]
        found = searching.ordered(found[::-1], asked.items("order_by"), _fields_of_experiment)
        shown, following = searching.page(
            found, asked.number("max_results", 1000, 50_000), asked.given.get("page_token")
        )
        return {"experiments": [_experiment(each) for each in shown], **_next(following)}

    def update_experiment(self, asked: Asked) -> Json:
        raise MlflowError("NOT_IMPLEMENTED", "An experiment of Azure ML cannot be renamed.")

    def delete_experiment(self, asked: Asked) -> Json:
        return self._stage_experiment(asked, "deleted")

    def restore_experiment(self, asked: Asked) -> Json:
        return self._stage_experiment(asked, "active")

    def _stage_experiment(self, asked: Asked, stage: str) -> Json:
        experiment = self._tracking.experiment(asked.workspace, asked.need("experiment_id"))
        self._tracking.keep_experiment(
            asked.workspace, {**experiment, "lifecycle_stage": stage, "last_update_time": now()}
        )
        return {}

    def set_experiment_tag(self, asked: Asked) -> Json:
        experiment = self._tracking.experiment(asked.workspace, asked.need("experiment_id"))
        experiment["tags"][asked.need("key")] = str(asked.given.get("value", ""))
        self._tracking.keep_experiment(asked.workspace, experiment)
        return {}

    # -- runs ----------------------------------------------------------------------------------------------------------

    def create_run(self, asked: Asked) -> Json:
        return {"run": self._run(asked, self._tracking.create_run(asked.workspace, asked.given, asked.user))}

    def get_run(self, asked: Asked) -> Json:
        run = self._tracking.run(asked.workspace, asked.need("run_id", "run_uuid"))
        return {"run": self._run(asked, run)}

    def update_run(self, asked: Asked) -> Json:
        run = self._tracking.run(asked.workspace, asked.need("run_id", "run_uuid"))
        self._tracking.update_run(asked.workspace, run, asked.given)
        return {"run_info": self._run(asked, run)["info"]}

    def delete_run(self, asked: Asked) -> Json:
        return self._stage_run(asked, "deleted")

    def restore_run(self, asked: Asked) -> Json:
        return self._stage_run(asked, "active")

    def _stage_run(self, asked: Asked, stage: str) -> Json:
        run = self._tracking.run(asked.workspace, asked.need("run_id"))
        self._tracking.keep_run(asked.workspace, {**run, "lifecycle_stage": stage})
        return {}

    def log_metric(self, asked: Asked) -> Json:
        return self._log(asked, metrics=[{**asked.given, "key": asked.need("key")}])

    def log_param(self, asked: Asked) -> Json:
        return self._log(asked, params=[{**asked.given, "key": asked.need("key")}])

    def set_tag(self, asked: Asked) -> Json:
        return self._log(asked, tags=[{**asked.given, "key": asked.need("key")}])

    def log_batch(self, asked: Asked) -> Json:
        # https://mlflow.org/docs/latest/rest-api.html#log-batch (request limits)
        for name, most in (("metrics", 1000), ("params", 100), ("tags", 100)):
            if len(asked.items(name)) > most:
                raise invalid(f"A batch logging request can contain at most {most} {name}.")
        return self._log(asked, **{name: asked.items(name) for name in ("metrics", "params", "tags")})

    def log_batch_async(self, asked: Asked) -> Json:
        """Written at once: without an id the client has nothing to wait for."""
        return {**self.log_batch(asked), "batch_tracking_id": ""}

    def _log(self, asked: Asked, **what: Any) -> Json:
        self._tracking.log(asked.workspace, asked.need("run_id", "run_uuid"), **what)
        return {}

    def delete_tag(self, asked: Asked) -> Json:
        self._tracking.delete_tag(asked.workspace, asked.need("run_id"), asked.need("key"))
        return {}

    def get_history(self, asked: Asked) -> Json:
        run_id, key = asked.need("run_id", "run_uuid"), asked.need("metric_key")
        found = self._tracking.history(asked.workspace, run_id, key)
        shown, following = searching.page(
            found, asked.number("max_results", 25_000, 25_000), asked.given.get("page_token")
        )
        return {"metrics": _metrics(shown), **_next(following)}

    def search_runs(self, asked: Asked) -> Json:
        wanted = searching.matching(str(asked.given.get("filter") or ""), "attributes")
        ids, stages = set(asked.items("experiment_ids")), _stages(asked.given.get("run_view_type"))
        found = [
            run
            for run in self._tracking.runs(asked.workspace)
            if run["experiment_id"] in ids and run["lifecycle_stage"] in stages and wanted(_fields_of_run(run))
        ]
        found = searching.ordered(found, asked.items("order_by"), _fields_of_run)
        shown, following = searching.page(
            found, asked.number("max_results", 1000, 50_000), asked.given.get("page_token")
        )
        return {"runs": [self._run(asked, run) for run in shown], **_next(following)}

    def list_artifacts(self, asked: Asked) -> Json:
        run = self._tracking.run(asked.workspace, asked.need("run_id", "run_uuid"))
        below = str(asked.given.get("path") or "").strip("/")
        names = remembered(self._store, asked.workspace.id, RUNS, f"dcid.{run['run_id']}")
        prefix = f"{below}/" if below else ""
        inside = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        children = sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in inside})
        return {
            "root_uri": self._artifact_uri(asked, run),
            "files": [{"path": prefix + child.rstrip("/"), "is_dir": child.endswith("/")} for child in children],
        }

    def _run(self, asked: Asked, run: Json) -> Json:
        names = (
            "run_id",
            "run_name",
            "experiment_id",
            "user_id",
            "status",
            "start_time",
            "end_time",
            "lifecycle_stage",
        )
        info = {name: run[name] for name in names if run.get(name) is not None}
        return {
            "info": {**info, "run_uuid": run["run_id"], "artifact_uri": self._artifact_uri(asked, run)},
            "data": {
                "metrics": _metrics(run["metrics"].values()),
                "params": _pairs(run["params"]),
                "tags": _pairs(run["tags"]),
            },
            "inputs": {},
        }

    def _artifact_uri(self, asked: Asked, run: Json) -> str:
        scope = f"azureml://{asked.host}/mlflow/v2.0{asked.workspace.id}"
        return f"{scope}/experiments/{run['experiment_name']}/runs/{run['run_id']}/artifacts"

    # -- models --------------------------------------------------------------------------------------------------------

    def create_model(self, asked: Asked) -> Json:
        tags = {str(tag["key"]): str(tag.get("value", "")) for tag in asked.items("tags")}
        made = self._registry.create(asked.workspace, asked.need("name"), asked.given.get("description"), tags)
        return self._model(asked, made)

    def get_model(self, asked: Asked) -> Json:
        return self._model(asked, self._registry.model(asked.workspace, asked.need("name")))

    def update_model(self, asked: Asked) -> Json:
        model = self._registry.model(asked.workspace, asked.need("name"))
        model.properties["description"] = asked.given.get("description")
        self._registry.keep(model)
        return self._model(asked, model)

    def rename_model(self, asked: Asked) -> Json:
        raise MlflowError("NOT_IMPLEMENTED", "Azure ML does not rename registered models.")

    def delete_model(self, asked: Asked) -> Json:
        raise MlflowError(
            "NOT_IMPLEMENTED", "Azure ML does not delete a registered model as a whole: delete its versions."
        )

    def alias(self, asked: Asked) -> Json:
        raise MlflowError("NOT_IMPLEMENTED", "Azure ML has no aliases of registered models: use tags or stages.")

    def search_models(self, asked: Asked) -> Json:
        wanted = searching.matching(str(asked.given.get("filter") or ""))
        found = [each for each in self._registry.models(asked.workspace) if wanted(_fields_of_asset(each, each.name))]
        shown, following = searching.page(found, asked.number("max_results", 100, 1000), asked.given.get("page_token"))
        return {
            "registered_models": [self._model(asked, each)["registered_model"] for each in shown],
            **_next(following),
        }

    def latest_versions(self, asked: Asked) -> Json:
        model = self._registry.model(asked.workspace, asked.need("name"))
        stages = {str(stage).lower() for stage in asked.items("stages")}
        versions = self._model(asked, model)["registered_model"]["latest_versions"]
        return {"model_versions": [each for each in versions if not stages or each["current_stage"].lower() in stages]}

    def set_model_tag(self, asked: Asked) -> Json:
        return self._tag(self._registry.model(asked.workspace, asked.need("name")), asked, "set")

    def delete_model_tag(self, asked: Asked) -> Json:
        return self._tag(self._registry.model(asked.workspace, asked.need("name")), asked, "delete")

    def create_version(self, asked: Asked) -> Json:
        asked.need("name")
        return {"model_version": registry.as_version(self._registry.create_version(asked.workspace, asked.given))}

    def get_version(self, asked: Asked) -> Json:
        return {"model_version": registry.as_version(self._version(asked))}

    def update_version(self, asked: Asked) -> Json:
        version = self._version(asked)
        version.properties["description"] = asked.given.get("description")
        self._registry.keep(version)
        return {"model_version": registry.as_version(version)}

    def transition(self, asked: Asked) -> Json:
        archive = str(asked.given.get("archive_existing_versions", "")).lower() == "true"
        version = self._version(asked)
        self._registry.set_stage(asked.workspace, version, asked.need("stage"), archive)
        return {"model_version": registry.as_version(version)}

    def delete_version(self, asked: Asked) -> Json:
        self._registry.delete_version(self._version(asked))
        return {}

    def search_versions(self, asked: Asked) -> Json:
        wanted = searching.matching(str(asked.given.get("filter") or ""))
        found = [
            each
            for each in self._registry.versions(asked.workspace)
            if wanted(_fields_of_asset(each, each.id.split("/")[-3]))
        ]
        shown, following = searching.page(
            found, asked.number("max_results", 10_000, 200_000), asked.given.get("page_token")
        )
        return {"model_versions": [registry.as_version(each) for each in shown], **_next(following)}

    def download_uri(self, asked: Asked) -> Json:
        return {"artifact_uri": self._registry.download_uri(asked.workspace, asked.host, self._version(asked))}

    def set_version_tag(self, asked: Asked) -> Json:
        return self._tag(self._version(asked), asked, "set")

    def delete_version_tag(self, asked: Asked) -> Json:
        return self._tag(self._version(asked), asked, "delete")

    def _version(self, asked: Asked) -> Resource:
        return self._registry.version(asked.workspace, asked.need("name"), asked.need("version"))

    def _model(self, asked: Asked, model: Resource) -> Json:
        versions = self._registry.versions(asked.workspace, model.name)
        return {"registered_model": registry.as_model(model, versions)}

    def _tag(self, resource: Resource, asked: Asked, how: str) -> Json:
        tags = dict(resource.properties.get("tags") or {})
        if how == "set":
            tags[asked.need("key")] = str(asked.given.get("value", ""))
        else:
            tags.pop(asked.need("key"), None)
        resource.properties["tags"] = tags
        self._registry.keep(resource)
        return {}


# -- the table ---------------------------------------------------------------------------------------------------------

Handler = Callable[[Mlflow, Asked], Json]
# What a caller must be allowed to do: https://learn.microsoft.com/azure/machine-learning/how-to-assign-roles
# (MLflow operations).
_READ_RUN, _WRITE_RUN = "experiments/runs/read", "experiments/runs/write"
_READ, _WRITE, _DELETE = "experiments/read", "experiments/write", "experiments/delete"
_READ_MODEL, _WRITE_MODEL, _DELETE_MODEL = "models/read", "models/write", "models/delete"

ROUTES: Final[dict[tuple[str, str], tuple[Handler, str]]] = {
    ("POST", "experiments/create"): (Mlflow.create_experiment, _WRITE),
    ("GET", "experiments/get"): (Mlflow.get_experiment, _READ),
    ("GET", "experiments/get-by-name"): (Mlflow.get_experiment_by_name, _READ),
    ("GET", "experiments/search"): (Mlflow.search_experiments, _READ),
    ("POST", "experiments/search"): (Mlflow.search_experiments, _READ),
    ("POST", "experiments/update"): (Mlflow.update_experiment, _WRITE),
    ("POST", "experiments/delete"): (Mlflow.delete_experiment, _DELETE),
    ("POST", "experiments/restore"): (Mlflow.restore_experiment, _WRITE),
    ("POST", "experiments/set-experiment-tag"): (Mlflow.set_experiment_tag, _WRITE),
    ("POST", "runs/create"): (Mlflow.create_run, _WRITE_RUN),
    ("GET", "runs/get"): (Mlflow.get_run, _READ_RUN),
    ("POST", "runs/update"): (Mlflow.update_run, _WRITE_RUN),
    ("POST", "runs/delete"): (Mlflow.delete_run, _WRITE_RUN),
    ("POST", "runs/restore"): (Mlflow.restore_run, _WRITE_RUN),
    ("POST", "runs/log-metric"): (Mlflow.log_metric, _WRITE_RUN),
    ("POST", "runs/log-parameter"): (Mlflow.log_param, _WRITE_RUN),
    ("POST", "runs/set-tag"): (Mlflow.set_tag, _WRITE_RUN),
    ("POST", "runs/delete-tag"): (Mlflow.delete_tag, _WRITE_RUN),
    ("POST", "runs/log-batch"): (Mlflow.log_batch, _WRITE_RUN),
    ("POST", "runs/log-batch-async"): (Mlflow.log_batch_async, _WRITE_RUN),
    ("POST", "runs/search"): (Mlflow.search_runs, _READ_RUN),
    ("GET", "metrics/get-history"): (Mlflow.get_history, _READ_RUN),
    ("GET", "artifacts/list"): (Mlflow.list_artifacts, _READ_RUN),
    ("POST", "registered-models/create"): (Mlflow.create_model, _WRITE_MODEL),
    ("GET", "registered-models/get"): (Mlflow.get_model, _READ_MODEL),
    ("PATCH", "registered-models/update"): (Mlflow.update_model, _WRITE_MODEL),
    ("POST", "registered-models/rename"): (Mlflow.rename_model, _WRITE_MODEL),
    ("DELETE", "registered-models/delete"): (Mlflow.delete_model, _DELETE_MODEL),
    ("GET", "registered-models/search"): (Mlflow.search_models, _READ_MODEL),
    ("GET", "registered-models/get-latest-versions"): (Mlflow.latest_versions, _READ_MODEL),
    ("POST", "registered-models/get-latest-versions"): (Mlflow.latest_versions, _READ_MODEL),
    ("POST", "registered-models/set-tag"): (Mlflow.set_model_tag, _WRITE_MODEL),
    ("DELETE", "registered-models/delete-tag"): (Mlflow.delete_model_tag, _WRITE_MODEL),
    ("GET", "registered-models/alias"): (Mlflow.alias, _READ_MODEL),
    ("POST", "registered-models/alias"): (Mlflow.alias, _WRITE_MODEL),
    ("DELETE", "registered-models/alias"): (Mlflow.alias, _WRITE_MODEL),
    ("POST", "model-versions/create"): (Mlflow.create_version, _WRITE_MODEL),
    ("GET", "model-versions/get"): (Mlflow.get_version, _READ_MODEL),
    ("PATCH", "model-versions/update"): (Mlflow.update_version, _WRITE_MODEL),
    ("POST", "model-versions/transition-stage"): (Mlflow.transition, _WRITE_MODEL),
    ("DELETE", "model-versions/delete"): (Mlflow.delete_version, _DELETE_MODEL),
    ("GET", "model-versions/search"): (Mlflow.search_versions, _READ_MODEL),
    ("GET", "model-versions/get-download-uri"): (Mlflow.download_uri, _READ_MODEL),
    ("POST", "model-versions/set-tag"): (Mlflow.set_version_tag, _WRITE_MODEL),
    ("DELETE", "model-versions/delete-tag"): (Mlflow.delete_version_tag, _WRITE_MODEL),
}


def _stages(view: Any) -> tuple[str, ...]:
    found = _VIEWS.get(str(view or "ACTIVE_ONLY"))
    if found is None:
        raise invalid(f"Invalid view type '{view}': one of {', '.join(_VIEWS)}.")
    return found


def _next(token: str | None) -> Json:
    return {"next_page_token": token} if token else {}


def _metrics(metrics: Iterable[Json]) -> list[Json]:
    """JSON has no NaN: protobuf's JSON writes such numbers as texts (https://protobuf.dev/programming-guides/json/)."""
    return [each if math.isfinite(each["value"]) else {**each, "value": _text(each["value"])} for each in metrics]


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _pairs(values: Json) -> list[Json]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _experiment(experiment: Json) -> Json:
    return {**experiment, "tags": _pairs(experiment["tags"])}


def _fields_of_experiment(experiment: Json) -> Fields:
    return {"attributes": experiment, "tags": experiment["tags"]}


def _fields_of_run(run: Json) -> Fields:
    return {
        "attributes": run,
        "metrics": {key: metric["value"] for key, metric in run["metrics"].items()},
        "params": run["params"],
        "tags": run["tags"],
    }


def _fields_of_asset(asset: Resource, name: str) -> Fields:
    attributes = {"name": name, "run_id": asset.properties.get("jobName"), "version": asset.name}
    return {"attributes": attributes, "tags": asset.properties.get("tags") or {}}
