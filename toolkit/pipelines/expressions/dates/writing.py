"""Timestamps written in .NET's standard and custom formats, in the culture en-US, which the function reference's
examples have ("Tuesday, January 2, 2018").

https://learn.microsoft.com/dotnet/standard/base-types/standard-date-and-time-format-strings
https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings
"""

from __future__ import annotations

import itertools
from datetime import datetime

from toolkit.pipelines.expressions.dates.moment import Moment

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

ROUND_TRIP = "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK"
_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "m": "MMMM d",
    "M": "MMMM d",
    "o": ROUND_TRIP,
    "O": ROUND_TRIP,
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
    "U": "dddd, MMMM d, yyyy h:mm:ss tt",
    "y": "MMMM yyyy",
    "Y": "MMMM yyyy",
}
_LETTERS = "dfFghHKmMstyz"


class BadFormat(Exception):
    """.NET's FormatException."""


def write(moment: Moment, form: str) -> str:
    """Raises :class:`BadFormat`."""
    if form in ("", "o", "O"):
        clock, rest = moment.clock, moment.fraction
        return f"{clock.isoformat(timespec='seconds')}.{rest:07d}{'Z' if moment.utc else ''}"
    if len(form) == 1:
        if form not in _STANDARD:
            raise BadFormat
        form = _STANDARD[form]
    return _custom(moment, form)


def _custom(moment: Moment, form: str) -> str:
    clock = moment.clock
    written: list[str] = []
    position = 0
    while position < len(form):
        letter = form[position]
        if letter in _LETTERS:
            count = sum(1 for _ in itertools.takewhile(letter.__eq__, form[position:]))
            written.append(_specifier(moment, clock, letter, count, written))
            position += count
        elif letter in "'\"":
            end = form.find(letter, position + 1)
            if end < 0:
                raise BadFormat
            written.append(form[position + 1 : end])
            position = end + 1
        elif letter == "\\":
            if position + 1 == len(form):
                raise BadFormat
            written.append(form[position + 1])
            position += 2
        elif letter == "%":
            if position + 1 == len(form) or form[position + 1] == "%":
                raise BadFormat
            position += 1  # what follows is a custom specifier, even alone
        else:
            written.append(letter)  # ":" and "/" are en-US's own separators
            position += 1
    return "".join(written)


def _specifier(moment: Moment, clock: datetime, letter: str, count: int, written: list[str]) -> str:
    match letter:
        case "d":
            if count <= 2:
                return f"{clock.day:0{count}d}"
            day = _DAYS[clock.weekday()]
            return day[:3] if count == 3 else day
        case "M":
            if count <= 2:
                return f"{clock.month:0{count}d}"
            month = _MONTHS[clock.month - 1]
            return month[:3] if count == 3 else month
        case "y":
            return f"{clock.year % 100:0{count}d}" if count <= 2 else f"{clock.year:0{count}d}"
        case "h":
            return f"{(clock.hour + 11) % 12 + 1:0{min(count, 2)}d}"
        case "H":
            return f"{clock.hour:0{min(count, 2)}d}"
        case "m":
            return f"{clock.minute:0{min(count, 2)}d}"
        case "s":
            return f"{clock.second:0{min(count, 2)}d}"
        case "t":
            half = "AM" if clock.hour < 12 else "PM"
            return half[0] if count == 1 else half
        case "f" | "F":
            return _fraction(moment, letter, count, written)
        case "g":
            return "A.D."
        case "K":
            return ("Z" if moment.utc else "") * count
        case _:  # z: the offset; a time of no known zone has UTC's here, as on Azure's machines
            return "+0" if count == 1 else "+00" if count == 2 else "+00:00"


def _fraction(moment: Moment, letter: str, count: int, written: list[str]) -> str:
    if count > 7:
        raise BadFormat
    digits = f"{moment.fraction:07d}"[:count]
    if letter == "f":
        return digits
    digits = digits.rstrip("0")
    if not digits and written and written[-1].endswith("."):
        written[-1] = written[-1][:-1]  # "F" takes the point before it along
    return digits
