"""Jobs and tasks as the service keeps and shows them.

https://learn.microsoft.com/rest/api/batchservice/job and https://learn.microsoft.com/rest/api/batchservice/task
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from toolkit.records import Json
from toolkit.sandbox.batch.errors import BatchError, invalid, missing, not_modelled
from toolkit.sandbox.store import Resource, Store

_JOBS: Final = "batch-job"
_TASKS: Final = "batch-task"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FOREVER: Final = "P10675199DT2H48M5.4775807S"

_JOB: Final = frozenset({
    "id", "displayName", "priority", "maxParallelTasks", "allowTaskPreemption", "constraints", "poolInfo",
    "onAllTasksComplete", "onTaskFailure", "metadata", "commonEnvironmentSettings", "usesTaskDependencies",
    "jobManagerTask",
})  # fmt: skip
_TASK: Final = frozenset({
    "id", "displayName", "commandLine", "resourceFiles", "outputFiles", "environmentSettings", "constraints",
    "requiredSlots", "userIdentity",
})  # fmt: skip
_MANAGER: Final = _TASK | {"killJobOnCompletion", "runExclusive", "allowLowPriorityNode"}
# What Azure does and the sandbox does not.
_REFUSED: Final = frozenset({
    "dependsOn", "multiInstanceSettings", "containerSettings", "applicationPackageReferences", "exitConditions",
    "authenticationTokenSettings", "affinityInfo", "jobPreparationTask", "jobReleaseTask", "networkConfiguration",
})  # fmt: skip


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def life_of(account: Resource) -> str:
    """An account's name for keys: one that is made anew has none of the old one's jobs."""
    return f"{account.id}#{account.properties.get('nodeManagementEndpoint', '')}".lower()


class Records:
    """Jobs by (account, job), tasks by (account, job, task). ``shown`` is what clients see of each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._order = max((task["order"] for _, task in store.documents(_TASKS)), default=0)

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def add_job(self, account: Resource, host: str, given: Json) -> Json:
        _check(given, _JOB, "job")
        id_ = _id_of(given)
        pool = (given.get("poolInfo") or {}).get("poolId")
        if (given.get("poolInfo") or {}).get("autoPoolSpecification"):
            raise not_modelled("pools of a job's own (autoPoolSpecification)")
        if not pool:
            raise missing("poolInfo")
        if given.get("onTaskFailure", "noaction") != "noaction":
            raise not_modelled("jobs with onTaskFailure other than noaction")
        if given.get("jobManagerTask"):
            _check(given["jobManagerTask"], _MANAGER, "job manager task")
        if self.job(account, id_) is not None:
            raise BatchError(409, "JobExists", "The specified job already exists.")
        constraints = {"maxWallClockTime": _FOREVER, "maxTaskRetryCount": 0, **(given.get("constraints") or {})}
        shown = {
            "priority": 0,
            "maxParallelTasks": -1,
            "allowTaskPreemption": False,
            "onAllTasksComplete": "noaction",
            "onTaskFailure": "noaction",
            "usesTaskDependencies": False,
            **given,
            "constraints": constraints,
            "url": f"https://{host}/jobs/{id_}",
            "executionInfo": {"startTime": now(), "poolId": pool},
            **_born("active"),
        }
        job = {"account": account.id, "life": life_of(account), "host": host, "shown": shown}
        self.keep_job(job)
        return job

    def keep_job(self, job: Json) -> None:
        _touched(job)
        self._store.put_document(_JOBS, f"{job['life']}/{job['shown']['id']}", job)

    def job(self, account: Resource, job_id: str) -> Json | None:
        return self._store.document(_JOBS, f"{life_of(account)}/{job_id}")

    def jobs(self, account: Resource) -> list[Json]:
        return [job for _, job in self._store.documents(_JOBS, f"{life_of(account)}/")]

    def all_jobs(self) -> list[Json]:
        return [job for _, job in self._store.documents(_JOBS)]

    def job_of(self, task: Json) -> Json | None:
        return self._store.document(_JOBS, f"{task['life']}/{task['job']}")

    def delete_job(self, job: Json) -> None:
        for task in self.tasks(job):
            self.delete_task(task)
        self._store.delete_document(_JOBS, f"{job['life']}/{job['shown']['id']}")

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def add_task(self, job: Json, given: Json, *, manager: bool = False) -> Json:
        _check(given, _MANAGER if manager else _TASK, "task")
        id_ = _id_of(given)
        if not str(given.get("commandLine") or "").strip():
            raise missing("commandLine")
        _require_files(given)
        if self.task(job, id_) is not None:
            raise BatchError(409, "TaskExists", "The specified task already exists.")
        retries = job["shown"]["constraints"].get("maxTaskRetryCount", 0)
        constraints = {"maxWallClockTime": _FOREVER, "retentionTime": "P7D", "maxTaskRetryCount": retries}
        shown = {
            "requiredSlots": 1,
            **{name: value for name, value in given.items() if name in _TASK},
            "constraints": {**constraints, **(given.get("constraints") or {})},
            "url": f"{job['shown']['url']}/tasks/{id_}",
            "executionInfo": {"retryCount": 0, "requeueCount": 0},
            **_born("active"),
        }
        self._order += 1
        task = {
            "account": job["account"],
            "life": job["life"],
            "job": job["shown"]["id"],
            "host": job["host"],
            "order": self._order,
            "manager": manager,
            "shown": shown,
        }
        self.keep_task(task)
        return task

    def keep_task(self, task: Json) -> None:
        _touched(task)
        self._store.put_document(_TASKS, key_of(task), task)

    def task(self, job: Json, task_id: str) -> Json | None:
        return self._store.document(_TASKS, f"{job['life']}/{job['shown']['id']}/{task_id}")

    def again(self, task: Json) -> Json | None:
        """The task as it is now."""
        return self._store.document(_TASKS, key_of(task))

    def tasks(self, job: Json) -> list[Json]:
        return [task for _, task in self._store.documents(_TASKS, f"{job['life']}/{job['shown']['id']}/")]

    def open_tasks(self) -> Iterator[Json]:
        for _, task in self._store.documents(_TASKS):
            if task["shown"]["state"] != "completed":
                yield task

    def delete_task(self, task: Json) -> None:
        self._store.delete_document(_TASKS, key_of(task))


def key_of(task: Json) -> str:
    return f"{task['life']}/{task['job']}/{task['shown']['id']}".lower()


def move(entity: Json, state: str) -> None:
    """Into another state."""
    shown = entity["shown"]
    shown["previousState"], shown["previousStateTransitionTime"] = shown["state"], shown["stateTransitionTime"]
    shown["state"], shown["stateTransitionTime"] = state, now()


def _born(state: str) -> Json:
    moment = now()
    return {"creationTime": moment, "state": state, "stateTransitionTime": moment}


def _touched(entity: Json) -> None:
    entity["shown"].update(lastModified=now(), eTag=f"0x{secrets.token_hex(8).upper()}")


def _id_of(given: Json) -> str:
    id_ = given.get("id")
    if not id_:
        raise missing("id")
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise invalid("id", str(id_), "up to 64 letters, digits, hyphens and underscores")
    return id_


def _check(given: Mapping[str, object], known: frozenset[str], what: str) -> None:
    for name in sorted(given):
        if name in _REFUSED and given[name] is not None:
            raise not_modelled(f"the property {name} of a {what}")
        if name not in known and name not in _REFUSED:
            raise BatchError(
                400,
                "InvalidRequestBody",
                "The specified Request Body is not syntactically valid.",
                {"Reason": f"The property '{name}' does not exist on a {what}."},
            )


def _require_files(given: Json) -> None:
    """https://learn.microsoft.com/rest/api/batchservice/task/add#resourcefile: exactly one of three sources."""
    for file in given.get("resourceFiles") or ():
        sources = [name for name in ("autoStorageContainerName", "storageContainerUrl", "httpUrl") if file.get(name)]
        if len(sources) != 1:
            reason = "exactly one of autoStorageContainerName, storageContainerUrl and httpUrl is given"
            raise invalid("resourceFiles", str(sources), reason)
        if sources == ["httpUrl"] and not file.get("filePath"):
            raise missing("resourceFiles.filePath")
        if file.get("blobPrefix") and sources == ["httpUrl"]:
            raise invalid("blobPrefix", str(file["blobPrefix"]), "blobPrefix goes with a container")
    for file in given.get("outputFiles") or ():
        if not file.get("filePattern"):
            raise missing("outputFiles.filePattern")
        if not ((file.get("destination") or {}).get("container") or {}).get("containerUrl"):
            raise missing("outputFiles.destination.container.containerUrl")
        if not (file.get("uploadOptions") or {}).get("uploadCondition"):
            raise missing("outputFiles.uploadOptions.uploadCondition")
