"""Experiments and runs of a workspace, as MLflow sees them; a job is a run of its experiment.

Entities: https://mlflow.org/docs/latest/rest-api.html. That each job is a run, under the job's name:
https://learn.microsoft.com/azure/machine-learning/concept-mlflow
"""

from __future__ import annotations

import hashlib
import time
import uuid
from datetime import datetime
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.machine_learning.errors import MlflowError, invalid, missing
from toolkit.sandbox.store import Resource, Store

_EXPERIMENT: Final = "aml-experiment"
_RUN: Final = "aml-run"
_METRIC: Final = "aml-metric"
_JOBS: Final = "Microsoft.MachineLearningServices/workspaces/jobs"
DEFAULT: Final = "Default"
# https://learn.microsoft.com/rest/api/azureml/jobs/get (JobStatus) -> MLflow's RunStatus
_STATUS: Final = {
    "Completed": "FINISHED",
    "Failed": "FAILED",
    "Canceled": "KILLED",
    "NotStarted": "SCHEDULED",
    "Queued": "SCHEDULED",
    "Preparing": "SCHEDULED",
    "Starting": "SCHEDULED",
}
_ENDED: Final = ("FINISHED", "FAILED", "KILLED")


def now() -> int:
    return int(time.time() * 1000)


class Tracking:
    def __init__(self, store: Store) -> None:
        self._store = store

    # -- experiments ---------------------------------------------------------------------------------------------------

    def experiments(self, workspace: Resource) -> list[Json]:
        """The newest last; those of jobs among them."""
        for job in self._store.under(f"{workspace.id}/jobs", _JOBS):
            self.experiment_named(workspace, experiment_of(job))
        found = [document for _, document in self._store.documents(_EXPERIMENT, f"{workspace.id}/")]
        return sorted(found, key=lambda experiment: (experiment["creation_time"], experiment["name"]))

    def experiment(self, workspace: Resource, experiment_id: str) -> Json:
        found = self._store.document(_EXPERIMENT, f"{workspace.id}/{experiment_id}")
        if found is None:
            raise missing(f"The experiment with the id '{experiment_id}'")
        return found

    def find_experiment(self, workspace: Resource, name: str) -> Json | None:
        return next((each for each in self.experiments(workspace) if each["name"] == name), None)

    def create_experiment(self, workspace: Resource, name: str, tags: Json) -> Json:
        if not name.strip():
            raise invalid("An experiment needs a name.")
        if self.find_experiment(workspace, name) is not None:
            raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' already exists.")
        return self.experiment_named(workspace, name, tags)

    def experiment_named(self, workspace: Resource, name: str, tags: Json | None = None) -> Json:
        """The experiment, made when it is not there. Its id is a function of its name, so that it is made once."""
        id_ = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{workspace.internal.get('workspaceId')}/{name}"))
        known = self._store.document(_EXPERIMENT, f"{workspace.id}/{id_}")
        if known is not None:
            return known
        made: Json = {
            "experiment_id": id_,
            "name": name,
            "artifact_location": "",
            "lifecycle_stage": "active",
            "creation_time": now(),
            "last_update_time": now(),
            "tags": tags or {},
        }
        self.keep_experiment(workspace, made)
        return made

    def keep_experiment(self, workspace: Resource, experiment: Json) -> None:
        self._store.put_document(_EXPERIMENT, f"{workspace.id}/{experiment['experiment_id']}", experiment)

    # -- runs ----------------------------------------------------------------------------------------------------------

    def create_run(self, workspace: Resource, given: Json, user: str) -> Json:
        experiment_id = str(given.get("experiment_id") or "")
        experiment = (
            self.experiment(workspace, experiment_id)
            if experiment_id not in ("", "0")
            else self.experiment_named(workspace, DEFAULT)
        )
        tags = {str(tag["key"]): str(tag.get("value", "")) for tag in given.get("tags") or []}
        name = given.get("run_name") or tags.get("mlflow.runName") or f"run_{uuid.uuid4().hex[:8]}"
        run: Json = {
            "run_id": str(uuid.uuid4()),
            "run_name": str(name),
            "experiment_id": experiment["experiment_id"],
            "experiment_name": experiment["name"],
            "user_id": given.get("user_id") or user,
            "status": "RUNNING",
            "start_time": int(given.get("start_time") or now()),
            "end_time": None,
            "lifecycle_stage": "active",
            "tags": {**tags, "mlflow.runName": str(name), "mlflow.user": user},
            "params": {},
            "metrics": {},
        }
        self.keep_run(workspace, run)
        return run

    def run(self, workspace: Resource, run_id: str) -> Json:
        """A run, or a job as one."""
        stored = self._store.document(_RUN, f"{workspace.id}/{run_id}")
        job = self._store.get(f"{workspace.id}/jobs/{run_id}")
        if job is not None:
            return self._of_job(workspace, job, stored or {})
        if stored is None:
            raise missing(f"The run '{run_id}'")
        return stored

    def runs(self, workspace: Resource) -> list[Json]:
        """The newest first."""
        jobs = {job.name: job for job in self._store.under(f"{workspace.id}/jobs", _JOBS)}
        stored = {run["run_id"]: run for _, run in self._store.documents(_RUN, f"{workspace.id}/")}
        found = [run for run_id, run in stored.items() if run_id not in jobs]
        found += [self._of_job(workspace, job, stored.get(name, {})) for name, job in jobs.items()]
        return sorted(found, key=lambda run: run["start_time"] or 0, reverse=True)

    def keep_run(self, workspace: Resource, run: Json) -> None:
        self._store.put_document(_RUN, f"{workspace.id}/{run['run_id']}", run)

    def update_run(self, workspace: Resource, run: Json, given: Json) -> None:
        """What MLflow says of a run's end; a job's status is the service's to say (azureml-mlflow skips it, too)."""
        if given.get("run_name"):
            run["run_name"] = run["tags"]["mlflow.runName"] = str(given["run_name"])
        if given.get("status") and "job" not in run:
            run["status"] = str(given["status"])
            if run["status"] in _ENDED:
                run["end_time"] = int(given.get("end_time") or now())
        self.keep_run(workspace, run)

    def _of_job(self, workspace: Resource, job: Resource, kept: Json) -> Json:
        properties = job.properties
        experiment = self.experiment_named(workspace, experiment_of(job))
        name = str(properties.get("displayName") or job.name)
        tags: Json = {**(properties.get("tags") or {}), **(kept.get("tags") or {})}
        parent = job.internal.get("parent")
        return {
            "run_id": job.name,
            "run_name": name,
            "experiment_id": experiment["experiment_id"],
            "experiment_name": experiment["name"],
            "user_id": str(job.body.get("systemData", {}).get("createdBy", "")),
            "status": _STATUS.get(properties["status"], "RUNNING"),
            "start_time": _milliseconds(job.internal.get("started")),
            "end_time": _milliseconds(job.internal.get("ended")),
            "lifecycle_stage": kept.get("lifecycle_stage", "active"),
            "tags": {"mlflow.runName": name, **({"mlflow.parentRunId": parent} if parent else {}), **tags},
            "params": kept.get("params") or {},
            "metrics": kept.get("metrics") or {},
            "job": True,
        }

    # -- what is logged ------------------------------------------------------------------------------------------------

    def log(self, workspace: Resource, run_id: str, *, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        """All of it or nothing; a parameter does not change once it was logged."""
        run = self._writable(workspace, run_id)
        for param in params:
            key, value = str(param["key"]), str(param.get("value", ""))
            if run["params"].setdefault(key, value) != value:
                raise invalid(
                    f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                    f"value='{run['params'][key]}' for run ID='{run_id}'. Attempted logging new value '{value}'."
                )
        for tag in tags:
            run["tags"][str(tag["key"])] = str(tag.get("value", ""))
        histories: dict[str, list[Json]] = {}
        for given in metrics:
            metric = _metric(given)
            histories.setdefault(metric["key"], []).append(metric)
            latest = run["metrics"].get(metric["key"])
            if latest is None or _newer(metric, latest):
                run["metrics"][metric["key"]] = metric
        with self._store.transaction():
            for key, added in histories.items():
                place = self._history_key(workspace, run_id, key)
                known = self._store.document(_METRIC, place) or {"values": []}
                self._store.put_document(_METRIC, place, {"values": known["values"] + added})
            self.keep_run(workspace, run)

    def history(self, workspace: Resource, run_id: str, key: str) -> list[Json]:
        self.run(workspace, run_id)
        found = self._store.document(_METRIC, self._history_key(workspace, run_id, key))
        return list(found["values"]) if found else []

    def delete_tag(self, workspace: Resource, run_id: str, key: str) -> None:
        run = self._writable(workspace, run_id)
        if run["tags"].pop(key, None) is None:
            raise missing(f"The tag '{key}' of the run '{run_id}'")
        self.keep_run(workspace, run)

    def _writable(self, workspace: Resource, run_id: str) -> Json:
        run = self.run(workspace, run_id)
        if run["lifecycle_stage"] != "active":
            raise MlflowError("INVALID_STATE", f"The run '{run_id}' is deleted.")
        return run

    def _history_key(self, workspace: Resource, run_id: str, key: str) -> str:
        # The store's keys know no case, MLflow's do.
        return f"{workspace.id}/{run_id}/{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def experiment_of(job: Resource) -> str:
    return str(job.properties.get("experimentName") or DEFAULT)


def _metric(given: Json) -> Json:
    try:
        value = float(given["value"])
        step, timestamp = int(given.get("step") or 0), int(given.get("timestamp") or now())
        key = str(given["key"])
    except (KeyError, TypeError, ValueError) as error:
        raise invalid(f"A metric needs a key and a number as its value, not {given}.") from error
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def _newer(metric: Json, latest: Json) -> bool:
    """MLflow's own rule for which value is a metric's last: step, then time, then value."""
    return bool(_rank(metric) >= _rank(latest))


def _rank(metric: Json) -> tuple[int, int, float]:
    return metric["step"], metric["timestamp"], metric["value"]


def _milliseconds(text: str | None) -> int | None:
    return int(datetime.fromisoformat(text).timestamp() * 1000) if text else None
