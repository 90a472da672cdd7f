"""Processes that open, widen and close leases, killed -9 at each of their changes: the next sweep leads back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.conftest import SandboxForTests
from tests.contract import lease_process
from tests.contract.lease_process import Processes, processes
from tests.contract.leases import GONE, HERE, PERSONS, TTL, Place, a_place, left_as_it_was, me
from toolkit.azure.pipeline import RestClient
from toolkit.firewall.model import Lease

pytestmark = pytest.mark.contract

LEFT = "203.0.113.99"


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(scope="module")
def running(place: Place) -> Iterator[Processes]:
    with processes(place) as running:
        yield running


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


class Cut(BaseException):
    """As kill -9: nothing of the process's own runs after it."""


class Cutting:
    """A client that ends for good at its n-th request that changes something: before it is sent, or after."""

    def __init__(self, inner: RestClient, at: int, *, after: bool) -> None:
        self._inner, self._left, self._after, self._dead = inner, at, after, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name) if not self._dead else self._raise

    def _raise(self, *_: Any, **__: Any) -> Any:
        raise Cut

    def send_request(self, request: Any) -> Any:
        if self._dead:
            raise Cut
        if request.method == "GET":
            return self._inner.send_request(request)
        self._left -= 1
        if self._left > 0:
            return self._inner.send_request(request)
        if self._after:
            self._inner.send_request(request)
        self._dead = True
        raise Cut


Order = partial[lease_process.Order]


def alone(place: Place) -> Order:
    return order(place)


def person_s_address(place: Place) -> Order:
    """One of the addresses is in a rule of a person's already."""
    return order(place, addresses=(HERE, PERSONS["value"]))


def detached(place: Place) -> Order:
    """As `toolkit firewall open` does; what was killed is closed when it expires."""
    return order(place, detached=True)


def one_target(place: Place) -> Order:
    return order(place, targets=(place.vault,))


def after_another_kill(place: Place) -> Order:
    """What it opens begins with the sweep of what another one left."""
    another = place.leases()
    gone = Lease.new(me(GONE), TTL, datetime.now(UTC))
    for id_ in (place.account, place.vault):
        gone = gone.holding(id_, LEFT, ours=True).holding(id_, HERE, ours=True)
    another._write(gone)
    another._settle(gone)
    return order(place)


def order(place: Place, **more: Any) -> Order:
    common = {"targets": (place.account, place.vault), "folder": str(place.folder)}
    return partial(lease_process.Order, **{**common, **more})


def killed_at_each_change(place: Place, running: Processes, situation: Callable[[Place], Order], after: bool) -> int:
    """How often it was killed: until it came to its end."""
    before = place.settings()
    for at in range(1, 100):
        ended = running.run(situation(place)(at=at, after=after))
        if not ended.killed:
            assert ended.changes == at - 1
            return at - 1
        assert ended.changes == (at if after else at - 1)
        lead_back(place)
        assert place.settings() == before, at
        assert place.leases().journal.read() == [], at
        assert list(place.folder.iterdir()) == [], at
    raise AssertionError("it never came to its end")


def lead_back(place: Place) -> None:
    place.leases().sweep()
    place.leases(now=lambda: datetime.now(UTC) + TTL).sweep()  # what was detached has expired


def test_killed_after_a_change_the_sweep_leads_back(place: Place, running: Processes) -> None:
    kills = killed_at_each_change(place, running, alone, after=True)
    assert kills > 10


@pytest.mark.slow
def test_a_hundred_kills(place: Place, running: Processes) -> None:
    kills = {
        (situation.__name__, after): killed_at_each_change(place, running, situation, after)
        for situation in (alone, person_s_address, detached, one_target, after_another_kill)
        for after in (False, True)
    }
    with_another = kills_beside_another(place, running)
    print(f"{sum(kills.values()) + with_another} processes killed: {kills}, beside another's lease {with_another}")
    assert sum(kills.values()) + with_another >= 100


def kills_beside_another(place: Place, running: Processes) -> int:
    """Another one's lease on the same addresses stays whole, and its rules with it."""
    other = place.leases().open(me(host="another machine"), lambda: frozenset({HERE, lease_process.LATER}), TTL)
    with_other = place.settings()
    count = 0
    for after in (False, True):
        for at in range(1, 100):
            if not running.run(order(place)(at=at, after=after)).killed:
                break
            count += 1
            place.leases().sweep()
            assert place.settings() == with_other, at
            assert [lease.id for lease in place.leases().journal.read()] == [other.id], at
    place.leases().close(other)
    return count
