"""One firing of a trigger: its record, and the runs of its pipelines.

https://learn.microsoft.com/rest/api/datafactory/trigger-runs/query-by-factory
"""

from __future__ import annotations

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
from toolkit.sandbox.datafactory.records import RunRecords
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import FactoryRefused, World

log = logging.getLogger("toolkit.sandbox.datafactory")

_RUNS = "adf-trigger-run"


class Engine(Protocol):
    world: World
    clock: FactoryClock
    records: RunRecords

    def start(
        self, factory: Resource, pipeline: Resource, given: Json, invoked_by: Json, system: Json | None = None
    ) -> Run: ...

    def cancel(self, factory_id: str, run_id: str) -> None: ...


class Firing:
    """The records of triggers' runs, and how a run begins."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store: Store = engine.world.store

    # -- records -------------------------------------------------------------------------------------------------------

    def runs(self, factory_id: str) -> list[Json]:
        return [run for _, run in self._store.documents(_RUNS, f"{factory_id}/")]

    def run(self, factory_id: str, run_id: str) -> Json | None:
        return self._store.document(_RUNS, f"{factory_id}/{run_id}")

    def keep(self, trigger: Resource, record: Json) -> None:
        self._store.put_document(_RUNS, f"{factory_id_of(trigger)}/{record['triggerRunId']}", record)

    def record(self, trigger: Resource, properties: Json, status: str = "Succeeded") -> Json:
        now = timestamp(self._engine.clock.now())
        return {
            "triggerRunId": uuid.uuid4().hex,
            "triggerName": trigger.name,
            "triggerType": str(trigger.properties["type"]),
            "triggerRunTimestamp": now,
            "status": status,
            "message": None,
            "properties": {"TriggerTime": now, **properties},
            "triggeredPipelines": {},
            "runDimension": {},
            "dependencyStatus": {},
        }

    def refuse(self, trigger: Resource, error: Exception) -> None:
        """A trigger that cannot fire says so once, as a run of its own that failed."""
        sentence = f"The trigger '{trigger.name}' does not fire: {error}."
        known = self.runs(factory_id_of(trigger))
        if not any(run["triggerName"] == trigger.name and run["message"] == sentence for run in known):
            log.warning(sentence)
            record = self.record(trigger, {"ScheduleTime": iso(self._engine.clock.moment())}, "Failed")
            record["message"] = sentence
            self.keep(trigger, record)

    # -- pipelines -----------------------------------------------------------------------------------------------------

    def fire(self, trigger: Resource, record: Json, scheduled: datetime, outputs: Json | None) -> list[str]:
        """A run of each of the trigger's pipelines; the record is kept, and says what did not begin."""
        told = {
            "name": trigger.name,
            "scheduledTime": iso(scheduled),
            "startTime": timestamp(self._engine.clock.now()),
            "outputs": outputs,
        }
        scope = Scope(trigger=told, now=self._engine.clock.moment)
        one = trigger.properties.get("pipeline")  # a tumbling window has one pipeline, other triggers a list
        begun: list[str] = []
        for reference in [one] if one else trigger.properties.get("pipelines") or ():
            name = str((reference.get("pipelineReference") or {}).get("referenceName", ""))
            try:
                begun.append(self._begin(trigger, name, reference, scope, record["triggerRunId"]))
                record["triggeredPipelines"][name] = begun[-1]
            except (FactoryRefused, ExpressionError) as error:
                record.update(status="Failed", message=f"{name}: {getattr(error, 'message', error)}")
        self.keep(trigger, record)
        return begun

    def _begin(self, trigger: Resource, name: str, reference: Json, scope: Scope, run_id: str) -> str:
        factory = self._store.get(factory_id_of(trigger))
        assert factory is not None
        pipeline = self._store.get(f"{factory.id}/pipelines/{name}")
        if pipeline is None:
            raise FactoryRefused(404, "NotFound", f"The pipeline '{name}' could not be found.")
        given = resolve(reference.get("parameters") or {}, replace(scope, pipeline=None))
        invoked_by = {"id": run_id, "name": trigger.name, "invokedByType": trigger.properties["type"]}
        return self._engine.start(factory, pipeline, given, invoked_by).run_id


def factory_id_of(trigger: Resource) -> str:
    return trigger.id.rsplit("/", 2)[0]


def iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
