"""A point in time as .NET's DateTime has it: 100-nanosecond ticks since 0001-01-01, and whether it is known to be UTC.

https://learn.microsoft.com/dotnet/api/system.datetime.ticks
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
_ORIGIN = datetime(1, 1, 1)
_LAST = 3_155_378_975_999_999_999  # DateTime.MaxValue.Ticks


class OutOfRange(Exception):
    """Before the year 1 or after 9999."""


@dataclass(frozen=True, slots=True)
class Moment:
    """``utc`` False: .NET's "unspecified" kind, which is written without ``Z``."""

    ticks: int
    utc: bool

    @property
    def clock(self) -> datetime:
        """Date and time of day, to the microsecond; :attr:`fraction` has the rest."""
        return _ORIGIN + timedelta(microseconds=self.ticks // 10)

    @property
    def fraction(self) -> int:
        """Ticks since the last whole second."""
        return self.ticks % TICKS_PER_SECOND

    def plus(self, ticks: int) -> Moment:
        return moment_at(self.ticks + ticks, self.utc)

    def plus_months(self, months: int) -> Moment:
        """The same day of another month, or its last day when it is shorter."""
        clock = self.clock
        index = clock.year * 12 + clock.month - 1 + months
        year, month = index // 12, index % 12 + 1
        if not 1 <= year <= 9999:
            raise OutOfRange
        day = min(clock.day, calendar.monthrange(year, month)[1])
        days = (datetime(year, month, day) - _ORIGIN).days
        return moment_at(days * TICKS_PER_DAY + self.ticks % TICKS_PER_DAY, self.utc)


def moment_at(ticks: int, utc: bool) -> Moment:
    if not 0 <= ticks <= _LAST:
        raise OutOfRange
    return Moment(ticks, utc)


def moment_of(clock: datetime, utc: bool, extra_ticks: int = 0) -> Moment:
    """Of a datetime: an aware one is taken to UTC first."""
    if clock.tzinfo is not None:
        clock, utc = clock.astimezone(UTC).replace(tzinfo=None), True
    since = clock - _ORIGIN
    return moment_at(
        (since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10 + extra_ticks, utc
    )
