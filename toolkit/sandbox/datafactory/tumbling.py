"""What becomes of each window of a tumbling window trigger: it waits, runs, is tried again, and ends.

* https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger (retries, cancel and rerun)
* https://learn.microsoft.com/azure/data-factory/tumbling-window-trigger-dependency (seven days of waiting at most)

A window is Waiting, WaitingOnDependency or Running, and then Succeeded, Failed or Cancelled; how the REST API writes
them, and what is in ``dependencyStatus``, is (inferred) from the studio's words. So is that windows outside of a
trigger's own time are not waited for: the first window could never begin otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from toolkit.records import Json
from toolkit.sandbox.datafactory.firing import Engine, Firing, factory_id_of, iso
from toolkit.sandbox.datafactory.recurrence import BadRecurrence
from toolkit.sandbox.datafactory.windows import Dependency, Windows
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import FactoryRefused

_TRIGGERS = "adf-trigger-windows"  # by trigger: when the next window begins, and those that have not ended
_ENDED = "adf-trigger-window"  # by trigger and begin: how it ended
_WAITING, _ON_DEPENDENCY, _RUNNING = "Waiting", "WaitingOnDependency", "Running"
_PATIENCE = timedelta(days=7)
_MOST_OPEN = 500  # windows that wait at once; the next ones of a long backfill are made when these have ended


class TumblingWindows:
    def __init__(self, engine: Engine, firing: Firing) -> None:
        self._engine = engine
        self._firing = firing
        self._store = engine.world.store

    def look(self, trigger: Resource, *, started: bool) -> None:
        """Of a trigger that was stopped the windows under way end, and no other begins."""
        kept = self._store.document(_TRIGGERS, trigger.id)
        if not started and not (kept or {}).get("open"):
            return
        try:
            windows = Windows.read(trigger.properties.get("typeProperties") or {})
        except BadRecurrence as error:
            self._firing.refuse(trigger, error)
            return
        before = repr(kept)
        known: Json = {"next": windows.start.isoformat(), "open": [], **(kept or {})}
        for window in known["open"]:
            if window["state"] == _RUNNING:
                self._follow(trigger, window, windows)
        known["open"] = [window for window in known["open"] if not self._ended(trigger, window)]
        if started:
            self._make(trigger, known, windows)
            for window in known["open"]:
                if window["state"] in (_WAITING, _ON_DEPENDENCY):
                    self._begin_when_ready(trigger, window, windows, known["open"])
        known["open"] = [window for window in known["open"] if not self._ended(trigger, window)]
        if repr(known) != before:
            self._store.put_document(_TRIGGERS, trigger.id, known)

    def _make(self, trigger: Resource, known: Json, windows: Windows) -> None:
        now, begin = self._engine.clock.moment(), datetime.fromisoformat(known["next"])
        while len(known["open"]) < _MOST_OPEN:
            end = windows.after(begin)
            if end + windows.delay > now or (windows.end is not None and end > windows.end):
                break
            known["open"].append(self._window(trigger, begin, end))
            begin = end
        known["next"] = begin.isoformat()

    def _window(self, trigger: Resource, begin: datetime, end: datetime) -> Json:
        about = {"ScheduleTime": iso(end), "windowStartTime": iso(begin), "windowEndTime": iso(end)}
        record = self._firing.record(trigger, about, _WAITING)
        self._firing.keep(trigger, record)
        since = self._engine.clock.now()
        return {
            **{"begin": begin.isoformat(), "end": end.isoformat(), "state": _WAITING, "record": record["triggerRunId"]},
            **{"since": since, "not_before": since, "attempts": 0, "run": None},
        }

    def forget_others(self, triggers: set[str]) -> None:
        """A trigger that was deleted took its windows along: one of the same name begins anew."""
        for key, _ in self._store.documents(_TRIGGERS):
            if key not in triggers:
                self._store.delete_document(_TRIGGERS, key)
                for ended, _ in self._store.documents(_ENDED, f"{key}/"):
                    self._store.delete_document(_ENDED, ended)

    # -- a window's life -----------------------------------------------------------------------------------------------

    def _begin_when_ready(self, trigger: Resource, window: Json, windows: Windows, opened: list[Json]) -> None:
        status = self._dependency_status(trigger, window, windows)
        if any(one["status"] != "Succeeded" for one in status.values()):
            late = self._engine.clock.now() - window["since"] > _PATIENCE.total_seconds()
            message = "The windows that it depends on did not succeed within 7 days." if late else None
            self._say(trigger, window, "Failed" if late else _ON_DEPENDENCY, message, status)
            return
        places = windows.at_once - sum(one["state"] == _RUNNING for one in opened)
        if places < 1 or self._engine.clock.now() < window["not_before"]:
            self._say(trigger, window, _WAITING, None, status)
            return
        record = self._record(trigger, window)
        record.update(status=_RUNNING, message=None, dependencyStatus=status)
        outputs = {"windowStartTime": record["properties"]["windowStartTime"]}
        outputs["windowEndTime"] = record["properties"]["windowEndTime"]
        begun = self._firing.fire(trigger, record, datetime.fromisoformat(window["end"]), outputs)
        window.update(state=record["status"], run=begun[0] if begun else None, attempts=window["attempts"] + 1)

    def _follow(self, trigger: Resource, window: Json, windows: Windows) -> None:
        run = self._engine.records.pipeline_run(factory_id_of(trigger), window["run"])
        status = run["status"] if run is not None else "Failed"
        if status == "Failed" and window["attempts"] <= windows.retries:
            window["not_before"] = self._engine.clock.now() + windows.retry_after
            self._say(trigger, window, _WAITING)
        elif status in ("Succeeded", "Failed", "Cancelled"):
            self._say(trigger, window, status, (run or {}).get("message") or None)

    def _say(
        self, trigger: Resource, window: Json, state: str, message: str | None = None, status: Json | None = None
    ) -> None:
        record = self._record(trigger, window)
        said = {"status": state, "message": message, "dependencyStatus": status or record["dependencyStatus"]}
        if window["state"] != state or any(record[name] != value for name, value in said.items()):
            self._firing.keep(trigger, {**record, **said})
        window["state"] = state

    def _record(self, trigger: Resource, window: Json) -> Json:
        record = self._firing.run(factory_id_of(trigger), window["record"])
        assert record is not None, "a window's record is as old as the window"
        return record

    def _ended(self, trigger: Resource, window: Json) -> bool:
        if window["state"] in (_WAITING, _ON_DEPENDENCY, _RUNNING):
            return False
        self._store.put_document(_ENDED, f"{trigger.id}/{window['begin']}", window)
        return True

    # -- dependencies --------------------------------------------------------------------------------------------------

    def _dependency_status(self, trigger: Resource, window: Json, windows: Windows) -> Json:
        """By the trigger that is depended on; the one that is furthest from success where several windows are."""
        status: Json = {}
        begin, end = (datetime.fromisoformat(window[name]) for name in ("begin", "end"))
        for one in windows.depends_on:
            first = begin + one.offset
            last = first + (one.size or end - begin)
            name, other = self._depended_on(trigger, one)
            state = "Failed" if other is None else self._state_between(other, first, last)
            status[name] = {"status": state, "windowStartTime": iso(first), "windowEndTime": iso(last)}
        return status

    def _depended_on(self, trigger: Resource, one: Dependency) -> tuple[str, Resource | None]:
        if one.trigger is None:
            return trigger.name, trigger
        return one.trigger, self._store.get(f"{factory_id_of(trigger)}/triggers/{one.trigger}")

    def _state_between(self, other: Resource, first: datetime, last: datetime) -> str:
        try:
            windows = Windows.read(other.properties.get("typeProperties") or {})
        except BadRecurrence:
            return "Failed"  # which its own run says
        waiting = False
        for begin in windows.between(first, last):
            ended = self._store.document(_ENDED, f"{other.id}/{begin.isoformat()}")
            if ended is None:
                waiting = True
            elif ended["state"] != "Succeeded":
                return str(ended["state"])
        return _WAITING if waiting else "Succeeded"

    # -- what operators do ---------------------------------------------------------------------------------------------

    def rerun(self, trigger: Resource, record: Json) -> None:
        """A window that has ended is run again, as the trigger is defined now; its run has a new id (inferred)."""
        begin = _begin_of(record)
        known = self._store.document(_TRIGGERS, trigger.id) or {"next": begin, "open": []}
        if any(window["begin"] == begin for window in known["open"]):
            raise FactoryRefused(
                400, "BadRequest", f"The window from {begin} on has not ended: it cannot be run again."
            )
        end = datetime.fromisoformat(record["properties"]["windowEndTime"])
        self._store.delete_document(_ENDED, f"{trigger.id}/{begin}")
        known["open"].append(self._window(trigger, datetime.fromisoformat(begin), end))
        known["open"].sort(key=lambda window: window["begin"])
        self._store.put_document(_TRIGGERS, trigger.id, known)

    def cancel(self, trigger: Resource, record: Json) -> None:
        """One that waits ends at once; one that runs when its pipeline run has. One that has ended stays (inferred)."""
        known = self._store.document(_TRIGGERS, trigger.id) or {"open": []}
        for window in known["open"]:
            if window["record"] != record["triggerRunId"]:
                continue
            if window["state"] == _RUNNING:
                self._engine.cancel(factory_id_of(trigger), window["run"])
            else:
                self._say(trigger, window, "Cancelled", "Canceled by user")
        known["open"] = [window for window in known["open"] if not self._ended(trigger, window)]
        self._store.put_document(_TRIGGERS, trigger.id, known)


def _begin_of(record: Json) -> str:
    return datetime.fromisoformat(record["properties"]["windowStartTime"]).astimezone(UTC).isoformat()
