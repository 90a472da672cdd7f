"""Leases on resources of two groups, one of which other environments take leases on, too: the account of the states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import GONE, PERSONS, TTL, Place, a_place, here, left_as_it_was, me
from tests.contract.test_blob_keyvault_dns import LOCATION
from tests.contract.test_firewall_kills import Cut, Cutting
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.leases import Leases
from toolkit.firewall.rules import Rules

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield


@pytest.fixture
def elsewhere(place: Place) -> Iterator[Target]:
    """An account in another group, as that of the states is, which other environments take leases on, too."""
    group = f"{place.platform.group}-state"
    place.platform.put(group, "2024-03-01", {"location": LOCATION})
    id_ = f"{group}/providers/Microsoft.Storage/storageAccounts/{place.platform.account[:20]}st"
    acls = {"defaultAction": "Deny", "bypass": "None", "ipRules": [PERSONS]}
    body = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    place.platform.put(id_, "2023-05-01", {**body, "properties": {"networkAcls": acls}})
    yield target_of(id_)
    assert Rules(place.arm, Journal(place.arm, group), target_of(id_)).read()["properties"]["networkAcls"][
        "ipRules"
    ] == [PERSONS]
    assert Journal(place.arm, group).read() == []


def over_both(place: Place, elsewhere: Target, client: Any = None) -> Leases:
    both = place.leases(client)
    return Leases(client or place.arm, [target_of(place.account), elsewhere], both.probe, place.folder, print)


def only(place: Place, target: Target) -> Leases:
    return Leases(place.arm, [target], place.leases().probe, place.folder.with_name("another-machine"), print)


def test_a_lease_over_two_groups_has_its_part_in_each(place: Place, elsewhere: Target) -> None:
    lease = over_both(place, elsewhere).open(me(), here, TTL)
    parts = [Journal(place.arm, group).part(lease.id) for group in lease.groups]
    assert [set(part.holds) for part in parts if part] == [{place.account.lower()}, {elsewhere.id.lower()}]
    # Another environment, which shares the one account only, goes by the same journal of it.
    other = only(place, elsewhere)
    shared = other.open(me(host="of another environment"), here, TTL)
    closed = over_both(place, elsewhere).close(lease)
    assert closed.open_for == {elsewhere.name: f"lease {shared.id} of the tests holds the address"}
    assert other.close(shared).open_for == {}


def test_who_finds_one_part_closes_the_whole_lease(place: Place, elsewhere: Target) -> None:
    lease = over_both(place, elsewhere).open(me(), here, TTL)
    (place.folder / f"{lease.id}.json").unlink()
    assert only(place, elsewhere).find(lease.id).holds == lease.holds
    assert [closed.left for closed in [only(place, elsewhere).close(only(place, elsewhere).find(lease.id))]] == [()]
    assert place.denied()


def test_killed_between_two_groups_a_sweep_of_either_leads_back(place: Place, elsewhere: Target) -> None:
    for number in (1, 2, 3, 4):  # the record of one, of the other, the rule of one, of the other
        client: Any = Cutting(place.arm, number, after=True)
        with pytest.raises(Cut):
            over_both(place, elsewhere, client).open(me(GONE), here, TTL)
        over_both(place, elsewhere).sweep()
        assert place.leases().journal.read() == []
