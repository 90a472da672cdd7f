"""Leases while Azure, or the way to it, fails: closed at the end, or it is said what is still open and what closes it.

The faults are the sandbox's, so that unmodified clients meet them on real connections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from tests.conftest import SandboxForTests
from tests.contract.leases import GONE, HERE, PERSONS, TTL, Place, a_lessee, a_place, here, left_as_it_was, me
from toolkit.azure.arm import arm_client
from toolkit.firewall.failures import LeftOpenError
from toolkit.firewall.leases import Leases
from toolkit.firewall.model import Lease
from toolkit.firewall.probing import Probe
from toolkit.sandbox.client import Sandbox, find_running, sandbox_paths
from toolkit.waiting import BackOff

pytestmark = pytest.mark.contract

LEASE = "/deployments/toolkit-lease-"


@dataclass(frozen=True)
class Asked:
    """A kind of request that leases make."""

    method: str
    url: str
    closing_only: bool = False


REQUESTS = {
    "journal's list": Asked("GET", r"/deployments\?"),
    "journal's reading": Asked("GET", LEASE),
    "journal's writing": Asked("PUT", LEASE),
    "journal's forgetting": Asked("DELETE", LEASE, closing_only=True),
    "account's rules": Asked("GET", r"/storageAccounts/st[0-9a-f]{10}\?"),
    "account's change": Asked("PATCH", "/storageAccounts/"),
    "vault's rules": Asked("GET", r"/vaults/kv-[0-9a-f]{10}\?"),
    "vault's change": Asked("PATCH", "/vaults/"),
    "account's probe": Asked("GET", r"//st[0-9a-f]{10}\.blob\."),
    "vault's probe": Asked("GET", r"//kv-[0-9a-f]{10}\.vault\."),
}
KINDS = ("throttled", "unavailable", "broken", "committed")


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(sandbox, tmp_path_factory.mktemp("leases")) as place:
        yield place


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    with left_as_it_was(place):
        yield
        azure(place).order_faults()


def azure(place: Place) -> Sandbox:
    found = find_running(sandbox_paths(place.sandbox.connection.environment.project.root))
    assert found is not None
    return found


def quick(place: Place) -> Leases:
    """Leases that wait for as long as a test may, and ask as often as it likes."""
    connection = place.sandbox.connection
    probe = Probe(
        connection.vantages["internet"], place.sandbox.credential(), connection.environment.patience, BackOff(0.02, 0.1)
    )
    return a_lessee(place.arm, place.targets, probe, place.folder, seconds=20.0)


def fails(what: str, kind: str, **more: int) -> dict[str, Any]:
    asked = REQUESTS[what]
    return {"kind": kind, "url": f"(?i){asked.url}", "method": asked.method, "retry_after": 1, **more}


def open_and_close(place: Place, in_closing: dict[str, Any] | None, in_opening: dict[str, Any] | None) -> None:
    leases = quick(place)
    azure(place).order_faults(*([in_opening] if in_opening else []))
    lease = leases.open(me(), here, TTL)
    if in_opening:
        assert azure(place).faults_happened() == [in_opening["times"]]
    assert [quick(place).probe.refusal(target) for target in place.targets] == [None, None]
    azure(place).order_faults(*([in_closing] if in_closing else []))
    closed = leases.close(lease)
    if in_closing:
        assert azure(place).faults_happened() == [in_closing["times"]]
    azure(place).order_faults()
    assert (closed.open_for, closed.unproven) == ({}, ())
    assert place.denied()


def cases() -> Iterator[Any]:
    """Each fault at each kind of request, while opening and while closing; a sample of them in every run."""
    sample = {("account's change", "committed"), ("journal's writing", "broken"), ("vault's change", "throttled")}
    for what in REQUESTS:
        for kind in KINDS if "probe" not in what else KINDS[:-1]:
            marks = () if (what, kind) in sample else (pytest.mark.slow,)
            yield pytest.param(what, kind, id=f"{what}, {kind}", marks=marks)


@pytest.mark.parametrize(("what", "kind"), list(cases()))
def test_what_passes_is_got_over(place: Place, what: str, kind: str) -> None:
    fault = fails(what, kind, times=1 if kind == "committed" else 2)
    open_and_close(place, fault, None if REQUESTS[what].closing_only else fault)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(what, marks=() if what == "vault's change" else (pytest.mark.slow,))
        for what in ("journal's writing", "account's change", "vault's change", "journal's forgetting", "vault's rules")
    ],
)
@pytest.mark.parametrize("kind", ["unavailable", "expired", "broken"])
def test_an_outage_in_closing_is_said_with_what_is_open(place: Place, what: str, kind: str) -> None:
    lease = quick(place).open(me(), here, TTL)
    azure(place).order_faults(fails(what, kind, times=10_000))
    with pytest.raises(LeftOpenError) as said:
        impatient(place).close(lease)
    azure(place).order_faults()
    message, names = said.value.message, {place.account: place.platform.account, place.vault: place.platform.vault}
    for id_, name in names.items():
        unreadable = id_ == place.vault and what == "vault's rules"
        assert (f"{name} still lets {HERE} in" in message) is (has_rule(place, id_) and not unreadable)
        assert (f"{name} may still let {HERE} in: its rules cannot be read" in message) is unreadable
    assert ("none of its rules is left, only its record" in message) is (what == "journal's forgetting")
    assert (said.value.hint or "").splitlines()[0] == f"toolkit firewall close dev {lease.id}"
    assert quick(place).close(quick(place).find(lease.id)).open_for == {}
    assert place.denied()


def test_an_outage_in_opening_that_lasts_is_said_with_both_errors(place: Place) -> None:
    azure(place).order_faults(
        fails("vault's change", "expired", times=10_000), fails("account's change", "expired", times=10_000, skip=1)
    )
    with pytest.raises(LeftOpenError) as said:
        impatient(place).open(me(), lambda: frozenset({HERE, PERSONS["value"]}), TTL)
    azure(place).order_faults()
    first, second, *_ = said.value.message.splitlines()
    assert "401" in first
    assert re.match(f"lease {said.value.lease.id} is not closed: .*401", second)
    assert [has_rule(place, id_) for id_ in (place.account, place.vault)] == [True, False]
    assert f"{place.platform.account} still lets {HERE} in" in said.value.message
    assert place.platform.vault not in said.value.message
    assert [closed.lease.id for closed in later(place).sweep()] == [said.value.lease.id]


def test_an_outage_before_anything_was_written_leaves_nothing(place: Place) -> None:
    azure(place).order_faults(fails("account's rules", "unavailable", times=10_000))
    with pytest.raises(HttpResponseError):
        impatient(place).open(me(), here, TTL)
    azure(place).order_faults()


def test_one_that_cannot_be_closed_is_no_obstacle_for_others(place: Place) -> None:
    """A sweep closes what it can, and an opening goes on."""
    left = quick(place).open(me(GONE), lambda: frozenset({"203.0.113.99", HERE}), TTL)
    also = Lease.new(me(GONE), TTL, datetime.now(UTC)).holding(place.vault, "203.0.113.98", ours=True)
    place.leases().journal.write(also)
    azure(place).order_faults({"kind": "expired", "url": f"(?i){LEASE}{left.id}", "method": "PUT", "times": 10_000})
    with pytest.raises(LeftOpenError, match=f"lease {left.id} is not closed"):
        quick(place).sweep()
    assert [lease.id for lease in quick(place).journal.read()] == [left.id]
    mine = quick(place).open(me(), here, TTL)
    assert left.id in quick(place).close(mine).open_for[place.platform.vault]
    azure(place).order_faults()
    assert [closed.lease.id for closed in quick(place).sweep()] == [left.id]


def test_who_cannot_sign_in_any_more_is_told_what_is_open(place: Place) -> None:
    """As a job whose federated token has expired: nobody can be asked."""
    lease = quick(place).open(me(), here, TTL)
    azure(place).order_faults({"kind": "expired", "url": "//login.microsoftonline.com/.*/token", "times": 10_000})
    with arm_client(place.sandbox.connection, place.sandbox.credential()) as arm:
        leases = a_lessee(arm, place.targets, quick(place).probe, place.folder, seconds=0.1)
        with pytest.raises(LeftOpenError) as said:
            leases.close(lease)
    azure(place).order_faults()
    for name in (place.platform.account, place.platform.vault):
        assert f"{name} may still let {HERE} in: its rules cannot be read" in said.value.message
    assert quick(place).close(lease).open_for == {}


@pytest.mark.parametrize("profile", ["worst", pytest.param("realistic", marks=pytest.mark.slow)])
def test_rules_that_arrive_late_are_waited_for_both_ways(place: Place, profile: str) -> None:
    azure(place).set_profile(profile, 0.02)
    try:
        lease = quick(place).open(me(), here, TTL)
        assert quick(place).close(lease).open_for == {}
    finally:
        azure(place).set_profile("instant", 0.0)
        azure(place).advance_clock(120)


def test_sweeps_of_one_lease_at_once(place: Place) -> None:
    """The record of a lease that is being written or deleted cannot be written: 409 until that has ended."""
    azure(place).set_profile("realistic", 0.05)
    try:
        left = quick(place).open(me(GONE), here, TTL)
        with ThreadPoolExecutor(3) as pool:
            closed = list(pool.map(lambda _: quick(place).sweep(), range(3)))
    finally:
        azure(place).set_profile("instant", 0.0)
        azure(place).advance_clock(120)
    assert {one.lease.id for some in closed for one in some} == {left.id}


def impatient(place: Place) -> Leases:
    return a_lessee(place.arm, place.targets, quick(place).probe, place.folder, seconds=0.1)


def later(place: Place) -> Leases:
    return a_lessee(
        place.arm, place.targets, quick(place).probe, place.folder, lambda: datetime.now(UTC) + TTL, seconds=20.0
    )


def has_rule(place: Place, id_: str) -> bool:
    return any(rule["value"].removesuffix("/32") == HERE for rule in place.network(id_)["ipRules"])
