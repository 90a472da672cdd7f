"""Timespans as Data Factory writes them: ``d.hh:mm:ss``."""

from __future__ import annotations

import re

_TIMESPAN = re.compile(
    r"^(?:(?P<days>\d+)\.)?(?P<hours>[01]?\d|2[0-3]):(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d)(?:\.\d+)?$"
)
MINUTE, HOUR, DAY = 60, 3600, 86400


def seconds(text: object) -> int | None:
    """None when it is no timespan: an expression, or a mistake."""
    match = _TIMESPAN.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    parts = {name: int(value or 0) for name, value in match.groupdict().items()}
    return parts["days"] * DAY + parts["hours"] * HOUR + parts["minutes"] * MINUTE + parts["seconds"]
