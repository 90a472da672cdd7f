"""Date functions. Without a format the result is round-trip ("o"), https://learn.microsoft.com/azure/data-factory/
control-flow-expression-language-functions says of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from toolkit.pipelines.expressions.dates.moment import TICKS_PER_DAY, TICKS_PER_SECOND, Moment, OutOfRange, moment_of
from toolkit.pipelines.expressions.dates.reading import read
from toolkit.pipelines.expressions.dates.writing import BadFormat, write
from toolkit.pipelines.expressions.dates.zones import NoSuchTime, NoSuchZone, from_utc, to_utc
from toolkit.pipelines.expressions.errors import EvaluationError
from toolkit.pipelines.expressions.functions.signature import integer, invalid, number, text

Clock = Callable[[], datetime]

_UNITS = {
    "second": TICKS_PER_SECOND,
    "minute": 60 * TICKS_PER_SECOND,
    "hour": 3600 * TICKS_PER_SECOND,
    "day": TICKS_PER_DAY,
    "week": 7 * TICKS_PER_DAY,
}
_MONTHS = {"month": 1, "year": 12}


def utc_now(clock: Clock, form: Any = "o") -> str:
    return _written("utcNow", _now(clock), form)


def add_seconds(timestamp: Any, amount: Any, form: Any = "o") -> str:
    return _added("addSeconds", timestamp, amount, TICKS_PER_SECOND, form)


def add_minutes(timestamp: Any, amount: Any, form: Any = "o") -> str:
    return _added("addMinutes", timestamp, amount, 60 * TICKS_PER_SECOND, form)


def add_hours(timestamp: Any, amount: Any, form: Any = "o") -> str:
    return _added("addHours", timestamp, amount, 3600 * TICKS_PER_SECOND, form)


def add_days(timestamp: Any, amount: Any, form: Any = "o") -> str:
    return _added("addDays", timestamp, amount, TICKS_PER_DAY, form)


def add_to_time(timestamp: Any, interval: Any, unit: Any, form: Any = "o") -> str:
    function = "addToTime"
    moment, count = _moment(function, timestamp), integer(function, 1, 4, interval)
    return _written(function, _moved(function, moment, count, text(function, 2, 4, unit)), form)


def subtract_from_time(timestamp: Any, interval: Any, unit: Any, form: Any = "o") -> str:
    function = "subtractFromTime"
    moment, count = _moment(function, timestamp), integer(function, 1, 4, interval)
    return _written(function, _moved(function, moment, -count, text(function, 2, 4, unit)), form)


def get_future_time(clock: Clock, interval: Any, unit: Any, form: Any = "o") -> str:
    function = "getFutureTime"
    count = integer(function, 0, 3, interval)
    return _written(function, _moved(function, _now(clock), count, text(function, 1, 3, unit)), form)


def get_past_time(clock: Clock, interval: Any, unit: Any, form: Any = "o") -> str:
    function = "getPastTime"
    count = integer(function, 0, 3, interval)
    return _written(function, _moved(function, _now(clock), -count, text(function, 1, 3, unit)), form)


def format_date_time(timestamp: Any, form: Any = "o") -> str:
    return _written("formatDateTime", _moment("formatDateTime", timestamp), form)


def start_of_day(timestamp: Any, form: Any = "o") -> str:
    moment = _moment("startOfDay", timestamp)
    return _written("startOfDay", moment.plus(-(moment.ticks % TICKS_PER_DAY)), form)


def start_of_hour(timestamp: Any, form: Any = "o") -> str:
    moment = _moment("startOfHour", timestamp)
    return _written("startOfHour", moment.plus(-(moment.ticks % (3600 * TICKS_PER_SECOND))), form)


def start_of_month(timestamp: Any, form: Any = "o") -> str:
    moment = _moment("startOfMonth", timestamp)
    days = moment.clock.day - 1
    return _written("startOfMonth", moment.plus(-(moment.ticks % TICKS_PER_DAY) - days * TICKS_PER_DAY), form)


def day_of_week(timestamp: Any) -> int:
    """Sunday is 0. (The page's example says 3 for a Thursday, 2018-03-15; .NET says 4.)"""
    return _moment("dayOfWeek", timestamp).clock.isoweekday() % 7


def day_of_month(timestamp: Any) -> int:
    return _moment("dayOfMonth", timestamp).clock.day


def day_of_year(timestamp: Any) -> int:
    return _moment("dayOfYear", timestamp).clock.timetuple().tm_yday


def ticks(timestamp: Any) -> int:
    return _moment("ticks", timestamp).ticks


def convert_from_utc(timestamp: Any, destination: Any, form: Any = "o") -> str:
    function = "convertFromUtc"
    moment = _moment(function, timestamp)
    return _written(function, _zoned(function, from_utc, moment, text(function, 1, 3, destination)), form)


def convert_to_utc(timestamp: Any, source: Any, form: Any = "o") -> str:
    function = "convertToUtc"
    moment = _moment(function, timestamp)
    return _written(function, _zoned(function, to_utc, moment, text(function, 1, 3, source)), form)


def convert_time_zone(timestamp: Any, source: Any, destination: Any, form: Any = "o") -> str:
    function = "convertTimeZone"
    universal = _zoned(function, to_utc, _moment(function, timestamp), text(function, 1, 4, source))
    return _written(function, _zoned(function, from_utc, universal, text(function, 2, 4, destination)), form)


# -- what they share ---------------------------------------------------------------------------------------------------


def _now(clock: Clock) -> Moment:
    return moment_of(clock(), utc=True)


def _moment(function: str, timestamp: Any) -> Moment:
    moment = read(text(function, 0, 2, timestamp))
    if moment is None:
        raise EvaluationError(
            f"In function '{function}', the value provided for date time string '{timestamp}' was not valid. The "
            "datetime string must match ISO 8601 format."
        )
    return moment


def _written(function: str, moment: Moment, form: Any) -> str:
    if form is None:
        form = "o"
    try:
        return write(moment, text(function, 1, 2, form))
    except BadFormat:
        raise EvaluationError(
            f"In function '{function}', the value provided for date time format string '{form}' was not valid. The "
            "datetime format string must match ISO 8601 format."
        ) from None


def _added(function: str, timestamp: Any, amount: Any, unit: int, form: Any) -> str:
    """DateTime.AddDays takes fractions, too."""
    moment = _moment(function, timestamp)
    try:
        moved = moment.plus(round(number(function, 1, 3, amount) * unit))
    except (OutOfRange, OverflowError):
        raise _unrepresentable(function) from None
    return _written(function, moved, form)


def _moved(function: str, moment: Moment, count: int, unit: str) -> Moment:
    try:
        if unit.lower() in _MONTHS:
            return moment.plus_months(count * _MONTHS[unit.lower()])
        if unit.lower() in _UNITS:
            return moment.plus(count * _UNITS[unit.lower()])
    except OutOfRange:
        raise _unrepresentable(function) from None
    names = ", ".join(f"'{name.title()}'" for name in (*_UNITS, *_MONTHS))
    raise invalid(function, f"The time unit '{unit}' is not one of {names}.")


def _unrepresentable(function: str) -> EvaluationError:
    return EvaluationError(
        f"In function '{function}', the added or subtracted value results in an un-representable DateTime."
    )


def _zoned(function: str, change: Callable[[Moment, str], Moment], moment: Moment, name: str) -> Moment:
    try:
        return change(moment, name)
    except NoSuchZone as error:
        hint = f" Did you mean '{error}'?" if str(error) else ""
        raise EvaluationError(
            f"In function '{function}', the value provided for the time zone id '{name}' was not valid.{hint}"
        ) from None
    except NoSuchTime:
        raise EvaluationError(
            f"In function '{function}', the supplied DateTime represents an invalid time. For example, when the clock "
            "is adjusted forward, any time in the period that is skipped is invalid."
        ) from None
    except OutOfRange:
        raise _unrepresentable(function) from None
