"""Waiting, on a clock that only moves when somebody waits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from toolkit import waiting
from toolkit.waiting import BackOff, Waits, steadily, wait_until


@dataclass
class Clock:
    time: float = 100.0

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def pauses(waits: Waits, clock: Clock, budget: float, kind: str = "") -> list[float]:
    found = []
    while (pause := waits.next(budget, kind)) is not None:
        found.append(pause)
        clock.sleep(pause)
    return found


def test_pauses_grow_up_to_the_longest_and_the_last_one_ends_with_the_budget(clock: Clock) -> None:
    waits = Waits(BackOff(1.0, longest=4.0, factor=2.0), clock.monotonic)
    assert pauses(waits, clock, 12.0) == [1.0, 2.0, 4.0, 4.0, 1.0]
    assert BackOff(1.0, longest=4.0).pause(10**9) == 4.0


def test_a_budget_runs_from_when_its_kind_was_first_met(clock: Clock) -> None:
    waits = Waits(steadily(1.0), clock.monotonic)
    clock.sleep(60.0)
    assert waits.next(5.0) is None
    assert len(pauses(waits, clock, 5.0, "role")) == 5
    assert len(pauses(waits, clock, 3.0, "rule")) == 3
    assert waits.next(5.0, "role") is None


def test_the_answer_that_was_waited_for(clock: Clock) -> None:
    answers = iter(["", "", "here"])
    assert wait_until(lambda: next(answers), 10.0, steadily(1.0)) == "here"
    assert clock.time == 102.0


def test_it_is_asked_once_and_once_more_at_the_deadline(clock: Clock) -> None:
    asked: list[float] = []

    def ask() -> bool:
        asked.append(clock.time)
        return False

    assert wait_until(ask, 0.0) is False
    assert wait_until(ask, 2.5, steadily(1.0)) is False
    assert asked == [100.0, 100.0, 101.0, 102.0, 102.5]


def test_no_deadline_at_all(clock: Clock) -> None:
    assert wait_until(lambda: clock.time > 10_000, math.inf, BackOff(1.0, longest=60.0)) is True
