"""Leases on a real account and a real vault of the sandbox, by the real clients: opened, proven, closed, swept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import GONE, HERE, PERSONS, RANGE, TTL, Place, a_place, here, left_as_it_was, me
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.firewall.kinds import target_of
from toolkit.firewall.model import Lease
from toolkit.processes import identify

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


def test_a_lease_lets_in_and_afterwards_everything_is_as_before(place: Place) -> None:
    assert place.denied()
    before = place.network(place.account)
    lease = place.leases().open(me(), here, TTL)
    assert [place.leases().probe.refusal(target) for target in place.targets] == [None, None]
    assert place.network(place.account) == {
        **before,
        "ipRules": [*before["ipRules"], {"action": "Allow", "value": HERE}],
    }
    assert {"value": f"{HERE}/32"} in place.network(place.vault)["ipRules"]
    status = place.leases().status()
    assert [(one["id"], one["state"]) for one in status["leases"]] == [(lease.id, "open")]
    assert {"address": HERE, "lease": True} in status["rules"][place.platform.account]
    assert {"address": "198.51.100.77", "lease": False} in status["rules"][place.platform.account]
    closed = place.leases().close(lease)
    assert closed.open_for == {}
    assert place.denied()


def test_opening_again_is_the_same_lease_for_longer(place: Place) -> None:
    first = place.leases().open(me(), here, TTL)
    second = place.leases().open(me(), here, timedelta(hours=2))
    assert (second.id, second.expires > first.expires) == (first.id, True)
    place.leases().close(second)
    with pytest.raises(UsageError, match=f"there is no lease {first.id}"):
        place.leases().find(first.id)


def test_a_rule_that_a_person_made_stays(place: Place) -> None:
    address = "198.51.100.77"
    lease = place.leases().open(me(), lambda: frozenset({address, HERE}), TTL)
    assert lease.holds[place.account.lower()] == {address: False, HERE: True}
    place.leases().close(lease)


def test_the_last_of_two_leases_on_an_address_takes_the_rule_away(place: Place) -> None:
    first = place.leases().open(me(host="one"), here, TTL)
    second = place.leases().open(me(host="two"), here, TTL)
    assert first.id != second.id
    closed = place.leases().close(first)
    assert set(closed.open_for) == {place.platform.account, place.platform.vault}
    assert f"lease {second.id} of the tests holds the address" in closed.open_for.values()
    assert not place.denied()
    assert place.leases().close(second).open_for == {}


def test_a_sweep_closes_what_is_over_and_nothing_else(place: Place) -> None:
    here_now = identify(os.getpid())
    assert here_now is not None
    alive = place.leases().open(me(here_now), here, TTL)
    elsewhere = place.leases().open(me(GONE, host="another machine"), lambda: frozenset({"203.0.113.12"}), TTL)
    dead = place.leases().open(me(GONE), lambda: frozenset({"203.0.113.10", "203.0.113.11"}), TTL)
    assert [closed.lease.id for closed in place.leases().sweep()] == [dead.id]
    assert "203.0.113.11" not in str(place.settings())
    later = place.leases(now=lambda: datetime.now(UTC) + TTL)
    assert [one["state"] for one in later.status()["leases"]] == ["expired", "expired"]
    assert {closed.lease.id for closed in later.sweep()} == {alive.id, elsewhere.id}


def test_a_lease_that_a_sweep_closed_is_closed_by_its_owner_all_the_same(place: Place) -> None:
    lease = place.leases().open(me(), here, TTL)
    place.leases(now=lambda: datetime.now(UTC) + TTL).sweep()
    assert place.leases().close(lease).open_for == {}


def test_a_lease_outlives_a_target_that_is_deleted(place: Place) -> None:
    now = datetime.now(UTC)
    gone = f"{place.account}gone"
    lease = Lease.new(me(), TTL, now).holding(gone, HERE, ours=True)
    place.leases().journal.write(lease)
    assert [closed.lease.id for closed in place.leases(now=lambda: now + TTL).sweep()] == [lease.id]


def test_a_lease_that_cannot_be_prolonged_stays_open_for_the_other_step(place: Place) -> None:
    lease = place.leases().open(me(), here, TTL)
    refused = place.leases()
    refused.probe.until_open = lambda *_: (_ for _ in ()).throw(ToolkitError("no"))  # type: ignore[method-assign]
    with pytest.raises(ToolkitError, match="no"):
        refused.open(me(), here, TTL)
    assert not place.denied()
    place.leases().close(lease)


def test_what_cannot_be_added_to_a_lease_is_taken_back(place: Place) -> None:
    """Another step's account stays open; the vault that was to be added, and another address, are closed again."""
    before = place.settings()
    account = place.leases()
    account.targets = [target_of(place.account)]
    lease = account.open(me(), here, TTL)
    opened = place.settings()
    assert (opened[0] != before[0], opened[1]) == (True, before[1])
    refused = place.leases()
    refused.probe.until_open = lambda *_: (_ for _ in ()).throw(ToolkitError("no"))  # type: ignore[method-assign]
    with pytest.raises(ToolkitError, match="no"):
        refused.open(me(), lambda: frozenset({HERE, "203.0.113.11"}), TTL)
    assert place.settings() == opened
    assert place.leases().find(lease.id).addresses == [HERE]
    place.leases().close(place.leases().find(lease.id))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"publicNetworkAccess": "Disabled"}, "its public network access is disabled"),
        ({"rules": 400}, "has 400 rules for addresses of at most 400"),
    ],
)
def test_where_no_rule_can_work_that_is_said_at_once(place: Place, others: dict[str, Any], said: str) -> None:
    rules = [{"action": "Allow", "value": f"198.51.{n // 200}.{n % 200}"} for n in range(others.pop("rules", 0))]
    place.write_account(rules or [PERSONS, RANGE], **others)
    with pytest.raises(RefusedError, match=said):
        place.leases().open(me(), here, TTL)
    place.write_account([PERSONS, RANGE], publicNetworkAccess="Enabled")
