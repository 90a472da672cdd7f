"""Leases on a real account and a real vault of the sandbox, by the real clients: opened, proven, closed, swept."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SandboxForTests
from tests.contract.test_blob_keyvault_dns import LOCATION, Platform
from toolkit.azure.arm import arm_client
from toolkit.azure.pipeline import RestClient
from toolkit.errors import RefusedError, ToolkitError, UsageError
from toolkit.firewall.journal import Journal
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.leases import Leases
from toolkit.firewall.model import Lease, Owner
from toolkit.firewall.probing import Probe
from toolkit.firewall.rules import Rules
from toolkit.processes import ProcessId, identify
from toolkit.waiting import wait_until

pytestmark = pytest.mark.contract

HERE = "203.0.113.10"  # of the vantage internet
PERSONS = {"action": "Allow", "value": "198.51.100.77"}
RANGE = {"action": "Allow", "value": "192.0.2.128/25"}
DETACHED = ProcessId(0, "")
TTL = timedelta(minutes=30)


class Place:
    """A closed account and a closed vault, with rules of a person's, and who takes leases on them."""

    def __init__(self, sandbox: SandboxForTests, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.platform = platform = Platform(sandbox)
        self.account = f"{platform.group}/providers/Microsoft.Storage/storageAccounts/{platform.account}"
        self.vault = f"{platform.group}/providers/Microsoft.KeyVault/vaults/{platform.vault}"
        self.write_account([PERSONS, RANGE])
        acls = {"defaultAction": "Deny", "bypass": "None", "ipRules": [{"value": "198.51.100.77/32"}]}
        properties = {
            "tenantId": sandbox.tenant_id,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "networkAcls": acls,
        }
        platform.put(self.vault, "2023-07-01", {"location": LOCATION, "properties": properties})
        self.arm = arm_client(sandbox.connection, sandbox.credential()).__enter__()

    def write_account(self, rules: list[dict[str, str]], **others: Any) -> None:
        acls = {"defaultAction": "Deny", "bypass": "Logging, Metrics", "ipRules": rules}
        kind = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        body = {"location": LOCATION, **kind, "properties": {"networkAcls": acls, **others}}
        self.platform.put(self.account, "2023-05-01", body)

    @property
    def targets(self) -> list[Target]:
        return [target_of(self.account), target_of(self.vault)]

    def leases(self, client: RestClient | None = None, now: Callable[[], datetime] | None = None) -> Leases:
        connection = self.sandbox.connection
        probe = Probe(connection.vantages["internet"], self.sandbox.credential(), connection.environment.patience)
        more = {"now": now} if now else {}
        return Leases(client or self.arm, self.platform.group, self.targets, probe, self.folder, print, **more)

    def network(self, id_: str) -> dict[str, Any]:
        acls: dict[str, Any] = self.platform.send("GET", id_, "2023-05-01" if id_ == self.account else "2023-07-01")[
            "properties"
        ]["networkAcls"]
        return acls

    def settings(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.network(self.account), self.network(self.vault)

    def denied(self) -> bool:
        return all(self.leases().probe.refusal(target) is not None for target in self.targets)


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(sandbox, tmp_path_factory.mktemp("leases"))
    yield place
    place.arm.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def unchanged(place: Place) -> Iterator[None]:
    """Whatever a test does: the settings are as they were, byte for byte, and the journal is empty."""
    before = place.settings()
    yield
    assert place.settings() == before
    assert place.leases().journal.read() == []
    assert list(place.folder.iterdir()) == []


def me(process: ProcessId = DETACHED, host: str | None = None) -> Owner:
    return Owner("the tests", host or socket.gethostname(), process)


def here() -> frozenset[str]:
    return frozenset({HERE})


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
    gone = ProcessId(2**22 - 1, "never")
    alive = place.leases().open(me(here_now), here, TTL)
    elsewhere = place.leases().open(me(gone, host="another machine"), lambda: frozenset({"203.0.113.12"}), TTL)
    dead = place.leases().open(me(gone), lambda: frozenset({"203.0.113.10", "203.0.113.11"}), TTL)
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


def cut_at(place: Place, number: int, *, after: bool) -> bool:
    """Open and close, ended at that change; the sweep then leads back. False when it was over before."""
    client: Any = Cutting(place.arm, number, after=after)
    gone = ProcessId(2**22 - 1, "never")
    try:
        lease = place.leases(client).open(me(gone), here, TTL)
        place.leases(client).close(lease)
    except Cut:
        place.leases().sweep()
        return True
    return False


@pytest.mark.parametrize(
    "after", [pytest.param(False, id="before", marks=pytest.mark.slow), pytest.param(True, id="after")]
)
def test_killed_at_a_change_the_sweep_leads_back(place: Place, *, after: bool) -> None:
    before = place.settings()
    number = 1
    while cut_at(place, number, after=after):
        assert place.settings() == before, number
        assert place.leases().journal.read() == [], number
        number += 1
    assert number > 6


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
                lease = journal.close(lease)
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


COMMAND = textwrap.dedent("""
    import sys
    from datetime import timedelta
    from pathlib import Path
    from toolkit.firewall.command import run_command, undisturbed
    with undisturbed(lambda _: None):
        pass
    Path(sys.argv[1]).write_text("begun")
    sys.exit(run_command([sys.executable, "-c", sys.argv[2]], {"GIVEN": "by the place"}))
""")


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import os, sys; sys.exit(os.environ['GIVEN'] != 'by the place')", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
    ],
)
def test_a_command_s_exit_code_is_passed_through(tmp_path: Path, program: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND, str(tmp_path / "begun"), program], check=False)
    assert done.returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_gets_the_signals(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready"
    program = (
        "import pathlib, signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        f"pathlib.Path({str(ready)!r}).write_text('x')\n"
        "signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", COMMAND, str(tmp_path / "begun"), program]) as process:
        assert wait_until(ready.exists, 30)
        process.send_signal(number)
        assert process.wait(30) == 42
