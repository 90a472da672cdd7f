"""A command under a lease: its exit code and its signals, in real processes, and what they leave."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SandboxForTests
from tests.contract.leases import HERE, TTL, Place, a_lessee, a_place, here, left_as_it_was, me
from toolkit.firewall.kinds import target_of
from toolkit.sandbox.client import find_running, sandbox_paths
from toolkit.waiting import wait_until

pytestmark = pytest.mark.contract

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


@pytest.fixture(scope="module")
def place(sandbox: SandboxForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = sandbox.connection.environment.state_dir / "leases"
    folder.mkdir(parents=True, exist_ok=True)
    with a_place(sandbox, folder) as place:
        yield place


def firewall(place: Place, verb: str, *arguments: str) -> subprocess.Popen[str]:
    project = place.sandbox.connection.environment.project.root
    return subprocess.Popen(
        [sys.executable, "-m", "toolkit", "firewall", verb, "local", *arguments],
        env={**os.environ, "TOOLKIT_PROJECT": str(project)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_the_command_and_its_lease(place: Place, tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready"
    program = (
        f"import pathlib, signal, sys; signal.signal({int(number)}, lambda *_: sys.exit(42)); "
        f"pathlib.Path({str(ready)!r}).write_text('x'); signal.pause()"
    )
    with left_as_it_was(place):
        with firewall(place, "run", "--target", place.account, "--", sys.executable, "-c", program) as running:
            assert wait_until(ready.exists, 60)
            assert not place.denied()
            running.send_signal(number)
            said = running.communicate(timeout=60)[1]
        assert running.returncode == 42, said
        assert place.denied()


@pytest.mark.slow
def test_a_killed_one_is_shown_and_swept(place: Place, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with left_as_it_was(place):
        command = ("sh", "-c", f"echo $$ > {ready}.new; mv {ready}.new {ready}; exec sleep 600 >/dev/null 2>&1")
        with firewall(place, "run", "--target", place.account, "--", *command) as running:
            assert wait_until(ready.exists, 60)
            running.kill()
            running.communicate(timeout=60)
        os.kill(int(ready.read_text()), signal.SIGKILL)  # what it ran outlives it
        shown = json.loads(firewall(place, "status", "--target", place.account, "--json").communicate(timeout=60)[0])
        assert [lease["state"] for lease in shown["leases"]] == ["open"]
        assert {"address": HERE, "lease": True} in shown["rules"][place.platform.account]
        swept = firewall(place, "sweep", "--target", place.account).communicate(timeout=60)[0]
        assert swept == "1 lease closed\n"
        assert place.denied()


def test_a_lease_that_stays_open_is_not_hidden_by_the_command_s_success(place: Place) -> None:
    azure = find_running(sandbox_paths(place.sandbox.connection.environment.project.root))
    assert azure is not None
    fault = {"kind": "expired", "url": "(?i)/storageAccounts/", "method": "PATCH", "skip": 1, "times": 1000}
    with left_as_it_was(place):
        azure.order_faults(fault)
        with firewall(place, "run", "--target", place.account, "--", "true") as running:
            said = running.communicate(timeout=60)[1]
        azure.order_faults()
        assert running.returncode == 1
        assert "true ended with the exit code 0" in said
        assert f"storage account {place.platform.account.lower()} still lets {HERE} in" in said
        closes = re.search(r"toolkit (firewall close local [0-9a-f]+)", said)
        assert closes, said
        closing = firewall(place, "close", "--target", place.account, closes[1].rsplit(" ", 1)[1])
        assert closing.wait(60) == 0, closing.communicate()
        assert place.denied()


def test_a_target_is_asked_once_a_second_at_most(place: Place) -> None:
    """From opening to closing, while rules arrive one front end after the other: as the sandbox counts requests."""
    paths = sandbox_paths(place.sandbox.connection.environment.project.root)
    azure = find_running(paths)
    assert azure is not None
    azure.set_profile("worst", 0.01)
    before = len(paths.request_log.read_text().splitlines())
    try:
        with left_as_it_was(place):
            leases = a_lessee(place.arm, [target_of(place.account)], place.leases().probe, place.folder)
            leases.close(leases.open(me(), here, TTL))
    finally:
        azure.set_profile("instant", 0.0)
        azure.advance_clock(120)
    lines = [json.loads(line) for line in paths.request_log.read_text().splitlines()[before:]]
    times = [line["time"] for line in lines if f"//{place.platform.account}.blob." in line["url"]]
    assert len(times) >= 4
    assert len(times) - 1 <= times[-1] - times[0] + 0.5  # they do not all take the same way long to arrive
