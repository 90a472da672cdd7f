"""Schedule triggers fire, on the factory's clock. Others are kept, and do not fire.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers and
https://learn.microsoft.com/rest/api/datafactory/trigger-runs/query-by-factory. While no sandbox runs nothing fires, and
nothing is made up for afterwards: on Azure the service never sleeps.
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
from toolkit.sandbox.datafactory.recurrence import BadRecurrence, Recurrence
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import FactoryRefused, World

log = logging.getLogger("toolkit.sandbox.datafactory")

_TRIGGERS = "Microsoft.DataFactory/factories/triggers"
_RUNS = "adf-trigger-run"
_LOOK_SECONDS = 1.0


class Engine(Protocol):
    world: World
    clock: FactoryClock

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
        now = self._engine.clock.now()
        started = [
            trigger
            for trigger in self._store.of_type(_TRIGGERS)
            if trigger.properties.get("type") == "ScheduleTrigger"
            and trigger.properties.get("runtimeState") == "Started"
        ]
        due: list[tuple[datetime, Resource]] = []
        for trigger in started:
            since = self._looked.get(trigger.id, now)
            recurrence = (trigger.properties.get("typeProperties") or {}).get("recurrence") or {}
            try:
                moments = Recurrence(recurrence).between(
                    datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(now, UTC)
                )
            except BadRecurrence as error:
                log.warning("the trigger %s does not fire: %s", trigger.name, error)
                continue
            due += [(moment, trigger) for moment in moments]
        self._looked = {trigger.id: now for trigger in started}
        for moment, trigger in sorted(due, key=lambda pair: pair[0]):
            self._fire(trigger, moment)

    def _fire(self, trigger: Resource, scheduled: datetime) -> None:
        """One run of the trigger: a run of each of its pipelines."""
        now = self._engine.clock.now()
        factory = self._store.get(trigger.id.rsplit("/", 2)[0])
        assert factory is not None
        run_id = uuid.uuid4().hex
        record: Json = {
            "triggerRunId": run_id,
            "triggerName": trigger.name,
            "triggerType": "ScheduleTrigger",
            "triggerRunTimestamp": timestamp(now),
            "status": "Succeeded",
            "message": None,
            "properties": {"TriggerTime": timestamp(now), "ScheduleTime": f"{scheduled:%Y-%m-%dT%H:%M:%SZ}"},
            "triggeredPipelines": {},
            "runDimension": {},
            "dependencyStatus": {},
        }
        told = {"scheduledTime": f"{scheduled:%Y-%m-%dT%H:%M:%SZ}", "startTime": timestamp(now), "outputs": None}
        told["name"] = trigger.name
        scope = Scope(trigger=told, now=self._engine.clock.moment)
        for reference in trigger.properties.get("pipelines") or ():
            name = str((reference.get("pipelineReference") or {}).get("referenceName", ""))
            try:
                record["triggeredPipelines"][name] = self._begin(factory, name, reference, scope, run_id, trigger)
            except (FactoryRefused, ExpressionError) as error:
                record.update(status="Failed", message=f"{name}: {getattr(error, 'message', error)}")
        self._store.put_document(_RUNS, f"{factory.id}/{run_id}", record)

    def _begin(
        self, factory: Resource, name: str, reference: Json, scope: Scope, run_id: str, trigger: Resource
    ) -> str:
        pipeline = self._store.get(f"{factory.id}/pipelines/{name}")
        if pipeline is None:
            raise FactoryRefused(404, "NotFound", f"The pipeline '{name}' could not be found.")
        given = resolve(reference.get("parameters") or {}, replace(scope, pipeline=None))
        invoked_by = {"id": run_id, "name": trigger.name, "invokedByType": "ScheduleTrigger"}
        return self._engine.start(factory, pipeline, given, invoked_by).run_id
