"""Waiting until something is so, or until a deadline, with pauses that grow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class BackOff:
    """The pauses between tries: ``first``, then ``factor`` times the one before, never more than ``longest``."""

    first: float
    longest: float
    factor: float = 1.6

    def pause(self, number: int) -> float:
        """The pause after the try with this number, from 0 on."""
        # A power of a large number overflows, and was beyond the longest pause long before.
        return min(self.first * self.factor ** min(number, 64), self.longest)


def steadily(seconds: float) -> BackOff:
    """The same pause every time, for what costs nothing to ask."""
    return BackOff(seconds, seconds, 1.0)


_LOOK = steadily(0.02)


@dataclass(slots=True)
class Waits:
    """The pauses of one wait, whose budget may depend on what it waits for.

    ``next`` says how long to pause before another try, None when the budget is used up. A budget runs from when its
    ``kind`` was first met (from the first moment when it has none); its last pause is cut so that it ends with it.
    """

    back_off: BackOff
    now: Callable[[], float] = time.monotonic
    _number: int = 0
    _since: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._since[""] = self.now()

    def next(self, budget: float, kind: str = "") -> float | None:
        now = self.now()
        left = self._since.setdefault(kind, now) + budget - now
        if left <= 0:
            return None
        pause = min(self.back_off.pause(self._number), left)
        self._number += 1
        return pause


def wait_until(condition: Callable[[], Answer], seconds: float, back_off: BackOff = _LOOK) -> Answer:
    """Ask until the answer is true or ``seconds`` are over; the last answer. It is asked once at least."""
    waits = Waits(back_off, time.monotonic)
    while not (answer := condition()):
        pause = waits.next(seconds)
        if pause is None:
            break
        time.sleep(pause)
    return answer
