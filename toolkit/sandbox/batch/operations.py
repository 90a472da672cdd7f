"""What each method on each path needs and does. https://learn.microsoft.com/rest/api/batchservice/

Jobs and tasks want data actions; pools and nodes want actions of the control plane, also here:
https://learn.microsoft.com/azure/batch/batch-role-based-access-control
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.batch import files
from toolkit.sandbox.batch.errors import CONTENT_TYPE, BatchError, invalid, missing, not_modelled
from toolkit.sandbox.batch.lists import page, select
from toolkit.sandbox.batch.pools import pools_of, require_pool, shown_node, shown_pool, slots_per_node
from toolkit.sandbox.batch.records import Records, move
from toolkit.sandbox.batch.scheduling import Scheduler
from toolkit.sandbox.store import Resource, Store

_READ_JOBS: Final = "Microsoft.Batch/batchAccounts/jobs/read"
_WRITE_JOBS: Final = "Microsoft.Batch/batchAccounts/jobs/write"
_DELETE_JOBS: Final = "Microsoft.Batch/batchAccounts/jobs/delete"
_READ_POOLS: Final = "Microsoft.Batch/batchAccounts/pools/read"
_COLLECTION: Final = 100  # https://learn.microsoft.com/rest/api/batchservice/task/add-collection

_STATES: Final = (
    *("creating", "idle", "offline", "preempted", "rebooting", "reimaging", "running", "starting", "startTaskFailed"),
    *("leavingPool", "unknown", "unusable", "waitingForStartTask", "upgradingOS", "deallocated", "deallocating"),
)


@dataclass(slots=True)
class Call:
    """One request that got through the doors."""

    account: Resource
    host: str
    names: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json
    head: bool
    store: Store
    scheduler: Scheduler

    @property
    def records(self) -> Records:
        return self.scheduler.records

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def job(self) -> Json:
        job = self.records.job(self.account, self.names["job"])
        if job is None:
            raise BatchError(404, "JobNotFound", "The specified job does not exist.")
        return job

    def task(self) -> Json:
        task = self.records.task(self.job(), self.names["task"])
        if task is None:
            raise BatchError(404, "TaskNotFound", "The specified task does not exist.")
        return task

    def pool(self) -> Resource:
        return require_pool(self.store, self.account.id, self.names["pool"])


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: re.Pattern[str]
    action: str
    data: bool
    answer: Callable[[Call], Awaitable[Response]]


def _plain(content: Json, call: Call, entity: str, status: int = 200) -> Response:
    headers = {"content-type": CONTENT_TYPE}
    if content.get("eTag"):
        headers["etag"] = str(content["eTag"])
    metadata = {"odata.metadata": f"{call.url}/$metadata#{entity}/@Element"}
    return JSONResponse({**metadata, **select(content, call.query)}, status_code=status, headers=headers)


def _listed(items: list[Json], call: Call, path: str, entity: str) -> Response:
    return JSONResponse(page(items, call.query, f"{call.url}{path}", entity), headers={"content-type": CONTENT_TYPE})


def _changed(entity: Json, status: int, call: Call) -> Response:
    shown = entity["shown"]
    return Response(status_code=status, headers={"etag": str(shown["eTag"]), "dataserviceid": str(shown["url"])})


def _require_etag(call: Call, entity: Json) -> None:
    wanted = call.headers.get("if-match")
    if wanted and wanted not in ("*", entity["shown"]["eTag"]):
        raise BatchError(412, "ConditionNotMet", "The condition specified in the conditional header(s) was not met.")


def _require_state(job: Json, *states: str) -> None:
    state = job["shown"]["state"]
    if state not in states:
        words = {"completed": "JobCompleted", "terminating": "JobTerminating", "deleting": "JobBeingDeleted"}
        raise BatchError(
            409,
            words.get(state, "OperationInvalidForCurrentState"),
            f"The operation is invalid: the specified job is in the state {state}.",
        )


# -- jobs --------------------------------------------------------------------------------------------------------------


async def _add_job(call: Call) -> Response:
    job = call.records.add_job(call.account, call.host, call.body)
    call.scheduler.added_job(job)
    return Response(
        status_code=201,
        headers={"etag": str(job["shown"]["eTag"]), "location": str(job["shown"]["url"]),
                 "dataserviceid": str(job["shown"]["url"])},
    )  # fmt: skip


async def _list_jobs(call: Call) -> Response:
    return _listed([job["shown"] for job in call.records.jobs(call.account)], call, "/jobs", "jobs")


async def _get_job(call: Call) -> Response:
    return _plain(call.job()["shown"], call, "jobs")


_CHANGEABLE: Final = ("priority", "maxParallelTasks", "allowTaskPreemption", "constraints", "metadata",
                      "onAllTasksComplete", "poolInfo")  # fmt: skip


async def _patch_job(call: Call) -> Response:
    job = call.job()
    _require_etag(call, job)
    _require_state(job, "active", "disabled", "disabling", "enabling")
    for name in call.body:
        if name not in _CHANGEABLE:
            raise invalid(name, str(call.body[name]), "the property cannot be changed")
    if "poolInfo" in call.body and job["shown"]["state"] != "disabled":
        raise BatchError(409, "OperationInvalidForCurrentState", "The pool of a job is changed while it is disabled.")
    constraints = {**job["shown"]["constraints"], **(call.body.get("constraints") or {})}
    job["shown"].update({**call.body, "constraints": constraints})
    call.records.keep_job(job)
    call.scheduler.settled(job)
    return _changed(job, 200, call)


async def _terminate_job(call: Call) -> Response:
    job = call.job()
    _require_etag(call, job)
    _require_state(job, "active", "disabled", "disabling", "enabling")
    call.scheduler.terminate_job(job, str(call.body.get("terminateReason") or "UserTerminate"))
    return _changed(job, 202, call)


async def _disable_job(call: Call) -> Response:
    job = call.job()
    _require_state(job, "active", "disabling", "disabled")
    tasks = str(call.body.get("disableTasks") or "").lower()
    if not tasks:
        raise missing("disableTasks")
    if tasks not in ("requeue", "terminate", "wait"):
        raise invalid("disableTasks", tasks, "one of requeue, terminate, wait")
    call.scheduler.disable_job(job, tasks)
    return _changed(job, 202, call)


async def _enable_job(call: Call) -> Response:
    job = call.job()
    _require_state(job, "disabled", "disabling", "active")
    call.scheduler.enable_job(job)
    return _changed(job, 202, call)


async def _delete_job(call: Call) -> Response:
    job = call.job()
    _require_etag(call, job)
    _require_state(job, "active", "disabled", "disabling", "enabling", "completed", "terminating")
    call.scheduler.delete_job(job)
    return Response(status_code=202)


async def _count_tasks(call: Call) -> Response:
    tasks = [task["shown"] for task in call.records.tasks(call.job())]

    def counted(weight: Callable[[Json], int]) -> Json:
        def those(holds: Callable[[Json], bool]) -> int:
            return sum(weight(task) for task in tasks if holds(task))

        return {
            "active": those(lambda task: task["state"] == "active"),
            "running": those(lambda task: task["state"] in ("preparing", "running")),
            "completed": those(lambda task: task["state"] == "completed"),
            "succeeded": those(lambda task: task["executionInfo"].get("result") == "success"),
            "failed": those(lambda task: task["executionInfo"].get("result") == "failure"),
        }

    counts = {"taskCounts": counted(lambda _: 1), "taskSlotCounts": counted(lambda task: int(task["requiredSlots"]))}
    return _plain(counts, call, "taskcountsresult")


# -- tasks -------------------------------------------------------------------------------------------------------------


def _added(call: Call, job: Json, given: Json) -> Json:
    pool = next(
        (p for p in pools_of(call.store, call.account.id) if p.name == job["shown"]["poolInfo"]["poolId"]), None
    )
    if pool is not None and int(given.get("requiredSlots") or 1) > slots_per_node(pool):
        raise invalid("requiredSlots", str(given["requiredSlots"]), "more slots than a node of the pool has")
    task = call.records.add_task(job, given)
    call.scheduler.added(task)
    return task


async def _add_task(call: Call) -> Response:
    job = call.job()
    _require_state(job, "active", "disabled", "disabling", "enabling")
    task = _added(call, job, call.body)
    url = str(task["shown"]["url"])
    headers = {"etag": str(task["shown"]["eTag"]), "location": url, "dataserviceid": url}
    return Response(status_code=201, headers=headers)


async def _add_collection(call: Call) -> Response:
    job = call.job()
    _require_state(job, "active", "disabled", "disabling", "enabling")
    given = call.body.get("value")
    if not isinstance(given, list):
        raise missing("value")
    if len(given) > _COLLECTION:
        raise invalid("value", str(len(given)), f"at most {_COLLECTION} tasks at once")
    results = []
    for one in given:
        try:
            shown = _added(call, job, one)["shown"]
            about = {"eTag": shown["eTag"], "lastModified": shown["lastModified"], "location": shown["url"]}
            results.append({"status": "Success", "taskId": shown["id"], **about})
        except BatchError as error:
            if error.status == 501:
                raise
            body = error.body(call.host, "")
            results.append({"status": "clienterror", "taskId": str(one.get("id", "")), "error": body})
    return JSONResponse({"value": results}, headers={"content-type": CONTENT_TYPE})


async def _list_tasks(call: Call) -> Response:
    tasks = [task["shown"] for task in call.records.tasks(call.job())]
    return _listed(tasks, call, f"/jobs/{call.names['job']}/tasks", "tasks")


async def _get_task(call: Call) -> Response:
    return _plain(call.task()["shown"], call, "tasks")


async def _delete_task(call: Call) -> Response:
    job, task = call.job(), call.task()
    _require_etag(call, task)
    call.scheduler.delete(task)
    call.scheduler.settled(job)
    return Response(status_code=200)


async def _terminate_task(call: Call) -> Response:
    task = call.task()
    _require_etag(call, task)
    if task["shown"]["state"] == "completed":
        raise BatchError(409, "TaskCompleted", "The specified task is already in a completed state.")
    call.scheduler.terminate(task)
    return _changed(task, 204, call)


async def _reactivate_task(call: Call) -> Response:
    task = call.task()
    _require_state(call.job(), "active", "disabled", "disabling", "enabling")
    shown = task["shown"]
    if shown["state"] != "completed" or shown["executionInfo"].get("exitCode") == 0:
        raise BatchError(409, "OperationInvalidForCurrentState", "Only a task that failed is activated again.")
    shown["executionInfo"] = {"retryCount": 0, "requeueCount": shown["executionInfo"]["requeueCount"]}
    move(task, "active")
    call.records.keep_task(task)
    call.scheduler.added(task)
    return _changed(task, 204, call)


# -- files -------------------------------------------------------------------------------------------------------------


async def _list_files(call: Call) -> Response:
    task = call.task()
    folder = files.require_folder(call.scheduler.folder_of(task))
    recursive = call.query.get("recursive", "").lower() == "true"
    found = files.list_files(folder, str(task["shown"]["url"]), recursive)
    return _listed(found, call, f"/jobs/{call.names['job']}/tasks/{call.names['task']}/files", "files")


async def _get_file(call: Call) -> Response:
    task = call.task()
    folder = files.require_folder(call.scheduler.folder_of(task))
    asked = call.headers.get("ocp-range")
    return files.download(folder, call.names["file"], str(task["shown"]["url"]), asked, head=call.head)


async def _delete_file(call: Call) -> Response:
    files.delete_file(files.require_folder(call.scheduler.folder_of(call.task())), call.names["file"])
    return Response(status_code=200)


# -- pools -------------------------------------------------------------------------------------------------------------


async def _list_pools(call: Call) -> Response:
    pools = pools_of(call.store, call.account.id)
    shown = [shown_pool(pool, call.host, len(call.scheduler.nodes(pool))) for pool in pools]
    return _listed(shown, call, "/pools", "pools")


async def _get_pool(call: Call) -> Response:
    pool = call.pool()
    if call.head:
        return Response(status_code=200, headers={"etag": pool.etag.strip('"')})
    return _plain(shown_pool(pool, call.host, len(call.scheduler.nodes(pool))), call, "pools")


def _nodes(call: Call, pool: Resource) -> list[Json]:
    return [shown_node(pool, call.host, number, busy) for number, busy in call.scheduler.nodes(pool).items()]


async def _list_nodes(call: Call) -> Response:
    pool = call.pool()
    return _listed(_nodes(call, pool), call, f"/pools/{pool.name}/nodes", "nodes")


async def _get_node(call: Call) -> Response:
    pool = call.pool()
    found = next((node for node in _nodes(call, pool) if node["id"] == call.names["node"]), None)
    if found is None:
        raise BatchError(404, "NodeNotFound", "The specified node does not exist.")
    return _plain(found, call, "nodes")


async def _count_nodes(call: Call) -> Response:
    counted = []
    for pool in pools_of(call.store, call.account.id):
        nodes = call.scheduler.nodes(pool)
        running = sum(1 for busy in nodes.values() if busy)
        none: Json = {**dict.fromkeys(_STATES, 0), "total": 0}
        there = {**none, "running": running, "idle": len(nodes) - running, "total": len(nodes)}
        counted.append({"poolId": pool.name, "dedicated": there, "lowPriority": none})
    return _listed(counted, call, "/nodecounts", "poolnodecounts")


def _operation(method: str, path: str, action: str, answer: Callable[[Call], Awaitable[Response]]) -> Operation:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Operation(method, re.compile(pattern, re.IGNORECASE), action, action != _READ_POOLS, answer)


OPERATIONS: Final[tuple[Operation, ...]] = (
    _operation("POST", "/jobs", _WRITE_JOBS, _add_job),
    _operation("GET", "/jobs", _READ_JOBS, _list_jobs),
    _operation("GET", "/jobs/{job}", _READ_JOBS, _get_job),
    _operation("PATCH", "/jobs/{job}", _WRITE_JOBS, _patch_job),
    _operation("DELETE", "/jobs/{job}", _DELETE_JOBS, _delete_job),
    _operation("POST", "/jobs/{job}/terminate", _WRITE_JOBS, _terminate_job),
    _operation("POST", "/jobs/{job}/disable", _WRITE_JOBS, _disable_job),
    _operation("POST", "/jobs/{job}/enable", _WRITE_JOBS, _enable_job),
    _operation("GET", "/jobs/{job}/taskcounts", _READ_JOBS, _count_tasks),
    _operation("POST", "/jobs/{job}/tasks", _WRITE_JOBS, _add_task),
    _operation("POST", "/jobs/{job}/addtaskcollection", _WRITE_JOBS, _add_collection),
    _operation("GET", "/jobs/{job}/tasks", _READ_JOBS, _list_tasks),
    _operation("GET", "/jobs/{job}/tasks/{task}", _READ_JOBS, _get_task),
    _operation("DELETE", "/jobs/{job}/tasks/{task}", _DELETE_JOBS, _delete_task),
    _operation("POST", "/jobs/{job}/tasks/{task}/terminate", _WRITE_JOBS, _terminate_task),
    _operation("POST", "/jobs/{job}/tasks/{task}/reactivate", _WRITE_JOBS, _reactivate_task),
    _operation("GET", "/jobs/{job}/tasks/{task}/files", _READ_JOBS, _list_files),
    _operation("GET", "/jobs/{job}/tasks/{task}/files/{file}", _READ_JOBS, _get_file),
    _operation("DELETE", "/jobs/{job}/tasks/{task}/files/{file}", _DELETE_JOBS, _delete_file),
    _operation("GET", "/pools", _READ_POOLS, _list_pools),
    _operation("GET", "/pools/{pool}", _READ_POOLS, _get_pool),
    _operation("GET", "/pools/{pool}/nodes", _READ_POOLS, _list_nodes),
    _operation("GET", "/pools/{pool}/nodes/{node}", _READ_POOLS, _get_node),
    _operation("GET", "/nodecounts", _READ_POOLS, _count_nodes),
)


def operation_of(method: str, path: str) -> tuple[Operation, Mapping[str, str]]:
    """The operation, and the names in its path as they were sent. Raises BatchError."""
    wanted = "GET" if method == "HEAD" else method
    for operation in OPERATIONS:
        match = operation.path.fullmatch(path.rstrip("/") or "/")
        if match and operation.method == wanted:
            return operation, match.groupdict()
    raise not_modelled(f"{method} {path}")
