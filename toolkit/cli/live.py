"""The live view of an apply, as lines of text: what is in flight, and a bar for the whole.

Terminal (toolkit/cli/terminal.py) puts them on the screen and moves the cursor; here is only what they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.terraform.flight import Ended, Flight, Row

Line = tuple[str, str]  # text and style
_BAR = 20
_WIDE = 90  # from here on there is room for bars beside the modules


def lines(flight: Flight, width: int, height: int, unicode: bool = True) -> list[Line]:
    """At most ``height`` lines of at most ``width`` columns; the last one is the whole apply's."""
    rows = flight.rows()
    shown = rows[: max(height - 2, 1)]
    found = [(_row(row, width, unicode), "bold red" if row.failed else "") for row in shown]
    if len(rows) > len(shown):
        found.append(
            (_cut(f"  {_dots(unicode)} and {len(rows) - len(shown)} more modules in flight", width, unicode), "dim")
        )
    return [*found, (_total(flight, width, unicode), "bold")]


def ended(one: Ended) -> str:
    """A module that is through, in one line."""
    return f"{one.module}: {one.resources} done ({duration(one.seconds)})"


def duration(seconds: float) -> str:
    """
    >>> [duration(x) for x in (0.4, 59.6, 61, 3700)]
    ['0s', '1m00s', '1m01s', '1h01m']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def bar(done: int, planned: int, width: int, unicode: bool = True) -> str:
    full = round(width * min(done / planned, 1.0)) if planned else 0
    return ("█" * full + "░" * (width - full)) if unicode else ("#" * full + "-" * (width - full))


def _row(row: Row, width: int, unicode: bool) -> str:
    words = f"{row.done}/{row.planned}"
    if row.failed:
        words += f", {row.failed} failed"
    if width < _WIDE:
        # The name's end tells modules apart, so it is what stays; what is slow in it has what is left.
        name = _fit(row.module.removeprefix("module."), max(width // 2 - len(words) - 3, 12), unicode)
        begin = f"  {name} {words}"
    else:
        gauge = bar(row.done, row.planned, 8, unicode)
        begin = f"  {_fit(row.module, 38, unicode):<38} {gauge} {words:>7} {duration(row.seconds):>6}"
    if not row.slowest:
        return _cut(begin, width, unicode)
    took = duration(row.slowest_seconds)
    return _cut(
        f"{begin}  {_cut(row.slowest, max(width - len(begin) - len(took) - 3, 8), unicode)} {took}", width, unicode
    )


def _total(flight: Flight, width: int, unicode: bool) -> str:
    left = flight.left
    expected = f", about {duration(left)} left" if left is not None and left >= 1 else ""
    words = f"{flight.done}/{flight.planned}  {duration(flight.elapsed)}{expected}"
    return _cut(f"  {bar(flight.done, flight.planned, _BAR if width >= 60 else 8, unicode)} {words}", width, unicode)


def _fit(text: str, width: int, unicode: bool) -> str:
    dots = _dots(unicode)
    return text if len(text) <= width else dots + text[len(dots) - width :]


def _cut(text: str, width: int, unicode: bool) -> str:
    dots = _dots(unicode)
    return text if len(text) <= width else text[: width - len(dots)] + dots


def _dots(unicode: bool) -> str:
    return "…" if unicode else ".."
