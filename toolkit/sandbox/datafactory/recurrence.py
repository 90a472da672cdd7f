"""When a schedule trigger fires.

https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger (its tables of frequency, interval and
schedule). Hours, days and weeks are those of the trigger's time zone, so that a daily trigger keeps its hour when the
clocks change. A time that the clocks skip does not occur (inferred).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from toolkit.pipelines.expressions.dates.reading import read
from toolkit.pipelines.expressions.dates.zones import NoSuchZone, zone
from toolkit.records import Json

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_FREQUENCIES = (*_STEPS, "day", "week", "month")


class BadRecurrence(Exception):
    """``str()`` says what is wrong with it."""


class Recurrence:
    """A trigger's ``recurrence``, read."""

    def __init__(self, given: Json) -> None:
        self._zone = _zone(given.get("timeZone"))
        self.start = _moment(given.get("startTime"), "startTime", self._zone)
        self.end = _moment(given["endTime"], "endTime", self._zone) if given.get("endTime") else None
        self._frequency = str(given.get("frequency", "")).lower()
        if self._frequency not in _FREQUENCIES:
            raise BadRecurrence(f"the frequency is '{given.get('frequency')}', not one of {', '.join(_FREQUENCIES)}")
        interval = given.get("interval", 1)
        if not isinstance(interval, int) or isinstance(interval, bool) or interval < 1:
            raise BadRecurrence(f"the interval is '{interval}', not a whole number from 1 on")
        self._interval = interval
        self._schedule: Json = given.get("schedule") or {}

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """Its occurrences (UTC) later than ``after`` and not later than ``until``, in order."""
        last = min(until, self.end) if self.end is not None else until
        if last <= after or last < self.start:
            return []
        found = self._stepped(after, last) if self._frequency in _STEPS else self._of_days(after, last)
        return sorted({moment for moment in found if after < moment <= last and moment >= self.start})

    # -- minutes and hours ---------------------------------------------------------------------------------------------

    def _stepped(self, after: datetime, last: datetime) -> Iterator[datetime]:
        step = _STEPS[self._frequency] * self._interval
        minutes = _numbers(self._schedule, "minutes", 0, 59) if self._frequency == "hour" else []
        number = max(0, (after - self.start) // step)
        while (moment := self.start + number * step) <= last + step:
            if minutes:
                hour = moment.replace(minute=0, second=0, microsecond=0)
                yield from (hour + timedelta(minutes=minute) for minute in minutes)
            else:
                yield moment
            number += 1

    # -- days, weeks and months ----------------------------------------------------------------------------------------

    def _of_days(self, after: datetime, last: datetime) -> Iterator[datetime]:
        day = max(after, self.start).astimezone(self._zone).date() - timedelta(days=1)
        end = last.astimezone(self._zone).date() + timedelta(days=1)
        while day <= end:
            if self._has(day):
                yield from self._times(day)
            day += timedelta(days=1)

    def _has(self, day: date) -> bool:
        first = self.start.astimezone(self._zone).date()
        if day < first:
            return False
        if self._frequency == "day":
            return (day - first).days % self._interval == 0
        if self._frequency == "week":
            weeks = ((day - timedelta(days=day.weekday())) - (first - timedelta(days=first.weekday()))).days // 7
            return weeks % self._interval == 0 and day.weekday() in self._weekdays(first)
        months = (day.year - first.year) * 12 + day.month - first.month
        return months % self._interval == 0 and self._in_month(day, first)

    def _weekdays(self, first: date) -> list[int]:
        names = self._schedule.get("weekDays")
        return [_weekday(name) for name in names] if names else [first.weekday()]

    def _in_month(self, day: date, first: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        occurrences = self._schedule.get("monthlyOccurrences")
        if occurrences:
            forward, backward = (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1)
            return any(
                _weekday(one.get("day")) == day.weekday() and one.get("occurrence", 1) in (forward, backward)
                for one in occurrences
            )
        days = _numbers(self._schedule, "monthDays", -31, 31) or [first.day]
        return day.day in days or day.day - last - 1 in days

    def _times(self, day: date) -> Iterator[datetime]:
        start = self.start.astimezone(self._zone)
        for hour in _numbers(self._schedule, "hours", 0, 23) or [start.hour]:
            for minute in _numbers(self._schedule, "minutes", 0, 59) or [start.minute]:
                local = datetime.combine(day, time(hour, minute, start.second), self._zone)
                moment = local.astimezone(UTC)
                if moment.astimezone(self._zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield moment


def _zone(name: Any) -> ZoneInfo:
    try:
        return zone(str(name or "UTC"))
    except NoSuchZone as error:
        hint = f": did you mean '{error}'?" if str(error) else ""
        raise BadRecurrence(f"there is no time zone '{name}'{hint}") from None


def _moment(given: Any, name: str, place: ZoneInfo) -> datetime:
    """A time without a zone of its own is the time zone's."""
    moment = read(given) if isinstance(given, str) else None
    if moment is None:
        raise BadRecurrence(f"the {name} is '{given}', which is no time")
    return moment.clock.replace(tzinfo=UTC if moment.utc else place).astimezone(UTC)


def _numbers(schedule: Json, name: str, lowest: int, highest: int) -> list[int]:
    given = schedule.get(name) or []
    numbers = [int(number) for number in given if str(number).lstrip("-").isdigit()]
    if len(numbers) != len(given) or not all(lowest <= number <= highest for number in numbers):
        raise BadRecurrence(f"the schedule's {name} are {given}, not numbers from {lowest} to {highest}")
    return sorted(numbers)


def _weekday(name: Any) -> int:
    if str(name).lower() not in _WEEKDAYS:
        raise BadRecurrence(f"'{name}' is no day of the week")
    return _WEEKDAYS.index(str(name).lower())
