"""Starts, follows, lists and cancels the runs of factories."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from toolkit.pipelines.expressions import Scope
from toolkit.records import Json
from toolkit.sandbox.datafactory.activities.registry import activity_type
from toolkit.sandbox.datafactory.clock import FactoryClock
from toolkit.sandbox.datafactory.durations import timestamp
from toolkit.sandbox.datafactory.execution import ActivityType, Frame, Run, run_activities
from toolkit.sandbox.datafactory.failures import NOT_MODELLED, STOPPED, ActivityFailed
from toolkit.sandbox.datafactory.outbound import App, Outbound, global_parameters
from toolkit.sandbox.datafactory.parameters import HIDDEN, Refused, as_shown, first_variables, run_parameters
from toolkit.sandbox.datafactory.records import OPEN, RunRecords
from toolkit.sandbox.datafactory.reruns import Again, names_in
from toolkit.sandbox.datafactory.triggers import Triggers
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import BlobEvent, FactoryRefused, HostedIdentities, Rerun, World

log = logging.getLogger("toolkit.sandbox.datafactory")

_STOPPED_MESSAGE = "The sandbox was stopped or killed while this run was under way."
_QUEUE_LIMIT = (
    100  # https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
)


class FactoryEngine:
    """``world.Factories`` and ``world.BlobEvents`` over the store. Runs begin once :meth:`open` has been called."""

    def __init__(self, world: World, identities: HostedIdentities) -> None:
        self.world = world
        self.clock = FactoryClock()
        self.records = RunRecords(world.store)
        self.callbacks: dict[str, asyncio.Future[Json]] = {}
        self._identities = identities
        self._outbound: Outbound | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Condition()
        self._triggers = Triggers(self)

    def open(self, app: App) -> None:
        """The request path stands. What an earlier process left under way has failed."""
        self._outbound = Outbound(app, self.world, self._identities)
        self._fail_what_is_open()
        self._triggers.open()

    @property
    def outbound(self) -> Outbound:
        assert self._outbound is not None, "the engine is opened before its first run"
        return self._outbound

    async def close(self) -> None:
        await self._triggers.close()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fail_what_is_open()

    def _fail_what_is_open(self) -> None:
        now = self.clock.now()
        for factory_id, run in list(self.records.all_open()):
            for activity in self.records.open_activity_runs(run["runId"]):
                activity["error"] = ActivityFailed(STOPPED, _STOPPED_MESSAGE, "SystemError").error(
                    activity["activityName"]
                )
                activity.update(status="Failed", activityRunEnd=timestamp(now))
                self.records.keep_activity_run(activity)
            started = datetime.fromisoformat(run["runStart"]).timestamp()
            self.records.end_pipeline_run(factory_id, run, "Failed", f"{STOPPED}: {_STOPPED_MESSAGE}", now, started)

    # -- world.Factories -----------------------------------------------------------------------------------------------

    def create_run(self, factory: Resource, pipeline: Resource, given: Json, rerun: Rerun | None = None) -> str:
        invoked_by = {"id": "", "name": "Manual", "invokedByType": "Manual"}
        if rerun is None:
            return self.start(factory, pipeline, given, invoked_by).run_id
        before = self._referenced(factory, pipeline, rerun)
        if not rerun.recovery:
            return self.start(factory, pipeline, before["parameters"], invoked_by).run_id
        again = Again.of(self.records.activity_runs(before["runId"]), rerun.activity)
        if rerun.activity is None and not rerun.from_failure:
            again = Again({}, None)  # all of it
        group = str(before["runGroupId"])
        for other in self.records.pipeline_runs(factory.id):
            if other["runGroupId"] == group:
                self.records.keep_pipeline_run(factory.id, {**other, "isLatest": False})
        return self.start(factory, pipeline, before["parameters"], invoked_by, {"GroupId": group}, again).run_id

    def _referenced(self, factory: Resource, pipeline: Resource, rerun: Rerun) -> Json:
        """The run that is run again. Sentences and codes of refusals are (inferred)."""
        before = self.records.pipeline_run(factory.id, rerun.reference)
        names = {name for one in pipeline.properties.get("activities") or () for name in names_in(one)}
        if before is None:
            why = f"The referenced pipeline run '{rerun.reference}' could not be found."
        elif before["pipelineName"].lower() != pipeline.name.lower():
            why = f"The referenced pipeline run is one of '{before['pipelineName']}', not of '{pipeline.name}'."
        elif before["status"] in OPEN:
            why = f"The referenced pipeline run '{rerun.reference}' has not ended."
        elif rerun.activity is not None and rerun.activity not in names:
            why = f"The pipeline '{pipeline.name}' has no activity '{rerun.activity}' to start from."
        elif HIDDEN in before["parameters"].values():
            raise FactoryRefused(501, "NotImplemented", "The sandbox keeps no secure parameters to run with again.")
        else:
            return before
        raise FactoryRefused(400, "BadRequest", why)

    def run(self, factory_id: str, run_id: str) -> Json | None:
        return self.records.pipeline_run(factory_id, run_id)

    def runs(self, factory_id: str) -> list[Json]:
        return self.records.pipeline_runs(factory_id)

    def activity_runs(self, run_id: str) -> list[Json]:
        return self.records.activity_runs(run_id)

    def trigger_runs(self, factory_id: str) -> list[Json]:
        return self._triggers.runs(factory_id)

    def trigger_run(self, factory_id: str, run_id: str) -> Json | None:
        return self._triggers.run(factory_id, run_id)

    def rerun_trigger(self, trigger: Resource, run_id: str) -> None:
        self._triggers.rerun(trigger, run_id)

    def cancel_trigger(self, trigger: Resource, run_id: str) -> None:
        self._triggers.cancel(trigger, run_id)

    # -- world.BlobEvents ----------------------------------------------------------------------------------------------

    def awaited(self, account_id: str) -> bool:
        return self._triggers.awaited(account_id)

    def happened(self, event: BlobEvent) -> None:
        self._triggers.happened(event)

    # -- runs under way ------------------------------------------------------------------------------------------------

    def cancel(self, factory_id: str, run_id: str) -> None:
        run, task = self.records.pipeline_run(factory_id, run_id), self._tasks.get(run_id)
        if run is None or task is None or run["status"] not in OPEN:
            return
        run.update(status="Canceling", lastUpdated=timestamp(self.clock.now()))
        self.records.keep_pipeline_run(factory_id, run)
        task.cancel()

    async def advance(self, seconds: float) -> None:
        """Put the factories' clock forward; what became due has begun when this returns."""
        self._triggers.look()
        await self.clock.advance(seconds)
        self._triggers.look()

    # -- runs ----------------------------------------------------------------------------------------------------------

    def start(
        self,
        factory: Resource,
        pipeline: Resource,
        given: Json,
        invoked_by: Json,
        system: Json | None = None,
        again: Again | None = None,
    ) -> Run:
        """Begin a run. Raises :class:`FactoryRefused`."""
        properties = pipeline.properties
        declared = properties.get("parameters") or {}
        try:
            parameters = run_parameters(declared, given)
        except Refused as refused:
            raise FactoryRefused(400, "BadRequest", str(refused)) from None
        waiting = [run for run in self._open_runs(factory.id, pipeline.name) if run["status"] == "Queued"]
        if len(waiting) >= _QUEUE_LIMIT:
            raise FactoryRefused(
                429, "TooManyRequests", f"The pipeline '{pipeline.name}' has {_QUEUE_LIMIT} runs that wait already."
            )
        now = self.clock.now()
        body: Json = {
            "pipelineName": pipeline.name,
            "parameters": as_shown(parameters, declared),
            "invokedBy": invoked_by,
            "annotations": list(properties.get("annotations") or ()),
        }
        record = self.records.new_pipeline_run(factory.id, body, now)
        record["invokedBy"] = {**invoked_by, "id": invoked_by.get("id") or record["runId"]}
        if again is not None and invoked_by["invokedByType"] == "Manual":
            record["runGroupId"] = (system or {}).get("GroupId", record["runId"])
        self.records.keep_pipeline_run(factory.id, record)
        variables = first_variables(properties.get("variables") or {})
        about = {
            "DataFactory": factory.name,
            "Pipeline": pipeline.name,
            "RunId": record["runId"],
            "GroupId": record["runId"],
            "TriggerType": invoked_by["invokedByType"],
            "TriggerId": record["invokedBy"]["id"],
            "TriggerName": invoked_by["name"],
            "TriggerTime": timestamp(now),
            "TriggeredByPipelineName": None,
            "TriggeredByPipelineRunId": None,
            **(system or {}),
            "parameters": parameters,
            "globalParameters": global_parameters(self.world.store, factory),
        }
        scope = Scope(pipeline=about, variables=variables, activities={}, now=self.clock.moment)
        run = Run(self, factory, pipeline, record, parameters, variables, scope, again=again)
        task = asyncio.get_running_loop().create_task(self._carry_out(run, now))
        self._tasks[run.run_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run.run_id, None))
        return run

    def activity_type(self, name: str) -> ActivityType:
        return activity_type(name)

    async def ended(self, run: Run) -> Json:
        """The record of a run that has ended."""
        task = self._tasks.get(run.run_id)
        if task is not None:
            await asyncio.wait({task})
        return self.records.pipeline_run(run.factory.id, run.run_id) or run.record

    def _open_runs(self, factory_id: str, pipeline: str) -> list[Json]:
        return [
            run
            for run in self.records.pipeline_runs(factory_id)
            if run["pipelineName"].lower() == pipeline.lower() and run["status"] in OPEN
        ]

    async def _carry_out(self, run: Run, queued: float) -> None:
        status, message = "Failed", ""
        try:
            await self._wait_for_a_place(run)
            run.record.update(status="InProgress", lastUpdated=timestamp(self.clock.now()))
            self.records.keep_pipeline_run(run.factory.id, run.record)
            outputs: Json = {}
            frame = Frame(run.scope, outputs).inner()
            outcome = await run_activities(run, list(run.pipeline.properties.get("activities") or ()), frame)
            if outcome.failed is None:
                status = "Succeeded"
            else:
                name, error = outcome.failed
                message = f"Operation on target {name} failed: {error.get('message', '')}"
        except ActivityFailed as failure:
            message = f"ErrorCode={failure.code}, ErrorMessage={failure.message}"
        except asyncio.CancelledError:
            status = "Cancelled"
            message = "Canceled by user" if self._was_asked(run) else f"{STOPPED}: {_STOPPED_MESSAGE}"
            status = "Cancelled" if self._was_asked(run) else "Failed"
        except BaseException as error:
            log.exception("a run of %s failed inside of the sandbox", run.pipeline.name)
            message = f"{NOT_MODELLED}: {type(error).__name__} in the sandbox: this is a bug. See logs/server.log."
        if run.return_value:
            run.record["pipelineReturnValue"] = run.return_value
        self.records.end_pipeline_run(run.factory.id, run.record, status, message, self.clock.now(), queued)
        async with self._changed:
            self._changed.notify_all()

    def _was_asked(self, run: Run) -> bool:
        kept = self.records.pipeline_run(run.factory.id, run.run_id)
        return kept is not None and kept["status"] == "Canceling"

    async def _wait_for_a_place(self, run: Run) -> None:
        """``concurrency``: how many runs of a pipeline are under way at once; the others wait, the oldest first.

        https://learn.microsoft.com/azure/data-factory/concepts-pipelines-activities#pipeline-json
        """
        limit = run.pipeline.properties.get("concurrency")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            return
        async with self._changed:
            await self._changed.wait_for(lambda: self._may_begin(run, limit))

    def _may_begin(self, run: Run, limit: int) -> bool:
        others = [other for other in self._open_runs(run.factory.id, run.pipeline.name) if other["runId"] != run.run_id]
        ahead = [other for other in others if other["status"] != "Queued" or other["runStart"] < run.record["runStart"]]
        return len(ahead) < limit
