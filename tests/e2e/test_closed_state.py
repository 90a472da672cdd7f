"""An environment whose account of the states lets nobody of the internet in, worked on from there with leases."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.conftest import Toolkit
from tests.e2e.leases import HERE, check_each_kind
from toolkit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

INSIDE = "198.51.100.20"  # of the vantage vnet
STATUS = ("firewall", "status", "local", "--target", "state", "--json")


@pytest.fixture(scope="module")
def closed(toolkit: Toolkit) -> Toolkit:
    path = toolkit.project / "envs" / "local" / "env.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = [f'state_ip_rules = ["{INSIDE}"]' if line.startswith("state_ip_rules") else line for line in lines]
    path.write_text("\n".join([*changed, ""]), encoding="utf-8")
    return toolkit


def nothing_is_open(toolkit: Toolkit) -> None:
    (rules,) = toolkit.ok(*STATUS).json["rules"].values()
    assert rules == [{"address": INSIDE, "lease": False}]
    assert toolkit.ok(*STATUS).json["leases"] == []
    denied = toolkit("plan", "local")
    assert denied.code == 1
    assert "the firewall of the state account refuses this machine's address" in denied.err
    assert "--firewall-lease" in denied.err


def test_an_apply_from_nothing_lets_itself_in(closed: Toolkit) -> None:
    applied = closed.ok("apply", "local", "--firewall-lease")
    assert "there is no state yet to take a lease on" in applied.err
    assert f"is open for {HERE}" in applied.err
    nothing_is_open(closed)


@pytest.mark.parametrize(
    "command", ["plan local", "apply local --no-smoke", "bootstrap local --yes", "outputs local --refresh"]
)
def test_each_command_lets_itself_in_and_nobody_afterwards(closed: Toolkit, command: str) -> None:
    done = closed.ok(*command.split(), "--firewall-lease")
    assert f"is open for {HERE}" in done.err
    assert "is closed" in done.err
    nothing_is_open(closed)


def test_an_apply_that_was_killed_is_swept(closed: Toolkit) -> None:
    process = closed.start("apply", "local", "--no-smoke", "--firewall-lease")
    try:
        assert wait_until(lambda: [one for one in closed.ok(*STATUS).json["leases"] if one["state"] == "open"], 60)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert closed.ok(*STATUS).json["leases"]
    assert closed.ok("firewall", "sweep", "local", "--target", "state").out == "1 lease closed\n"
    nothing_is_open(closed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_plan_that_is_ended_closes_its_lease(closed: Toolkit, number: signal.Signals) -> None:
    process = closed.start("plan", "local", "--firewall-lease")
    assert wait_until(lambda: [one for one in closed.ok(*STATUS).json["leases"] if one["state"] == "open"], 60)
    process.send_signal(number)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130, out
    nothing_is_open(closed)


def test_each_kind_goes_through_an_apply_in_the_middle_of_a_lease(closed: Toolkit) -> None:
    check_each_kind(closed)


def test_a_destroy_lets_itself_in(closed: Toolkit) -> None:
    closed.ok("destroy", "local", "--firewall-lease")
    nothing_is_open(closed)


def test_a_later_apply_makes_it_again(closed: Toolkit) -> None:
    closed.ok("apply", "local", "--no-smoke", "--firewall-lease")
    assert closed("plan", "local", "--firewall-lease").code == 0
    nothing_is_open(closed)
