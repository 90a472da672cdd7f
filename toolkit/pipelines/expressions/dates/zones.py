"""Windows' time zones. Azure's functions take the ids that Windows has ("Pacific Standard Time"); the rules come from
the IANA database. windows_zones.json is the mapping that Unicode's CLDR publishes, for the world as a whole (territory
001): https://github.com/unicode-org/cldr/blob/main/common/supplemental/windowsZones.xml
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from toolkit.errors import nearest
from toolkit.pipelines.expressions.dates.moment import Moment, moment_of

_TABLE = Path(__file__).parent.parent / "windows_zones.json"


class NoSuchZone(Exception):
    """``str()``: the nearest id, or nothing."""


class NoSuchTime(Exception):
    """The clock was put forward over it."""


@cache
def windows_zones() -> dict[str, str]:
    """Windows id -> IANA name."""
    zones: dict[str, str] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return zones


@cache
def _by_lower_name() -> dict[str, str]:
    return {windows.lower(): iana for windows, iana in windows_zones().items()}


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of a Windows id, or of an IANA name, which newer .NET takes, too. Raises :class:`NoSuchZone`."""
    iana = _by_lower_name().get(name.strip().lower())
    if (iana is None and "/" in name) or name in ("UTC", "GMT"):
        iana = iana or name
    if iana is None:
        raise NoSuchZone(nearest(name, windows_zones()) or "")
    try:
        return ZoneInfo(iana)
    except (ZoneInfoNotFoundError, ValueError):
        raise NoSuchZone(nearest(name, windows_zones()) or "") from None


def to_utc(moment: Moment, source: str) -> Moment:
    """The clock of ``moment`` read in ``source``; a time that occurs twice is the later, standard one, as in .NET."""
    place = zone(source)
    clock = moment.clock
    offset = clock.replace(tzinfo=place, fold=1).utcoffset() or timedelta()
    universal = (clock - offset).replace(tzinfo=UTC)
    if universal.astimezone(place).replace(tzinfo=None, fold=0) != clock.replace(fold=0):
        raise NoSuchTime
    return moment_of(clock - offset, utc=True, extra_ticks=moment.ticks % 10)


def from_utc(moment: Moment, destination: str) -> Moment:
    """Its clock in another place, of no known zone: .NET leaves it unspecified."""
    clock: datetime = moment.clock
    there = clock.replace(tzinfo=UTC).astimezone(zone(destination)).replace(tzinfo=None)
    return moment_of(there, utc=destination.strip().upper() == "UTC", extra_ticks=moment.ticks % 10)
