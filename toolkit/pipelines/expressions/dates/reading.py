"""Timestamps read: ISO 8601, and the forms that the function reference and .NET's invariant culture use.

A timestamp with ``Z`` or an offset is UTC from then on; one without stays without (.NET's
DateTimeStyles.AdjustToUniversal, https://learn.microsoft.com/dotnet/api/system.globalization.datetimestyles). The forms
are a choice of those that DateTime.Parse takes (inferred); another one is refused.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

from toolkit.pipelines.expressions.dates.moment import Moment, OutOfRange, moment_of

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
_DAYS = r"(?:(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
_CLOCK = r"""
    (?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?
    (?:\s*(?P<half>[ap]m))?
"""
_ZONE = r"(?:\s*(?P<zone>z|gmt|utc|[+-]\d{2}(?::?\d{2})?))?"
_DATES = (
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
    r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",
    r"(?P<month>\d{1,2})-(?P<day>\d{1,2})-(?P<year>\d{4})",
    rf"{_DAYS}(?P<day>\d{{1,2}})[\s-](?P<word>[a-z]{{3,9}}),?[\s-](?P<year>\d{{4}})",
    rf"{_DAYS}(?P<word>[a-z]{{3,9}})\s(?P<day>\d{{1,2}}),?\s(?P<year>\d{{4}})",
    r"(?P<year>\d{4})-(?P<month>\d{2})",
)
_FORMS = tuple(
    re.compile(rf"\s*{date}(?:(?:T|,?\s+){_CLOCK})?{_ZONE}\s*", re.VERBOSE | re.IGNORECASE | re.ASCII)
    for date in _DATES
)


@lru_cache(maxsize=1024)
def read(text: str) -> Moment | None:
    """The moment that a text names, None when it names none."""
    for form in _FORMS:
        if match := form.fullmatch(text):
            try:
                return _moment(match.groupdict())
            except (ValueError, OverflowError, OutOfRange):
                return None
    return None


def _moment(parts: dict[str, str | None]) -> Moment:
    month = int(parts["month"] or 0) if "word" not in parts else _month(str(parts["word"]))
    hour = int(parts.get("hour") or 0)
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError("hour")
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    clock = datetime(
        int(str(parts["year"])),
        month,
        int(parts.get("day") or 1),
        hour,
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
    )
    fraction = int(((parts.get("fraction") or "") + "0000000")[:7])
    zone = (parts.get("zone") or "").lower()
    moment = moment_of(clock, utc=bool(zone), extra_ticks=fraction)
    if zone and zone not in ("z", "gmt", "utc"):
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if offset > timedelta(hours=14):
            raise ValueError("offset")
        ticks = int(offset.total_seconds()) * 10_000_000
        moment = moment.plus(-ticks if zone[0] == "+" else ticks)
    return moment


def _month(word: str) -> int:
    names = _MONTHS if len(word) == 3 else _LONG_MONTHS
    return names.index(word.lower()) + 1
