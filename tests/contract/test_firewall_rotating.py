"""An agent that goes out through three addresses in turn: let in on all of them, and afterwards on none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import TTL, Place, a_lessee, a_place, left_as_it_was, me
from toolkit.azure.egress import egress_addresses
from toolkit.firewall.probing import Probe
from toolkit.sandbox.client import Sandbox, find_running, sandbox_paths
from toolkit.waiting import BackOff

pytestmark = pytest.mark.contract

AGENT = "adf-public"  # a vantage that no other test of this session stands at
ADDRESSES = ("203.0.113.201", "203.0.113.202", "203.0.113.203")


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


@pytest.fixture(scope="module")
def rotating(sandbox: SandboxForTests) -> Iterator[Sandbox]:
    """Each connection of the agent shows the next of its addresses."""
    running = find_running(sandbox_paths(sandbox.connection.environment.project.root))
    assert running is not None
    running.subscription(sandbox.tenant_id, sandbox.subscription_id, standings={AGENT: {"addresses": list(ADDRESSES)}})
    yield running
    running.subscription(sandbox.tenant_id, sandbox.subscription_id, standings={})


def works(place: Place, running: Sandbox, profile: str = "instant") -> bool:
    """One run: opened, six connections that are all answered, closed, and six that are all refused."""
    agent = place.sandbox.connection.vantages[AGENT]
    probe = Probe(agent, place.sandbox.credential(AGENT), 0.2, BackOff(0.01, 0.1))
    leases = a_lessee(place.arm, place.targets, probe, place.folder, seconds=20.0)
    running.set_profile(profile, 0.01)
    lease = leases.open(me(), lambda: frozenset(map(str, egress_addresses(agent.client_options))), TTL)
    answers = [probe.refusal(target) for target in place.targets for _ in range(6)]
    found, closed = lease.addresses, leases.close(lease)
    refusals = [probe.refusal(target) for target in place.targets for _ in range(6)]
    running.set_profile("instant", 0.0)
    return (found, answers, closed.open_for, None in refusals) == (list(ADDRESSES), [None] * 12, {}, False)


def test_it_works_every_time(place: Place, rotating: Sandbox) -> None:
    assert [works(place, rotating) for _ in range(5)] == [True] * 5


@pytest.mark.slow
def test_it_works_a_hundred_times_of_a_hundred(place: Place, rotating: Sandbox) -> None:
    worked = [works(place, rotating, "worst" if number % 10 == 0 else "instant") for number in range(100)]
    print(f"an agent with three addresses in turn: {sum(worked)} of {len(worked)} runs worked")
    assert worked == [True] * 100


def test_an_address_that_was_not_found_is_found_when_it_is_refused(place: Place, rotating: Sandbox) -> None:
    agent = place.sandbox.connection.vantages[AGENT]
    probe = Probe(agent, place.sandbox.credential(AGENT), 0.2, BackOff(0.01, 0.1))
    leases = a_lessee(place.arm, place.targets, probe, place.folder, seconds=20.0)
    asked = iter([frozenset(ADDRESSES[:1]), frozenset(ADDRESSES[:2])])
    lease = leases.open(me(), lambda: next(asked, frozenset(ADDRESSES)), TTL)
    assert lease.addresses == list(ADDRESSES)
    assert leases.close(lease).open_for == {}
    assert None not in [probe.refusal(target) for target in place.targets for _ in range(6)]
