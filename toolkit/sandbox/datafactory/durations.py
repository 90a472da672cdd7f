"""Times as pipelines write them: ``[d.]hh:mm:ss``, https://learn.microsoft.com/dotnet/standard/base-types/standard-timespan-format-strings"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from toolkit.sandbox.datafactory.failures import wrong_type

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,7})?)?")


def seconds_of(text: object, name: str) -> float:
    """Raises the activity's failure where it is no time."""
    match = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise wrong_type(name, "a time, [d.]hh:mm:ss")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def timestamp(seconds: float) -> str:
    """As the service writes times: seven digits and Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"
