"""ISO 8601 durations as Azure's services, which are .NET, hand them back: in the largest units, PT2M for PT120S.

https://learn.microsoft.com/dotnet/api/system.xml.xmlconvert.tostring (TimeSpan)
"""

from __future__ import annotations

import re

from toolkit.sandbox.arm.errors import bad_request

_DURATION = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def canonical(duration: str) -> str:
    """The same duration as Azure writes it. Raises ArmError for a text that is none."""
    days, hours, minutes, seconds = _parts(duration)
    minutes, seconds = minutes + seconds // 60, seconds % 60
    hours, minutes = hours + minutes // 60, minutes % 60
    days, hours = days + hours // 24, hours % 24
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count)
    if not days and not time:
        return "PT0S"
    return "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")


def in_seconds(duration: str) -> int:
    """How long a duration is. Raises ArmError for a text that is none."""
    days, hours, minutes, seconds = _parts(duration)
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _parts(duration: str) -> tuple[int, int, int, int]:
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise bad_request("BadRequest", f"'{duration}' is no ISO 8601 duration: PT2M, for example.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return days, hours, minutes, seconds
