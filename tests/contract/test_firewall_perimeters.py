"""Leases on members of a network security perimeter: where it decides, they are access rules of its profile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import GONE, HERE, TTL, Place, a_lessee, a_place, here, left_as_it_was, me
from tests.contract.test_blob_keyvault_dns import LOCATION
from tests.contract.test_firewall_kills import Cut, Cutting
from toolkit.errors import RefusedError
from toolkit.firewall.kinds import PERIMETER, target_of
from toolkit.firewall.leases import Leases

pytestmark = pytest.mark.contract

VERSION = "2024-07-01"
OFFICE = "198.51.100.0/28"


class Perimeter:
    """Of the account and the vault of a place; with an access rule of a person's."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.id = f"{place.platform.group}/providers/Microsoft.Network/networkSecurityPerimeters/nsp"
        self.profile = f"{self.id}/profiles/platform"
        place.platform.put(self.id, VERSION, {"location": LOCATION})
        place.platform.put(self.profile, VERSION, {})
        rule = {"properties": {"direction": "Inbound", "addressPrefixes": [OFFICE]}}
        place.platform.put(f"{self.profile}/accessRules/office", VERSION, rule)

    @property
    def members(self) -> dict[str, str]:
        return {"account": self.place.account, "vault": self.place.vault}

    @contextmanager
    def around(self, mode: str, *names: str, secured: bool = False) -> Iterator[None]:
        platform = self.place.platform
        try:
            for name in names:
                properties = {
                    "privateLinkResource": {"id": self.members[name]},
                    "profile": {"id": self.profile},
                    "accessMode": mode,
                }
                platform.put(f"{self.id}/resourceAssociations/{name}", VERSION, {"properties": properties})
                self.access(name, "SecuredByPerimeter" if secured else "Enabled")
            yield
        finally:
            for name in names:
                self.access(name, "Enabled")
                platform.send("DELETE", f"{self.id}/resourceAssociations/{name}", VERSION)

    def access(self, name: str, value: str) -> None:
        id_ = self.members[name]
        body = {"properties": {"publicNetworkAccess": value}}
        self.place.platform.send("PATCH", id_, target_of(id_).api_version, body)

    def rules(self) -> dict[str, list[str]]:
        listed = self.place.platform.send("GET", f"{self.profile}/accessRules", VERSION)["value"]
        return {one["name"]: one["properties"]["addressPrefixes"] for one in listed}

    def leases(self, *names: str, client: Any = None, said: list[str] | None = None) -> Leases:
        targets = [target_of(self.members[name]) for name in names]
        found = a_lessee(client or self.place.arm, targets, self.place.leases().probe, self.place.folder)
        if said is not None:
            found.say = said.append
        return found

    def denied(self, name: str) -> bool:
        return self.place.leases().probe.refusal(target_of(self.members[name])) is not None


@pytest.fixture(scope="module")
def perimeter(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Perimeter]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield Perimeter(place)


@pytest.fixture(autouse=True)
def unchanged(perimeter: Perimeter) -> Iterator[None]:
    with left_as_it_was(perimeter.place):
        yield
    assert perimeter.rules() == {"office": [OFFICE]}


@pytest.mark.parametrize(
    ("name", "mode", "secured"),
    [
        ("account", "Enforced", False),
        ("vault", "Learning", True),
        pytest.param("vault", "Enforced", False, marks=pytest.mark.slow),
        pytest.param("account", "Learning", True, marks=pytest.mark.slow),
    ],
)
def test_where_the_perimeter_decides_a_lease_is_its_access_rule(
    perimeter: Perimeter, name: str, mode: str, secured: bool
) -> None:
    with perimeter.around(mode, name, secured=secured):
        own = perimeter.place.settings()
        assert perimeter.denied(name)
        said: list[str] = []
        lease = perimeter.leases(name, said=said).open(me(), here, TTL)
        assert f"the perimeter nsp of {target_of(perimeter.members[name])} decides, and not its own rules" in said
        assert perimeter.rules() == {"office": [OFFICE], f"toolkit-lease-{lease.id}": [f"{HERE}/32"]}
        assert not perimeter.denied(name)
        assert perimeter.place.settings() == own
        status = perimeter.leases(name).status()
        member = perimeter.members[name].rsplit("/", 1)[-1]
        assert {"address": HERE, "lease": True} in status["rules"][member]
        assert {"address": OFFICE, "lease": False} in status["rules"][member]
        closed = perimeter.leases(name).close(perimeter.leases(name).find(lease.id))
        assert closed.open_for == {}
        assert perimeter.denied(name)


def test_in_learning_mode_the_resource_s_own_rules_decide(perimeter: Perimeter) -> None:
    with perimeter.around("Learning", "account"):
        lease = perimeter.leases("account").open(me(), here, TTL)
        assert perimeter.rules() == {"office": [OFFICE]}
        assert set(lease.holds) == {perimeter.place.account.lower()}
        assert perimeter.leases("account").close(lease).open_for == {}


def test_two_leases_on_one_address_are_two_rules(perimeter: Perimeter) -> None:
    with perimeter.around("Enforced", "account", "vault"):
        first = perimeter.leases("account", "vault").open(me(host="one"), here, TTL)
        second = perimeter.leases("account").open(me(host="two"), here, TTL)
        assert len(perimeter.rules()) == 3
        closed = perimeter.leases("account").close(first)
        assert closed.open_for == dict.fromkeys(
            (perimeter.members[name].rsplit("/", 1)[-1] for name in ("account", "vault")),
            f"lease {second.id} of the tests holds the address",
        )
        assert perimeter.leases("account").close(second).open_for == {}
        assert perimeter.denied("account")
        assert perimeter.denied("vault")


def test_a_person_s_rule_for_the_address_stays_and_is_named(perimeter: Perimeter) -> None:
    path = f"{perimeter.profile}/accessRules/person"
    rule = {"properties": {"direction": "Inbound", "addressPrefixes": [f"{HERE}/32"]}}
    perimeter.place.platform.put(path, VERSION, rule)
    with perimeter.around("Enforced", "account"):
        lease = perimeter.leases("account").open(me(), here, TTL)
        closed = perimeter.leases("account").close(lease)
        assert list(closed.open_for.values()) == ["a rule that no lease made lets the address in"]
        assert set(perimeter.rules()) == {"office", "person"}
    perimeter.place.platform.send("DELETE", path, VERSION)


@pytest.mark.slow
def test_killed_at_each_change_a_sweep_leads_back(perimeter: Perimeter) -> None:
    with perimeter.around("Enforced", "account", "vault"):
        for number in range(1, 20):
            client: Any = Cutting(perimeter.place.arm, number, after=True)
            try:
                lease = perimeter.leases("account", "vault", client=client).open(me(GONE), here, TTL)
                perimeter.leases("account", client=client).close(lease)
            except Cut:
                perimeter.leases("account").sweep()
                assert perimeter.rules() == {"office": [OFFICE]}, number
                assert perimeter.place.leases().journal.read() == [], number
            else:
                assert number > 4
                return
        raise AssertionError("it never came to an end")


def test_a_sweep_closes_what_expired(perimeter: Perimeter) -> None:
    with perimeter.around("Enforced", "account"):
        lease = perimeter.leases("account").open(me(), here, TTL)
        later = perimeter.leases("account")
        later.now = lambda: datetime.now(UTC) + TTL
        assert [closed.lease.id for closed in later.sweep()] == [lease.id]


def test_a_resource_that_obeys_no_perimeter_that_can_be_seen_is_refused(perimeter: Perimeter) -> None:
    perimeter.access("account", "SecuredByPerimeter")
    with pytest.raises(RefusedError, match="obeys a network security perimeter, and no membership of it can be seen"):
        perimeter.leases("account").open(me(), here, TTL)
    perimeter.access("account", "Enabled")


def test_the_limit_of_a_profile_is_said(perimeter: Perimeter) -> None:
    many = frozenset(f"203.1.{n // 250}.{n % 250}" for n in range(PERIMETER.limit))
    with (
        perimeter.around("Enforced", "account"),
        pytest.raises(RefusedError, match="has 1 rules for addresses of at most 200"),
    ):
        perimeter.leases("account").open(me(), lambda: many, TTL)
