"""When a change of who may enter reaches the front ends of a data plane."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from toolkit.sandbox.propagation import DOORS, FrontEnds
from toolkit.sandbox.store import Resource

NOW = 1000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


class Account:
    """A resource that is written, and asked about at each of its front ends in turn."""

    def __init__(self, profile: str, scale: float = 1.0) -> None:
        self.clock = Clock()
        self.front_ends = FrontEnds(self.clock)
        self.profile, self.scale = profile, scale
        self.stored = Resource("/x/account", "T", {"properties": {"networkAcls": "closed", "other": 1}})

    def write(self, **properties: Any) -> None:
        before = self.stored
        self.stored = deepcopy(before)
        self.stored.properties.update(properties)
        self.front_ends.note(self.stored, before, self.profile, self.scale)

    def seen(self, name: str = "networkAcls", count: int = 3) -> list[Any]:
        return [self.front_ends.properties(self.stored).get(name) for _ in range(count)]


def test_at_once_where_nothing_takes_time() -> None:
    account = Account("instant")
    account.write(networkAcls="open")
    assert account.seen() == ["open"] * 3
    assert account.stored.internal == {}


@pytest.mark.parametrize("name", DOORS)
def test_later_and_everywhere(name: str) -> None:
    account = Account("realistic", scale=0.5)
    account.write(**{name: "open"})
    before = account.seen(name)
    assert before == [("closed" if name == "networkAcls" else None)] * 3
    account.clock.now += 10.1
    assert account.seen(name) == ["open"] * 3


def test_at_worst_the_answers_change_back_and_forth() -> None:
    account = Account("worst")
    account.write(networkAcls="open")
    assert account.seen() == ["closed"] * 3
    account.clock.now += 41
    assert account.seen(count=6) == ["open", "closed", "closed"] * 2
    account.front_ends.advance(40)
    assert account.seen() == ["open", "open", "closed"]
    account.front_ends.advance(40)
    assert account.seen() == ["open"] * 3


def test_closing_takes_as_long_as_opening() -> None:
    account = Account("worst")
    account.write(networkAcls="open")
    account.clock.now += 60
    account.write(networkAcls="closed again")
    assert account.seen() == ["open", "closed", "closed"]
    account.clock.now += 41
    assert account.seen() == ["closed again", "open", "closed"]
    account.clock.now += 80
    assert account.seen() == ["closed again"] * 3


def test_other_properties_and_writes_are_at_once() -> None:
    account = Account("worst")
    account.write(networkAcls="open")
    account.write(other=2)
    assert account.seen("other") == [2] * 3
    assert account.seen() == ["closed"] * 3


def test_what_has_arrived_is_forgotten_at_the_next_write() -> None:
    account = Account("realistic")
    account.write(networkAcls="open")
    account.clock.now += 21
    account.write(other=2)
    assert account.stored.internal == {}
