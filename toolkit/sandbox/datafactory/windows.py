"""The windows of a tumbling window trigger: one after the other, without a gap, from its start on.

* https://learn.microsoft.com/azure/data-factory/how-to-create-tumbling-window-trigger
* https://learn.microsoft.com/azure/data-factory/tumbling-window-trigger-dependency
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from toolkit.pipelines.expressions.dates.moment import moment_of
from toolkit.pipelines.expressions.dates.reading import read
from toolkit.records import Json
from toolkit.sandbox.datafactory.recurrence import BadRecurrence

_STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_SHORTEST = timedelta(minutes=5)
_OTHERS = 5  # triggers that one may depend on
_SELF, _OTHER = "SelfDependencyTumblingWindowTriggerReference", "TumblingWindowTriggerDependencyReference"
_SPAN = re.compile(r"(-?)(?:(\d+)\.)?(\d\d):([0-5]\d|60):([0-5]\d|60)")


@dataclass(frozen=True, slots=True)
class Dependency:
    """On windows of another trigger, or on earlier ones of the same (``trigger`` is None)."""

    trigger: str | None
    offset: timedelta
    size: timedelta | None  # that of the window itself


@dataclass(frozen=True, slots=True)
class Windows:
    """Of a trigger's ``typeProperties``, read. Raises :class:`BadRecurrence`."""

    start: datetime
    end: datetime | None
    frequency: str
    interval: int
    delay: timedelta
    at_once: int
    retries: int
    retry_after: float
    depends_on: tuple[Dependency, ...]

    @classmethod
    def read(cls, given: Json) -> Windows:
        frequency, interval = str(given.get("frequency", "")).lower(), given.get("interval", 1)
        if frequency not in (*_STEPS, "month"):
            raise BadRecurrence(f"the frequency is '{given.get('frequency')}', not one of Minute, Hour, Month")
        interval = _whole(interval, "interval", 1)
        if frequency == "minute" and interval * _STEPS["minute"] < _SHORTEST:
            raise BadRecurrence(f"the interval is {interval} minutes, and a window has at least 5")
        at_once = given.get("maxConcurrency", 50)
        if not isinstance(at_once, int) or isinstance(at_once, bool) or not 1 <= at_once <= 50:
            raise BadRecurrence(f"maxConcurrency is '{at_once}', not a whole number from 1 to 50")
        delay = _span(given.get("delay") or "00:00:00", "delay")
        policy = given.get("retryPolicy") or {}
        retries = _whole(policy.get("count", 0), "retryPolicy's count", 0)
        pause = _whole(policy.get("intervalInSeconds", 30), "retryPolicy's intervalInSeconds", 30, 86400)
        end = _moment(given["endTime"], "endTime") if given.get("endTime") else None
        start = _moment(given.get("startTime"), "startTime")
        return cls(start, end, frequency, interval, delay, at_once, retries, pause, _dependencies(given))

    def after(self, begin: datetime) -> datetime:
        """The end of the window that begins then."""
        if self.frequency in _STEPS:
            return begin + _STEPS[self.frequency] * self.interval
        return moment_of(begin, utc=True).plus_months(self.interval).clock.replace(tzinfo=UTC)

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """When the windows begin that lie in this time or share some of it."""
        begin = self.start
        if self.frequency in _STEPS and first > begin:
            step = _STEPS[self.frequency] * self.interval
            begin += (first - begin) // step * step
        while begin < last and (self.end is None or self.after(begin) <= self.end):
            if self.after(begin) > first:
                yield begin
            begin = self.after(begin)


def _dependencies(given: Json) -> tuple[Dependency, ...]:
    found: list[Dependency] = []
    for one in given.get("dependsOn") or ():
        kind, offset = one.get("type"), _span(one.get("offset") or "00:00:00", "offset of dependsOn")
        size = _span(one["size"], "size of dependsOn") if one.get("size") else None
        if size is not None and size <= timedelta():
            raise BadRecurrence(f"the size of dependsOn is '{one['size']}', not a positive time")
        if kind == _SELF:
            if offset >= timedelta():
                raise BadRecurrence(
                    f"the offset of a dependency on itself is '{one.get('offset')}', not a negative time"
                )
            found.append(Dependency(None, offset, size))
        elif kind == _OTHER:
            name = str((one.get("referenceTrigger") or {}).get("referenceName") or "")
            found.append(Dependency(name, offset, size))
        else:
            raise BadRecurrence(f"dependsOn has the type '{kind}', not {_OTHER} or {_SELF}")
    if len({one.trigger for one in found} - {None}) > _OTHERS:
        raise BadRecurrence(f"it depends on more than {_OTHERS} other triggers")
    return tuple(found)


def _whole(given: Any, name: str, lowest: int, highest: int | None = None) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < lowest or (highest or given) < given:
        most = "on" if highest is None else f"to {highest}"
        raise BadRecurrence(f"the {name} is '{given}', not a whole number from {lowest} {most}")
    return given


def _span(given: Any, name: str) -> timedelta:
    """``[-][d.]hh:mm:ss``, as the service's own pattern has it (REST specification, TumblingWindowTrigger)."""
    match = _SPAN.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        raise BadRecurrence(f"the {name} is '{given}', not a time, [d.]hh:mm:ss")
    sign, days, hours, minutes, seconds = match.groups()
    span = timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return -span if sign else span


def _moment(given: Any, name: str) -> datetime:
    moment = read(given) if isinstance(given, str) else None
    if moment is None:
        raise BadRecurrence(f"the {name} is '{given}', which is no time")
    return moment.clock.replace(tzinfo=UTC)
