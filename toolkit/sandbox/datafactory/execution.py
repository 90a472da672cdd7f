"""One run of a pipeline: activities in the order that their dependencies allow, and what comes out in the end.

* Dependencies: https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-dependency
* The run's own result: all leaf activities count; of a skipped one, its parents:
  https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling
"""

from __future__ import annotations

import asyncio
import uuid
from collections import ChainMap
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from toolkit.pipelines.expressions import ExpressionError, Scope, resolve
from toolkit.records import Json
from toolkit.sandbox.datafactory.clock import FactoryClock
from toolkit.sandbox.datafactory.durations import seconds_of, timestamp
from toolkit.sandbox.datafactory.failures import ActivityFailed
from toolkit.sandbox.datafactory.outbound import Outbound
from toolkit.sandbox.datafactory.records import RunRecords
from toolkit.sandbox.datafactory.reruns import RECOVERED, Again, Plan, iteration_hash
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

_DEFAULT_TIMEOUT = (
    12 * 3600.0
)  # https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#activity-policy


@dataclass(frozen=True, slots=True)
class Frame:
    """Where activities run: what they can name of others, the loop's item, and the iteration."""

    scope: Scope
    outputs: MutableMapping[str, Json]
    iteration: str = ""
    fresh: bool = False  # of a rerun: nothing is taken from the run before

    def inner(self, **scope: Any) -> Frame:
        """Inside of an activity that holds others: they see what is around, and nobody outside sees them."""
        outputs: ChainMap[str, Json] = ChainMap({}, self.outputs)
        return replace(self, scope=replace(self.scope, activities=outputs, **scope), outputs=outputs)


class Engine(Protocol):
    """What runs and activities need of the engine (engine.py)."""

    world: World
    clock: FactoryClock
    records: RunRecords
    callbacks: dict[str, asyncio.Future[Json]]

    @property
    def outbound(self) -> Outbound: ...

    def activity_type(self, name: str) -> ActivityType:
        """Raises ActivityFailed for a type that does not run here."""
        ...

    def start(
        self,
        factory: Resource,
        pipeline: Resource,
        given: Json,
        invoked_by: Json,
        system: Json | None = None,
        again: Again | None = None,
    ) -> Run:
        """Begin a run. Raises FactoryRefused."""
        ...

    async def ended(self, run: Run) -> Json: ...

    def cancel(self, factory_id: str, run_id: str) -> None: ...


@dataclass(slots=True)
class Run:
    """A pipeline run under way: what its activities share."""

    engine: Engine
    factory: Resource
    pipeline: Resource
    record: Json
    parameters: Json
    variables: Json
    scope: Scope
    return_value: Json = field(default_factory=dict)
    again: Again | None = None

    @property
    def run_id(self) -> str:
        return str(self.record["runId"])


@dataclass(slots=True)
class Step:
    """One attempt of an activity, as its type's function sees it."""

    run: Run
    frame: Frame
    definition: Json
    record: Json

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def properties(self) -> Json:
        """``typeProperties`` as they were written."""
        found: Json = self.definition.get("typeProperties") or {}
        return found

    def value(self, name: str) -> Any:
        """A type property, evaluated; None where it is not given."""
        return self.evaluated(self.properties.get(name))

    def evaluated(self, value: Any) -> Any:
        try:
            return resolve(value, self.frame.scope)
        except ExpressionError as error:
            raise ActivityFailed(error.code, str(error)) from None

    def show_input(self, value: Any) -> None:
        if not (self.definition.get("policy") or {}).get("secureInput"):
            self.record["input"] = value


@dataclass(frozen=True, slots=True)
class ActivityType:
    """``has_policy``: timeout and retries are those of its ``policy``; control activities have none."""

    name: str
    function: Callable[[Step], Awaitable[Json]]
    has_policy: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a set of activities ended: the failure that counts, with the activity's name, or None."""

    failed: tuple[str, Json] | None


async def run_activities(run: Run, activities: list[Json], frame: Frame) -> Outcome:
    """All of them, as many at once as their dependencies allow."""
    by_name = {str(activity["name"]): activity for activity in activities}
    _require_order(by_name)
    ended: dict[str, asyncio.Future[str]] = {name: asyncio.get_running_loop().create_future() for name in by_name}

    looks_back = run.again is not None and not frame.fresh
    plan = run.again.plan(activities, frame.iteration) if run.again is not None and looks_back else Plan()

    async def one(name: str) -> None:
        if name in plan.kept:
            status = _recovered(run, by_name[name], frame, plan.kept[name])
        else:
            own = replace(frame, fresh=True) if name in plan.fresh else frame
            status = await _started_when_due(run, by_name[name], ended, own)
        ended[name].set_result(status)

    async with asyncio.TaskGroup() as group:
        for name in by_name:
            group.create_task(one(name))
    return Outcome(_failure(by_name, {name: future.result() for name, future in ended.items()}, frame))


def _require_order(activities: dict[str, Json]) -> None:
    done: set[str] = set()
    left = dict(activities)
    while left:
        ready = [name for name, activity in left.items() if all(d in done for d in _parents(activity))]
        if not ready:
            unknown = sorted({d for activity in left.values() for d in _parents(activity) if d not in activities})
            if unknown:
                raise ActivityFailed("BadRequest", f"The activity '{unknown[0]}' that is depended on is not here.")
            raise ActivityFailed("BadRequest", f"The activities {', '.join(sorted(left))} depend on each other.")
        done.update(ready)
        for name in ready:
            del left[name]


def _parents(activity: Json) -> list[str]:
    return [str(dependency["activity"]) for dependency in activity.get("dependsOn") or ()]


async def _started_when_due(run: Run, activity: Json, ended: dict[str, asyncio.Future[str]], frame: Frame) -> str:
    for dependency in activity.get("dependsOn") or ():
        status = await asyncio.shield(ended[str(dependency["activity"])])
        wanted = [str(condition).lower() for condition in dependency.get("dependencyConditions") or ["Succeeded"]]
        met = status.lower() in wanted or ("completed" in wanted and status in ("Succeeded", "Failed"))
        if not met:
            for other in _parents(activity):
                await asyncio.shield(ended[other])
            return _skipped(run, activity, frame)
    if str(activity.get("state", "Active")).lower() == "inactive":
        return _inactive(run, activity, frame)
    return await _attempts(run, activity, frame)


def _failure(activities: dict[str, Json], statuses: dict[str, str], frame: Frame) -> tuple[str, Json] | None:
    """The rule of leaves and their parents."""
    depended_on = {parent for activity in activities.values() for parent in _parents(activity)}
    looking, seen = [name for name in activities if name not in depended_on], set()
    while looking:
        name = looking.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if statuses[name] == "Failed":
            return name, frame.outputs[name].get("error") or {}
        if statuses[name] == "Skipped":
            looking += _parents(activities[name])
    return None


# -- one activity ------------------------------------------------------------------------------------------------------


def _new_record(run: Run, activity: Json, frame: Frame, attempt: int | None) -> Json:
    now = timestamp(run.engine.clock.now())
    activity_run_id = str(uuid.uuid4())
    linked = (activity.get("linkedServiceName") or {}).get("referenceName", "")
    return {
        "id": f"{run.factory.id}/pipelineruns/{run.run_id}/activityruns/{activity_run_id}",
        "pipelineName": run.pipeline.name,
        "pipelineRunId": run.run_id,
        "activityName": str(activity["name"]),
        "activityType": str(activity.get("type", "")),
        "activityRunId": activity_run_id,
        "linkedServiceName": linked,
        "status": "InProgress",
        "activityRunStart": now,
        "activityRunEnd": None,
        "durationInMs": None,
        "input": {},
        "output": {},
        "error": {"errorCode": "", "message": "", "failureType": "", "target": str(activity["name"]), "details": ""},
        "retryAttempt": attempt,
        "iterationHash": iteration_hash(frame.iteration),
        "userProperties": {},
        "recoveryStatus": "None",
        "integrationRuntimeNames": [],
        "executionDetails": {},
    }


def _skipped(run: Run, activity: Json, frame: Frame) -> str:
    """Nobody sees a skipped activity among a run's activity runs (inferred); expressions see its status."""
    frame.outputs[str(activity["name"])] = {"status": "Skipped"}
    return "Skipped"


def _recovered(run: Run, activity: Json, frame: Frame, before: Json) -> str:
    """Of a rerun: what the run before gave stands. How the service records it is (inferred)."""
    failed = before["status"] == "Failed"
    record = _new_record(run, activity, frame, None)
    record.update({name: before[name] for name in ("input", "output", "error")}, recoveryStatus=RECOVERED)
    _end(run, record, "Failed" if failed else "Skipped")
    status = "Failed" if failed else "Succeeded"
    frame.outputs[str(activity["name"])] = {
        "activityRunId": before["activityRunId"],
        "executionStartTime": before["activityRunStart"],
        "status": status,
        "output": before["output"],
        **({"error": before["error"]} if failed else {}),
    }
    return status


def _inactive(run: Run, activity: Json, frame: Frame) -> str:
    """https://learn.microsoft.com/azure/data-factory/deactivate-activity"""
    status = str(activity.get("onInactiveMarkAs") or "Succeeded")
    record = _new_record(run, activity, frame, None)
    _end(run, record, "Inactive")
    error = {"errorCode": "Inactive", "message": "The activity is inactive.", "failureType": "UserError"}
    frame.outputs[str(activity["name"])] = {"status": status, **({"error": error} if status == "Failed" else {})}
    return status


def _end(run: Run, record: Json, status: str) -> None:
    now = run.engine.clock.now()
    record.update(
        status=status,
        activityRunEnd=timestamp(now),
        durationInMs=max(0, round((now - record.pop("began", now)) * 1000)),
    )
    run.engine.records.keep_activity_run(record)


async def _attempts(run: Run, activity: Json, frame: Frame) -> str:
    policy = activity.get("policy") or {}
    retries = policy.get("retry", 0)
    retries = int(retries) if isinstance(retries, int | float) else 0
    for attempt in range(retries + 1):
        if attempt:
            await run.engine.clock.sleep(float(policy.get("retryIntervalInSeconds", 30)))
        if await _attempt(run, activity, frame, attempt if attempt else None):
            return "Succeeded"
    return "Failed"


async def _attempt(run: Run, activity: Json, frame: Frame, attempt: int | None) -> bool:
    record = _new_record(run, activity, frame, attempt)
    began = run.engine.clock.now()
    run.engine.records.keep_activity_run(record)
    record["began"] = began
    step = Step(run, frame, activity, record)
    policy = activity.get("policy") or {}
    seen: Json = {"activityRunId": record["activityRunId"], "executionStartTime": record["activityRunStart"]}
    try:
        type_ = run.engine.activity_type(record["activityType"])
        work = type_.function(step)
        if type_.has_policy:
            limit = (
                seconds_of(step.evaluated(policy["timeout"]), "timeout") if "timeout" in policy else _DEFAULT_TIMEOUT
            )
            output = await _within(run, work, limit)
        else:
            output = await work
    except ActivityFailed as failure:
        record["error"] = failure.error(step.name)
        if failure.output is not None and not policy.get("secureOutput"):  # (inferred) as of an activity that succeeds
            record["output"] = failure.output
        _end(run, record, "Failed")
        frame.outputs[step.name] = {
            **seen,
            "status": "Failed",
            "error": {"errorCode": failure.code, "message": failure.message, "failureType": failure.kind},
            **({"output": failure.output} if failure.output is not None else {}),
        }
        return False
    except asyncio.CancelledError:
        if record["status"] == "InProgress":
            _end(run, record, "Cancelled")
        raise
    if not policy.get("secureOutput"):
        record["output"] = output
    _end(run, record, "Succeeded")
    frame.outputs[step.name] = {**seen, "status": "Succeeded", "output": output}
    return True


async def _within(run: Run, work: Any, seconds: float) -> Json:
    """The work's output, or a failure when the factory's clock passes its time."""
    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(run.engine.clock.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            output: Json = task.result()
            return output
        raise ActivityFailed(
            "ActivityTimedOut", f"The activity did not end within its timeout of {seconds:.0f} seconds."
        )
    finally:
        timer.cancel()
        task.cancel()
        await asyncio.gather(task, timer, return_exceptions=True)
