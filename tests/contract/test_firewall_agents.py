"""Agents at once on one account: nobody loses a rule, and nobody leaves one."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import TTL, Place, a_place, left_as_it_was, me
from toolkit.azure.arm import arm_client
from toolkit.azure.pipeline import RestClient
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import target_of
from toolkit.firewall.model import Lease
from toolkit.firewall.rules import Rules
from toolkit.waiting import wait_until

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


class Delaying:
    """A client whose changes arrive late: what it read before is old by then."""

    def __init__(self, inner: RestClient, chance: random.Random) -> None:
        self._inner, self._chance = inner, chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send_request(self, request: Any) -> Any:
        if request.method == "PATCH":
            threading.Event().wait(self._chance.random() * 0.2)
        return self._inner.send_request(request)


def agents(place: Place, count: int, rounds: int, seed: int) -> list[str]:
    """Agents on two machines' worth of addresses at once, each of whom is let in while its lease is open."""
    wrong: list[str] = []
    chance = random.Random(seed)

    def agent(number: int) -> None:
        address = f"203.0.113.{100 + number % 3}"
        with arm_client(place.sandbox.connection, place.sandbox.credential()) as inner:
            client: Any = Delaying(inner, chance)
            journal = Journal(client, place.platform.group)
            rules = Rules(client, journal, target_of(place.account))
            pause = threading.Event()
            for round_ in range(rounds):
                persons = rules.of_persons({address})
                now = datetime.now(UTC)
                lease = Lease.new(me(host=f"agent {number}"), TTL, now)
                lease = lease.holding(place.account, address, ours=address not in persons)
                journal.write(lease)
                lease = rules.settle(lease)
                pause.wait(chance.random() * 0.05)
                # A write of another agent's that is under way may miss it: that one repairs it before it goes on.
                if not wait_until(lambda: address in rules.target.kind.addresses(rules.read()), 20):
                    wrong.append(f"agent {number} lost {address} in round {round_}")
                if persons:
                    wrong.append(f"agent {number} took {address} for a person's in round {round_}")
                lease = replace(lease, written="closing")
                journal.write(lease)
                lease = rules.settle(lease)
                journal.forget(lease)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(agent, range(count)))
    return wrong


def test_agents_at_once_never_lose_nor_leave_a_rule(place: Place) -> None:
    assert agents(place, count=4, rounds=3, seed=1) == []


@pytest.mark.slow
def test_many_agents_at_once_never_lose_nor_leave_a_rule(place: Place) -> None:
    assert agents(place, count=8, rounds=50, seed=2) == []
