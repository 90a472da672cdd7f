"""Agents at once on one account: nobody loses a rule, and nobody leaves one."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.rest import HttpRequest

from tests.conftest import SandboxForTests
from tests.contract.leases import HERE, PERSONS, RANGE, TTL, Place, a_lessee, a_place, here, left_as_it_was, me
from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import ARM, arm_client
from toolkit.azure.denial import Denial
from toolkit.azure.pipeline import RestClient
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.model import Lease
from toolkit.firewall.probing import Probe
from toolkit.firewall.rules import Rules
from toolkit.waiting import BackOff, wait_until

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


OWN = tuple(f"198.51.100.{number}" for number in range(100, 150))  # a person's
WRITING = threading.Lock()  # one at a time, which changes nothing about what was read before


class Delaying:
    """A client whose changes arrive late: what it read before is old by then. Journals answer late, too.

    ``windows`` are the times between the last reading of the account and the end of a change of it.
    """

    def __init__(self, inner: RestClient, chance: random.Random, late: str) -> None:
        self._inner, self._chance, self._late = inner, chance, late
        self._read = 0.0
        self.windows: list[tuple[float, float]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get(self, path: str, query: Any = None) -> Any:
        if self._late == "readings" and "/deployments/" in path:
            threading.Event().wait(self._chance.random() * 0.02)
        if "/storageaccounts/" in path.lower():
            self._read = time.monotonic()  # what is answered is no older
        return self._inner.get(path, query)

    def send_request(self, request: Any) -> Any:
        if request.method == "PATCH" and self._late == "changes":
            threading.Event().wait(self._chance.random() * 0.2)
        if request.method != "PATCH":
            return self._inner.send_request(request)
        with WRITING:
            answer = self._inner.send_request(request)
            self.windows.append((self._read, time.monotonic()))
            return answer


@dataclass
class Seen:
    """What went wrong, and when agents were between reading and writing."""

    wrong: list[str] = field(default_factory=list)
    windows: list[tuple[float, float]] = field(default_factory=list)


def agents(place: Place, count: int, rounds: int, seed: int, late: str = "changes") -> Seen:
    """Agents on two machines' worth of addresses at once, each of whom is let in while its lease is open."""
    seen = Seen()
    chance = random.Random(seed)

    def agent(number: int) -> None:
        address = f"203.0.113.{100 + number % 3}"
        with arm_client(place.sandbox.connection, place.sandbox.credential()) as inner:
            client: Any = Delaying(inner, chance, late)
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
                    seen.wrong.append(f"agent {number} lost {address} in round {round_}")
                if persons:
                    seen.wrong.append(f"agent {number} took {address} for a person's in round {round_}")
                lease = replace(lease, written="closing")
                journal.write(lease)
                lease = rules.settle(lease)
                journal.forget(lease)
            seen.windows += client.windows

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(agent, range(count)))
    return seen


def test_agents_at_once_never_lose_nor_leave_a_rule(place: Place) -> None:
    assert agents(place, count=4, rounds=3, seed=1).wrong == []


@pytest.mark.slow
def test_many_agents_at_once_never_lose_nor_leave_a_rule(place: Place) -> None:
    assert agents(place, count=8, rounds=50, seed=2).wrong == []


class Person:
    """Somebody who adds and takes away rules of their own, changes ``bypass`` and tags, and looks what became of it.

    Between their reading and their writing nobody else writes: what a person's own window does to others is their own.
    """

    def __init__(self, place: Place, client: RestClient) -> None:
        self._url, self._client = f"{ARM}{place.account}", client
        self._query = {"api-version": api_version(place.account)}
        self.lost: list[tuple[str, tuple[float, float]]] = []  # what, and when it had been written
        self.changes = 0

    def work(self, done: threading.Event, chance: random.Random) -> None:
        number = 0
        while not done.is_set():
            number += 1
            own, bypass = OWN[number % len(OWN)], ("Logging", "Metrics")[number % 2]
            self._keeps("rule", chance, add={own}, bypass=bypass, tags={"round": str(number)})
            self._keeps("rule taken away", chance, remove={own})
        # Once the agents are done: what was lost when it was put right, too, is put right for good.
        self._change(remove=set(OWN), bypass="Logging, Metrics", tags={})

    def _keeps(self, what: str, chance: random.Random, **change: Any) -> None:
        """A change, and a look at it a little later."""
        when = self._change(**change)
        threading.Event().wait(chance.random() * 0.1)
        account = self._read()
        there = {rule["value"] for rule in account["properties"]["networkAcls"]["ipRules"]}
        kept = change.get("add", set()) <= there and not change.get("remove", set()) & there
        if not kept or account["properties"]["networkAcls"]["bypass"] != change.get("bypass", self._bypass):
            self.lost.append((what, when))
            self._change(**change)
        assert account["tags"] == self._tags  # never in an agent's write

    def _change(
        self, add: Any = (), remove: Any = (), bypass: str | None = None, tags: dict[str, str] | None = None
    ) -> tuple[float, float]:
        self.changes += 1
        with WRITING:
            return self._read_and_write(set(add), set(remove), bypass, tags)

    def _read_and_write(
        self, add: set[str], remove: set[str], bypass: str | None, tags: dict[str, str] | None
    ) -> tuple[float, float]:
        began = time.monotonic()
        account = self._read()
        network = account["properties"]["networkAcls"]
        self._bypass = network["bypass"] = bypass or network["bypass"]
        self._tags = account.get("tags", {}) if tags is None else tags
        kept = [rule for rule in network["ipRules"] if rule["value"] not in add | remove]
        network["ipRules"] = [*kept, *({"action": "Allow", "value": address} for address in sorted(add))]
        body = {"tags": self._tags, "properties": {"networkAcls": network}}
        url = f"{self._url}?api-version={self._query['api-version']}"
        self._client.send_request(HttpRequest("PATCH", url, json=body)).raise_for_status()
        return began, time.monotonic()

    def _read(self) -> Any:
        return self._client.get(self._url, self._query)


def beside_a_person(place: Place, count: int, rounds: int, seed: int) -> tuple[Person, Seen]:
    done = threading.Event()
    with arm_client(place.sandbox.connection, place.sandbox.credential()) as client, ThreadPoolExecutor(1) as pool:
        person = Person(place, client)
        working = pool.submit(person.work, done, random.Random(seed))
        try:
            seen = agents(place, count, rounds, seed, late="readings")
        finally:
            done.set()
        working.result(30)
    overlapping = [when for _, when in person.lost if any(a <= when[1] and when[0] <= b for a, b in seen.windows)]
    print(f"{person.changes} changes of a person beside {count} agents: {len(person.lost)} lost, of which "
          f"{len(overlapping)} between an agent's last reading and its write")  # fmt: skip
    assert [lost for lost in person.lost if lost[1] not in overlapping] == []
    return person, seen


def test_a_person_s_changes_are_lost_in_an_agent_s_one_request_only(place: Place) -> None:
    person, seen = beside_a_person(place, count=3, rounds=2, seed=3)
    assert seen.wrong == []
    assert person.changes > 4


@pytest.mark.slow
def test_many_agents_and_a_person(place: Place) -> None:
    person, seen = beside_a_person(place, count=8, rounds=50, seed=4)
    assert seen.wrong == []
    assert person.changes > 100


def test_a_rule_that_a_person_s_write_took_away_comes_back_while_it_is_waited_for(place: Place) -> None:
    """They saved a list that they had read before."""
    connection = place.sandbox.connection
    vantage, patience = connection.vantages["internet"], connection.environment.patience
    probe = Probe(vantage, place.sandbox.credential(), patience, BackOff(0.05, 0.5))
    leases = a_lessee(place.arm, place.targets, probe, place.folder)
    refused = iter([True, False, True, False, False])
    real = leases.probe.refusal

    def refusal(target: Target) -> Denial | None:
        if target.id == place.account and next(refused, False):
            place.write_account([PERSONS, RANGE])
        return real(target)

    leases.probe.refusal = refusal  # type: ignore[method-assign]
    lease = leases.open(me(), here, TTL)
    assert {"action": "Allow", "value": HERE} in place.network(place.account)["ipRules"]
    assert leases.close(lease).open_for == {}
