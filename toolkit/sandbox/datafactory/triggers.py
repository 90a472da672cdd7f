"""Triggers fire: schedules and tumbling windows on the factory's clock, storage events when a blob comes or goes.

https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers. While no sandbox runs nothing
fires. Of a schedule nothing is made up for afterwards (on Azure the service never sleeps); windows all have their turn.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from toolkit.records import Json
from toolkit.sandbox.datafactory import blob_events
from toolkit.sandbox.datafactory.firing import Engine, Firing, iso
from toolkit.sandbox.datafactory.recurrence import BadRecurrence, Recurrence
from toolkit.sandbox.datafactory.tumbling import TumblingWindows
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import BlobEvent, FactoryRefused

log = logging.getLogger("toolkit.sandbox.datafactory")

_TRIGGERS = "Microsoft.DataFactory/factories/triggers"
_LOOK_SECONDS = 1.0


class Triggers:
    """Looks once a second, and whenever the clock is put forward, for what is due."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._store = engine.world.store
        self._firing = Firing(engine)
        self._windows = TumblingWindows(engine, self._firing)
        self._looked: dict[str, float] = {}  # until when a started trigger's occurrences have been dealt with
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look_for_ever(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                log.exception("triggers could not be looked at")
            await self._engine.clock.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Fire what became due since the last look, each occurrence once."""
        known = self._store.of_type(_TRIGGERS)
        self._look_at_schedules([one for one in known if _is_started(one, "ScheduleTrigger")])
        self._windows.forget_others({one.id.lower() for one in known})
        for trigger in known:
            if trigger.properties.get("type") == "TumblingWindowTrigger":
                self._windows.look(trigger, started=_is_started(trigger, "TumblingWindowTrigger"))

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
                self._firing.refuse(trigger, error)
                continue
            due += [(moment, trigger) for moment in moments]
        self._looked = {trigger.id: now for trigger in started}
        for moment, trigger in sorted(due, key=lambda pair: pair[0]):
            record = self._firing.record(trigger, {"ScheduleTime": iso(moment)})
            self._firing.fire(trigger, record, moment, None)

    # -- storage events ------------------------------------------------------------------------------------------------

    def awaited(self, account_id: str) -> bool:
        return any(blob_events.listens(trigger, account_id) for trigger in self._store.of_type(_TRIGGERS))

    def happened(self, event: BlobEvent) -> None:
        moment = self._engine.clock.moment()
        for trigger in self._store.of_type(_TRIGGERS):
            if blob_events.listens(trigger, event.account_id) and blob_events.wants(trigger, event):
                properties, outputs = blob_events.told(event, moment)
                self._firing.fire(trigger, self._firing.record(trigger, properties), moment, outputs)

    # -- runs of triggers ----------------------------------------------------------------------------------------------

    def runs(self, factory_id: str) -> list[Json]:
        return self._firing.runs(factory_id)

    def run(self, factory_id: str, run_id: str) -> Json | None:
        return self._firing.run(factory_id, run_id)

    def rerun(self, trigger: Resource, run_id: str) -> None:
        self._windows.rerun(*self._window_run(trigger, run_id))
        self.look()

    def cancel(self, trigger: Resource, run_id: str) -> None:
        self._windows.cancel(*self._window_run(trigger, run_id))

    def _window_run(self, trigger: Resource, run_id: str) -> tuple[Resource, Json]:
        """Only windows are rerun and cancelled; other triggers began runs of pipelines, and no more (inferred)."""
        record = self._firing.run(trigger.id.rsplit("/", 2)[0], run_id)
        if record is None or record["triggerName"] != trigger.name:
            raise FactoryRefused(404, "TriggerRunNotFound", f"The trigger run '{run_id}' could not be found.")
        if trigger.properties.get("type") != "TumblingWindowTrigger" or "windowStartTime" not in record["properties"]:
            raise FactoryRefused(
                400,
                "BadRequest",
                f"The trigger run '{run_id}' is no window: cancel or rerun its pipeline runs instead.",
            )
        return trigger, record


def _is_started(trigger: Resource, kind: str) -> bool:
    return trigger.properties.get("type") == kind and trigger.properties.get("runtimeState") == "Started"
