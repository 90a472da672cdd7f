"""Schedule and tumbling window triggers fire, on the factory's clock. Blob and custom events are kept, and do not fire.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers and
https://learn.microsoft.com/rest/api/datafactory/trigger-runs/query-by-factory. While no sandbox runs nothing fires. Of
a schedule nothing is made up for afterwards (on Azure the service never sleeps); windows all have their turn.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from toolkit.pipelines.expressions import ExpressionError, Scope, resolve
from toolkit.records import Json
from toolkit.sandbox.datafactory.clock import FactoryClock
from toolkit.sandbox.datafactory.durations import timestamp
from toolkit.sandbox.datafactory.execution import Run
from toolkit.sandbox.datafactory.records import OPEN, RunRecords
from toolkit.sandbox.datafactory.recurrence import BadRecurrence, Recurrence
from toolkit.sandbox.datafactory.windows import Windows
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import FactoryRefused, World

log = logging.getLogger("toolkit.sandbox.datafactory")

_TRIGGERS = "Microsoft.DataFactory/factories/triggers"
_RUNS = "adf-trigger-run"
_WINDOWS = "adf-trigger-windows"
_LOOK_SECONDS = 1.0


class Engine(Protocol):
    world: World
    clock: FactoryClock
    records: RunRecords

    def start(
        self, factory: Resource, pipeline: Resource, given: Json, invoked_by: Json, system: Json | None = None
    ) -> Run: ...


class Triggers:
    """Looks once a second, and whenever the clock is put forward, for what is due."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store: Store = engine.world.store
        self._looked: dict[str, float] = {}  # until when a started trigger's occurrences have been dealt with
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def runs(self, factory_id: str) -> list[Json]:
        return [run for _, run in self._store.documents(_RUNS, f"{factory_id}/")]

    async def _look_for_ever(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                log.exception("triggers could not be looked at")
            await self._engine.clock.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Fire what became due since the last look, each occurrence once."""
        running = [one for one in self._store.of_type(_TRIGGERS) if one.properties.get("runtimeState") == "Started"]
        self._look_at_schedules([one for one in running if one.properties.get("type") == "ScheduleTrigger"])
        for trigger in running:
            if trigger.properties.get("type") == "TumblingWindowTrigger":
                self._look_at_windows(trigger)

    def _look_at_schedules(self, started: list[Resource]) -> None:
        now = self._engine.clock.now()
        due: list[tuple[datetime, Resource]] = []
        for trigger in started:
            since = self._looked.get(trigger.id, now)
            recurrence = (trigger.properties.get("typeProperties") or {}).get("recurrence") or {}
            try:
                moments = Recurrence(recurrence).between(
                    datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(now, UTC)
                )
            except BadRecurrence as error:
                self._refuse(trigger, error)
                continue
            due += [(moment, trigger) for moment in moments]
        self._looked = {trigger.id: now for trigger in started}
        for moment, trigger in sorted(due, key=lambda pair: pair[0]):
            self._fire(trigger, moment)

    def _look_at_windows(self, trigger: Resource) -> None:
        """As many at once as ``maxConcurrency`` lets; the next one is remembered."""
        try:
            windows = Windows.read(trigger.properties.get("typeProperties") or {})
        except BadRecurrence as error:
            self._refuse(trigger, error)
            return
        now = datetime.fromtimestamp(self._engine.clock.now(), UTC)
        known = self._store.document(_WINDOWS, trigger.id)
        begin = datetime.fromisoformat(known["next"]) if known else windows.start
        factory_id = trigger.id.rsplit("/", 2)[0]
        under_way = [run_id for run_id in (known or {}).get("runs", ()) if self._is_open(factory_id, run_id)]
        while len(under_way) < windows.at_once:
            end = windows.after(begin)
            if end + windows.delay > now or (windows.end is not None and end > windows.end):
                break
            outputs = {"windowStartTime": _iso(begin), "windowEndTime": _iso(end)}
            under_way += self._fire(trigger, end, outputs)
            begin = end
        self._store.put_document(_WINDOWS, trigger.id, {"next": begin.isoformat(), "runs": under_way})

    def _is_open(self, factory_id: str, run_id: str) -> bool:
        run = self._engine.records.pipeline_run(factory_id, run_id)
        return run is not None and run["status"] in OPEN

    def _refuse(self, trigger: Resource, error: BadRecurrence) -> None:
        """A trigger that cannot fire says so once, as a run of its own that failed."""
        sentence = f"The trigger '{trigger.name}' does not fire: {error}."
        factory_id = trigger.id.rsplit("/", 2)[0]
        if not any(run["triggerName"] == trigger.name and run["message"] == sentence for run in self.runs(factory_id)):
            log.warning(sentence)
            record = self._record(trigger, uuid.uuid4().hex, self._engine.clock.moment(), {})
            record.update(status="Failed", message=sentence)
            self._store.put_document(_RUNS, f"{factory_id}/{record['triggerRunId']}", record)

    def _record(self, trigger: Resource, run_id: str, scheduled: datetime, outputs: Json) -> Json:
        now = timestamp(self._engine.clock.now())
        return {
            "triggerRunId": run_id,
            "triggerName": trigger.name,
            "triggerType": str(trigger.properties["type"]),
            "triggerRunTimestamp": now,
            "status": "Succeeded",
            "message": None,
            "properties": {"TriggerTime": now, "ScheduleTime": _iso(scheduled), **outputs},
            "triggeredPipelines": {},
            "runDimension": {},
            "dependencyStatus": {},
        }

    def _fire(self, trigger: Resource, scheduled: datetime, outputs: Json | None = None) -> list[str]:
        """One run of the trigger: a run of each of its pipelines, whose ids are the answer."""
        now = self._engine.clock.now()
        factory = self._store.get(trigger.id.rsplit("/", 2)[0])
        assert factory is not None
        run_id = uuid.uuid4().hex
        record = self._record(trigger, run_id, scheduled, outputs or {})
        told = {"name": trigger.name, "scheduledTime": _iso(scheduled), "startTime": timestamp(now), "outputs": outputs}
        scope = Scope(trigger=told, now=self._engine.clock.moment)
        one = trigger.properties.get("pipeline")  # a tumbling window has one pipeline, a schedule a list
        for reference in [one] if one else trigger.properties.get("pipelines") or ():
            name = str((reference.get("pipelineReference") or {}).get("referenceName", ""))
            try:
                record["triggeredPipelines"][name] = self._begin(factory, name, reference, scope, run_id, trigger)
            except (FactoryRefused, ExpressionError) as error:
                record.update(status="Failed", message=f"{name}: {getattr(error, 'message', error)}")
        self._store.put_document(_RUNS, f"{factory.id}/{run_id}", record)
        return list(record["triggeredPipelines"].values())

    def _begin(
        self, factory: Resource, name: str, reference: Json, scope: Scope, run_id: str, trigger: Resource
    ) -> str:
        pipeline = self._store.get(f"{factory.id}/pipelines/{name}")
        if pipeline is None:
            raise FactoryRefused(404, "NotFound", f"The pipeline '{name}' could not be found.")
        given = resolve(reference.get("parameters") or {}, replace(scope, pipeline=None))
        invoked_by = {"id": run_id, "name": trigger.name, "invokedByType": trigger.properties["type"]}
        return self._engine.start(factory, pipeline, given, invoked_by).run_id


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
