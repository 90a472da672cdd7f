"""Tasks wait for a slot of their pool's nodes, run, and are shown as what became of them; jobs end with theirs.

* https://learn.microsoft.com/azure/batch/jobs-and-tasks, https://learn.microsoft.com/azure/batch/batch-parallel-node-tasks
* A job's pool need not be there, its tasks wait for it: poolInfo of https://learn.microsoft.com/rest/api/batchservice/job/add

A task that a killed sandbox had in flight has failed; Azure would run it again on another node.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.batch.execution import Execution, Place, TaskFailed
from toolkit.sandbox.batch.pools import most_nodes, node_id, packs, pool_of, slots_per_node
from toolkit.sandbox.batch.records import Records, key_of, move, now
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.workloads.processes import Outcome, Workloads
from toolkit.sandbox.world import HostedIdentities, Hosting

log = logging.getLogger("toolkit.sandbox")

_LOOK_SECONDS: Final = 1.0  # ARM makes and resizes pools without telling
_TERMINATED: Final = "terminated"
_DELETED: Final = "deleted"
_REQUEUED: Final = "requeued"
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_LONGEST: Final = 180 * 86400.0
_LOST: Final = TaskFailed("NodeLost", "the sandbox ended while the task ran: add it again", category="servererror")


def seconds_of(duration: object) -> float | None:
    """Of an ISO 8601 duration; None where there is no limit."""
    match = _DURATION.fullmatch(str(duration or ""))
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return total if total < _LONGEST else None


class Scheduler:
    def __init__(self, store: Store, workloads: Workloads, identities: HostedIdentities, folder: Path) -> None:
        self._store = store
        self._workloads = workloads
        self._identities = identities
        self._folder = folder
        self.records = Records(store)
        self._hosting: Hosting | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._slots: dict[str, dict[int, int]] = {}  # by pool and node
        self._busy: dict[str, int] = {}  # running tasks by job
        self._changed = asyncio.Condition()

    # -- the daemon ----------------------------------------------------------------------------------------------------

    def attach(self, hosting: Hosting) -> None:
        """Once there are ports. The workloads of a killed daemon are ended by now."""
        self._hosting = hosting
        for task in list(self.records.open_tasks()):
            if task["shown"]["state"] == "active":
                self.added(task)
            else:
                self._complete(task, _LOST, None)
        for job in self.records.all_jobs():
            state = job["shown"]["state"]
            if state in ("terminating", "disabling"):
                self._end_job(job, "UserTerminate") if state == "terminating" else self._move_job(job, "disabled")
            elif state == "deleting":
                self.records.delete_job(job)

    async def close(self) -> None:
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # -- what the service asks -----------------------------------------------------------------------------------------

    def added(self, task: Json) -> None:
        key = key_of(task)
        running = asyncio.get_running_loop().create_task(self._whole(task))
        self._running[key] = running
        running.add_done_callback(lambda _: self._running.pop(key, None))

    def added_job(self, job: Json) -> None:
        """A job manager begins at once; a job that ends with its tasks ends when it has none."""
        manager = job["shown"].get("jobManagerTask")
        if manager:
            self.added(self.records.add_task(job, manager, manager=True))
        self.settled(job)
        limit = seconds_of(job["shown"]["constraints"].get("maxWallClockTime"))
        if limit is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(limit, lambda: self.terminate_job(job, "MaxWallClockTimeExpiry"))

    def settled(self, job: Json) -> None:
        """https://learn.microsoft.com/rest/api/batchservice/job/add (onAllTasksComplete): no tasks are all complete."""
        if job["shown"]["onAllTasksComplete"] != "terminatejob" or job["shown"]["state"] != "active":
            return
        if all(task["shown"]["state"] == "completed" for task in self.records.tasks(job)):
            self._end_job(job, "AllTasksComplete")

    def terminate(self, task: Json) -> None:
        running = self._running.get(key_of(task))
        if running is not None:
            running.cancel(_TERMINATED)

    def delete(self, task: Json) -> None:
        self.records.delete_task(task)
        running = self._running.get(key_of(task))
        if running is not None:
            running.cancel(_DELETED)
        else:
            self._forget_files(task)

    def terminate_job(self, job: Json, reason: str) -> None:
        current = self.records.job_of({"life": job["life"], "job": job["shown"]["id"]})
        if current is None or current["shown"]["state"] in ("completed", "terminating", "deleting"):
            return
        self._move_job(current, "terminating")
        self._after_tasks(current, lambda: self._end_job(current, reason), _TERMINATED)

    def delete_job(self, job: Json) -> None:
        self._move_job(job, "deleting")
        for task in self.records.tasks(job):
            self._forget_files(task) if key_of(task) not in self._running else None
        self._after_tasks(job, lambda: self.records.delete_job(job), _DELETED)

    def disable_job(self, job: Json, tasks: str) -> None:
        """``tasks``: what becomes of those that run (requeue, terminate, wait)."""
        self._move_job(job, "disabling")
        how = {"requeue": _REQUEUED, "terminate": _TERMINATED, "wait": ""}[tasks]
        self._after_tasks(job, lambda: self._move_job(job, "disabled"), how, waiting=False)

    def enable_job(self, job: Json) -> None:
        self._move_job(job, "active")
        for task in self.records.tasks(job):
            if task["shown"]["state"] == "active" and key_of(task) not in self._running:
                self.added(task)

    def nodes(self, pool: Resource) -> dict[int, int]:
        """Running tasks by the number of the node, of nodes that are there."""
        used = {number: count for number, count in self._slots.get(pool.id.lower(), {}).items() if count}
        scale = pool.properties.get("scaleSettings") or {}
        there = set(used) if scale.get("autoScale") else set(range(most_nodes(pool)))
        return {number: used.get(number, 0) for number in sorted(there | set(used))}

    def folder_of(self, task: Json) -> Path | None:
        """Where a task's files are; None before it ran anywhere."""
        info = task["shown"].get("nodeInfo")
        if info is None:
            return None
        account = self._store.get(task["account"])
        return None if account is None else self._disk(account, str(info["poolId"])) / info["taskRootDirectory"]

    # -- one task ------------------------------------------------------------------------------------------------------

    async def _whole(self, task: Json) -> None:
        try:
            await self._carried_out(task)
        except asyncio.CancelledError as cancelled:
            how = cancelled.args[0] if cancelled.args else ""
            if how == _DELETED:
                self._forget_files(task)
            elif how == _REQUEUED:
                self._set(task, "active")
            elif how == _TERMINATED:
                self._complete(task, TaskFailed("TaskEnded", "Task Was Ended by User Request"), None)
            else:
                current = self.records.again(task)
                if current is not None and current["shown"]["state"] != "active":
                    self._complete(task, _LOST, None)
                return
        except TaskFailed as failed:
            self._complete(task, failed, None)
        except Exception as error:
            log.exception("a task of the sandbox broke: %s", key_of(task))
            what = f"{type(error).__name__} in the sandbox: this is a bug, see logs/server.log"
            self._complete(task, TaskFailed("SandboxBroke", what, category="servererror"), None)
        self._running.pop(key_of(task), None)
        job = self.records.job_of(task)
        if job is not None:
            if task["manager"] and (job["shown"].get("jobManagerTask") or {}).get("killJobOnCompletion", True):
                self.terminate_job(job, "JMComplete")
            self.settled(job)
        async with self._changed:
            self._changed.notify_all()

    async def _carried_out(self, task: Json) -> None:
        account, pool, number = await self._slot(task)
        slots = int(task["shown"]["requiredSlots"])
        try:
            job = self.records.job_of(task)
            current = self.records.again(task)
            if job is None or current is None or self._hosting is None:
                return
            node = node_id(pool, number)
            place = Place(account, pool, node, self._disk(account, pool.name))
            self._placed(current, place)
            await self._attempts(place, job, current)
        finally:
            self._slots[pool.id.lower()][number] -= slots
            self._busy[f"{task['life']}/{task['job']}".lower()] -= 1

    async def _attempts(self, place: Place, job: Json, task: Json) -> None:
        """A command that fails is tried again; files that cannot be had are not (maxTaskRetryCount)."""
        assert self._hosting is not None
        constraints = task["shown"]["constraints"]
        retries = int(constraints.get("maxTaskRetryCount") or 0)
        limit = seconds_of(constraints.get("maxWallClockTime"))
        while True:
            run = Execution(place, job, task, self._workloads, self._hosting, self._identities)
            await run.stand()
            self._set(task, "preparing")
            await run.prepare()
            self._set(task, "running")
            outcome = await run.run(key_of(task), limit)
            code = _exit_code(outcome)
            failed = _failure(outcome, code)
            done = int(task["shown"]["executionInfo"]["retryCount"])
            if failed is None or outcome.how != "exited" or (retries >= 0 and done >= retries):
                break
            task["shown"]["executionInfo"].update(retryCount=done + 1, lastRetryTime=now())
            self._keep(task)
        try:
            await run.keep(failed is None)
        except TaskFailed as upload:
            failed = failed or upload
        self._complete(task, failed, code)

    async def _slot(self, task: Json) -> tuple[Resource, Resource, int]:
        """Wait until the job may run another task and its pool has a node for it."""
        while True:
            job, account = self.records.job_of(task), self._store.get(task["account"])
            if job is None or account is None:
                raise TaskFailed("JobGone", "The job or its account is gone.", category="servererror")
            pool = pool_of(self._store, account.id, str(job["shown"]["poolInfo"]["poolId"]))
            number = self._free(job, pool, int(task["shown"]["requiredSlots"])) if pool is not None else None
            if pool is not None and number is not None:
                used = self._slots.setdefault(pool.id.lower(), {})
                used[number] = used.get(number, 0) + int(task["shown"]["requiredSlots"])
                busy = f"{job['life']}/{job['shown']['id']}".lower()
                self._busy[busy] = self._busy.get(busy, 0) + 1
                return account, pool, number
            async with self._changed:
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    def _free(self, job: Json, pool: Resource, slots: int) -> int | None:
        most = int(job["shown"].get("maxParallelTasks", -1))
        busy = self._busy.get(f"{job['life']}/{job['shown']['id']}".lower(), 0)
        if job["shown"]["state"] != "active" or (most >= 0 and busy >= most):
            return None
        used, room = self._slots.get(pool.id.lower(), {}), slots_per_node(pool)
        fitting = [number for number in range(most_nodes(pool)) if used.get(number, 0) + slots <= room]
        if not fitting:
            return None
        return fitting[0] if packs(pool) else min(fitting, key=lambda number: used.get(number, 0))

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _placed(self, task: Json, place: Place) -> None:
        base = f"https://{task['host']}/pools/{place.pool.name}/nodes/{place.node}"
        root = place.task_folder(task).relative_to(place.folder).as_posix()
        task["shown"]["nodeInfo"] = {
            "affinityId": f"TVM:{place.node}",
            "nodeUrl": base,
            "poolId": place.pool.name,
            "nodeId": place.node,
            "taskRootDirectory": root,
            "taskRootDirectoryUrl": f"{base}/files/{root}",
        }
        self._keep(task)

    def _set(self, task: Json, state: str) -> None:
        if state == "running":
            task["shown"]["executionInfo"].setdefault("startTime", now())
        move(task, state)
        self._keep(task)

    def _complete(self, task: Json, failed: TaskFailed | None, code: int | None) -> None:
        current = self.records.again(task)
        if current is None or current["shown"]["state"] == "completed":
            return
        current["shown"]["executionInfo"] = {
            **task["shown"]["executionInfo"],
            "endTime": now(),
            "result": "success" if failed is None else "failure",
            **({"exitCode": code} if code is not None else {}),
            **({"failureInfo": failed.shown()} if failed is not None else {}),
        }
        current["shown"]["executionInfo"].setdefault("startTime", now())
        move(current, "completed")
        self.records.keep_task(current)

    def _keep(self, task: Json) -> None:
        if self.records.again(task) is not None:
            self.records.keep_task(task)

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def _after_tasks(self, job: Json, then: Callable[[], None], how: str, *, waiting: bool = True) -> None:
        """End the job's tasks, and do something when the last one has."""
        pending = []
        for task in self.records.tasks(job):
            running = self._running.get(key_of(task))
            if running is None or running is asyncio.current_task():
                if how == _TERMINATED and waiting and task["shown"]["state"] != "completed":
                    self._complete(task, TaskFailed("TaskEnded", "Task Was Ended by User Request"), None)
                continue
            if how and (waiting or task["shown"]["state"] != "active"):
                running.cancel(how)
            elif not waiting and task["shown"]["state"] == "active":
                continue
            pending.append(running)

        async def finish() -> None:
            await asyncio.gather(*pending, return_exceptions=True)
            then()

        self._spawn(finish())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        key = f"finish-{id(work)}"
        task = asyncio.get_running_loop().create_task(work)
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))

    def _end_job(self, job: Json, reason: str) -> None:
        job["shown"]["executionInfo"].update(endTime=now(), terminateReason=reason)
        self._move_job(job, "completed")

    def _move_job(self, job: Json, state: str) -> None:
        move(job, state)
        self.records.keep_job(job)

    # -- disks ---------------------------------------------------------------------------------------------------------

    def _disk(self, account: Resource, pool_id: str) -> Path:
        return self._folder / f"{account.name}.{account.body['location']}".lower() / pool_id.lower()

    def _forget_files(self, task: Json) -> None:
        folder = self.folder_of(task)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _exit_code(outcome: Outcome) -> int:
    """A signal's as a shell has it (inferred)."""
    return outcome.exit_code if outcome.exit_code >= 0 else 128 - outcome.exit_code


def _failure(outcome: Outcome, code: int) -> TaskFailed | None:
    if outcome.how == "timed out":
        return TaskFailed("TaskEnded", "The task ran longer than its maxWallClockTime")  # (inferred)
    if code == 0:
        return None
    return TaskFailed(
        "FailureExitCode",
        "The task exited with an exit code representing a failure",
        {
            "Message": "The task exited with an exit code representing a failure",
            "AdditionalErrorCode": "FailureExitCode",
        },
    )
