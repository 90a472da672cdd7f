"""Runs of a factory's pipelines: started, followed, listed, shown and cancelled, through azure-mgmt-datafactory.

Azure and the sandbox are asked the same way. https://learn.microsoft.com/azure/data-factory/monitor-programmatically
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from azure.core.exceptions import AzureError, ResourceNotFoundError

from toolkit.adf.parameters import parse_parameters
from toolkit.errors import ToolkitError, UsageError, nearest

if TYPE_CHECKING:
    from azure.mgmt.datafactory import DataFactoryManagementClient

# https://learn.microsoft.com/rest/api/datafactory/pipeline-runs/get: what a run can be.
UNDER_WAY = ("Queued", "InProgress", "Canceling")
# Runs are kept for 45 days: https://learn.microsoft.com/azure/data-factory/monitor-visually
KEPT = timedelta(days=45)
_LOOKS = 5  # that may fail one after the other
_DEPTH = 8  # of pipelines that run pipelines


@dataclass(frozen=True, slots=True)
class Place:
    """Where a factory's runs are asked for."""

    client: DataFactoryManagementClient
    group: str
    factory: str


@dataclass(frozen=True, slots=True)
class ActivityRun:
    """``child`` is the run that an ExecutePipeline activity started."""

    id: str
    name: str
    type: str
    status: str
    started: datetime | None
    ended: datetime | None
    seconds: float | None
    input: Any
    output: Any
    error: Any
    child: str | None = None


@dataclass(frozen=True, slots=True)
class PipelineRun:
    id: str
    pipeline: str
    status: str
    message: str
    started: datetime | None
    ended: datetime | None
    seconds: float | None
    parameters: dict[str, str]
    invoked_by: str
    debug: bool

    @property
    def under_way(self) -> bool:
        return self.status in UNDER_WAY

    @property
    def succeeded(self) -> bool:
        return self.status == "Succeeded"


@dataclass(slots=True)
class Tree:
    """A run with its activities, each with the tree of the run that it started."""

    run: PipelineRun
    activities: list[tuple[ActivityRun, Tree | None]] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, ActivityRun]]:
        for activity, below in self.activities:
            yield depth, activity
            if below is not None:
                yield from below.walk(depth + 1)


class Watcher(Protocol):
    """Told what changes while a run is followed."""

    def run_changed(self, run: PipelineRun) -> None: ...

    def activity_changed(self, depth: int, activity: ActivityRun) -> None: ...


def declared_parameters(place: Place, pipeline: str) -> dict[str, dict[str, Any]]:
    """Raises UsageError when there is no such pipeline, with the nearest name."""
    try:
        found: Any = place.client.pipelines.get(place.group, place.factory, pipeline)
    except ResourceNotFoundError as error:
        names = [str(one.name) for one in place.client.pipelines.list_by_factory(place.group, place.factory)]
        close = nearest(pipeline, names)
        known = f"did you mean {close}?" if close else f"there are: {', '.join(names) or 'none'}"
        raise UsageError(f"factory {place.factory} has no pipeline {pipeline!r}", hint=known) from error
    specified = found.parameters or {}
    return {name: {"type": str(one.type), "defaultValue": one.default_value} for name, one in specified.items()}


def start(place: Place, pipeline: str, given: Sequence[str]) -> str:
    """The id of the run. Raises UsageError when the parameters are not the pipeline's."""
    values = parse_parameters(pipeline, declared_parameters(place, pipeline), given)
    created: Any = place.client.pipelines.create_run(place.group, place.factory, pipeline, parameters=values)
    return str(created.run_id)


def read_run(place: Place, run_id: str) -> PipelineRun:
    """Raises ToolkitError when there is none."""
    try:
        return _pipeline_run(place.client.pipeline_runs.get(place.group, place.factory, run_id))
    except ResourceNotFoundError as error:
        raise ToolkitError(
            f"factory {place.factory} knows no run {run_id}",
            hint=f"toolkit adf runs lists them; they are kept for {KEPT.days} days",
        ) from error


def read_activities(place: Place, run: PipelineRun) -> list[ActivityRun]:
    """In the order in which they started. A retried activity is there once per attempt."""
    from azure.mgmt.datafactory.models import RunFilterParameters

    found: list[ActivityRun] = []
    token: str | None = None
    now = datetime.now(UTC)
    # A query needs bounds; clocks differ, and a run that waits in a queue begins later than it was made.
    begin = (run.started or now) - timedelta(days=1)
    end = max(now, run.ended or now) + timedelta(days=1)
    while True:
        filters = RunFilterParameters(last_updated_after=begin, last_updated_before=end, continuation_token=token)
        page: Any = place.client.activity_runs.query_by_pipeline_run(place.group, place.factory, run.id, filters)
        found += [_activity_run(one) for one in page.value or []]
        token = page.continuation_token
        if not token:
            break
    return sorted(found, key=lambda one: one.started or now)


def read_tree(place: Place, run_id: str, depth: int = _DEPTH) -> Tree:
    run = read_run(place, run_id)
    tree = Tree(run)
    for activity in read_activities(place, run):
        below = read_tree(place, activity.child, depth - 1) if activity.child and depth else None
        tree.activities.append((activity, below))
    return tree


def follow(
    place: Place, run_id: str, watcher: Watcher, *, poll_seconds: float, sleep: Callable[[float], None] = time.sleep
) -> Tree:
    """Until the run has ended; each change is told once. A look that fails is repeated, since the run goes on."""
    told: dict[str, str] = {}
    failed = 0
    while True:
        try:
            tree = read_tree(place, run_id)
        except AzureError:
            failed += 1
            if failed > _LOOKS:
                raise
            sleep(poll_seconds)
            continue
        failed = 0
        for depth, activity in tree.walk():
            if told.get(activity.id) != activity.status:
                told[activity.id] = activity.status
                watcher.activity_changed(depth, activity)
        if told.get(run_id) != tree.run.status:
            told[run_id] = tree.run.status
            watcher.run_changed(tree.run)
        if not tree.run.under_way:
            return tree
        sleep(poll_seconds)


def cancel(
    place: Place, run_id: str, *, patience: float = 60.0, sleep: Callable[[float], None] = time.sleep
) -> PipelineRun:
    """With the runs that it started. The run as it is once it has stopped, or when ``patience`` is over."""
    if read_run(place, run_id).under_way:
        ask_to_cancel(place, run_id)
    waited = 0.0
    while (run := read_run(place, run_id)).under_way and waited < patience:
        sleep(1.0)
        waited += 1.0
    return run


def ask_to_cancel(place: Place, run_id: str) -> None:
    """One request, and no waiting: for somebody who may be interrupted again."""
    place.client.pipeline_runs.cancel(place.group, place.factory, run_id, is_recursive=True)


def list_runs(
    place: Place, *, since: timedelta, pipeline: str | None = None, status: str | None = None, most: int = 100
) -> list[PipelineRun]:
    """The newest first."""
    from azure.mgmt.datafactory.models import RunFilterParameters, RunQueryFilter, RunQueryOrderBy

    now = datetime.now(UTC)
    wanted = [("PipelineName", pipeline), ("Status", status)]
    filters = [RunQueryFilter(operand=name, operator="Equals", values=[value]) for name, value in wanted if value]
    found: list[PipelineRun] = []
    token: str | None = None
    while len(found) < most:
        query = RunFilterParameters(
            last_updated_after=now - since,
            last_updated_before=now + timedelta(days=1),
            filters=filters or None,
            order_by=[RunQueryOrderBy(order_by="RunStart", order="DESC")],
            continuation_token=token,
        )
        page: Any = place.client.pipeline_runs.query_by_factory(place.group, place.factory, query)
        found += [_pipeline_run(one) for one in page.value or []]
        token = page.continuation_token
        if not token:
            break
    return found[:most]


def _pipeline_run(one: Any) -> PipelineRun:
    by = one.invoked_by
    kind, name = (str(by.invoked_by_type or ""), str(by.name or "")) if by else ("", "")
    caller = f" {by.pipeline_name}" if by and by.pipeline_name else ""
    return PipelineRun(
        id=str(one.run_id),
        pipeline=str(one.pipeline_name),
        status=str(one.status),
        message=str(one.message or ""),
        started=one.run_start,
        ended=one.run_end,
        seconds=_seconds(one.duration_in_ms, one.run_start, one.run_end),
        parameters=dict(one.parameters or {}),
        invoked_by=f"{kind or 'unknown'}{caller or (f' {name}' if name and name != kind else '')}",
        # The studio's Debug runs a draft: its runs are invoked by "Sandbox" (inferred).
        debug="sandbox" in (kind.lower(), name.lower()) or kind.lower() == "debug",
    )


def _activity_run(one: Any) -> ActivityRun:
    output = one.output if isinstance(one.output, dict) else {}
    started = output.get("pipelineRunId") if one.activity_type == "ExecutePipeline" else None
    error = one.error if isinstance(one.error, dict) else {}
    return ActivityRun(
        id=str(one.activity_run_id),
        name=str(one.activity_name),
        type=str(one.activity_type),
        status=str(one.status),
        started=one.activity_run_start,
        ended=one.activity_run_end,
        seconds=_seconds(one.duration_in_ms, one.activity_run_start, one.activity_run_end),
        input=one.input,
        output=one.output,
        error=one.error if error.get("message") or error.get("errorCode") else None,
        child=str(started) if started else None,
    )


def _seconds(milliseconds: int | None, started: datetime | None, ended: datetime | None) -> float | None:
    if milliseconds is not None:
        return milliseconds / 1000
    if started is None:
        return None
    return max(0.0, ((ended or datetime.now(UTC)) - started).total_seconds())
