"""The windows of a tumbling window trigger: one after the other, without a gap, from its start on.

https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from toolkit.pipelines.expressions.dates.moment import moment_of
from toolkit.pipelines.expressions.dates.reading import read
from toolkit.records import Json
from toolkit.sandbox.datafactory.durations import seconds_of
from toolkit.sandbox.datafactory.failures import ActivityFailed
from toolkit.sandbox.datafactory.recurrence import BadRecurrence

_STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Windows:
    """Of a trigger's ``typeProperties``, read. Raises :class:`BadRecurrence`."""

    start: datetime
    end: datetime | None
    frequency: str
    interval: int
    delay: timedelta
    at_once: int

    @classmethod
    def read(cls, given: Json) -> Windows:
        for name in ("dependsOn", "retryPolicy"):
            asked: Any = given.get(name)
            if asked and (name == "dependsOn" or asked.get("count")):
                raise BadRecurrence(f"the sandbox does not run tumbling windows with '{name}'")
        frequency, interval = str(given.get("frequency", "")).lower(), given.get("interval", 1)
        if frequency not in (*_STEPS, "month"):
            raise BadRecurrence(f"the frequency is '{given.get('frequency')}', not one of Minute, Hour, Month")
        if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
            raise BadRecurrence(f"the interval is '{interval}', not a whole number from 1 on")
        at_once = given.get("maxConcurrency", 50)
        if not isinstance(at_once, int) or isinstance(at_once, bool) or not 1 <= at_once <= 50:
            raise BadRecurrence(f"maxConcurrency is '{at_once}', not a whole number from 1 to 50")
        try:
            delay = timedelta(seconds=seconds_of(given.get("delay") or "00:00:00", "delay"))
        except ActivityFailed as error:
            raise BadRecurrence(error.message) from None
        end = _moment(given["endTime"], "endTime") if given.get("endTime") else None
        return cls(_moment(given.get("startTime"), "startTime"), end, frequency, interval, delay, at_once)

    def after(self, begin: datetime) -> datetime:
        """The end of the window that begins then."""
        if self.frequency in _STEPS:
            return begin + _STEPS[self.frequency] * self.interval
        return moment_of(begin, utc=True).plus_months(self.interval).clock.replace(tzinfo=UTC)


def _moment(given: Any, name: str) -> datetime:
    moment = read(given) if isinstance(given, str) else None
    if moment is None:
        raise BadRecurrence(f"the {name} is '{given}', which is no time")
    return moment.clock.replace(tzinfo=UTC)
