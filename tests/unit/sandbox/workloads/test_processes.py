"""Azure's code as processes: what it gets, how it ends, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from toolkit.processes import start_time
from toolkit.sandbox.store import Store
from toolkit.sandbox.workloads.processes import Outcome, Workloads
from toolkit.waiting import wait_until

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state.sqlite3")


def run(
    store: Store, folder: Path, script: str, seconds: float | None = None, environment: Mapping[str, str] = ENVIRONMENT
) -> tuple[Outcome, str]:
    log = folder / "log"
    outcome = asyncio.run(Workloads(store).run("a", ("/bin/bash", "-c", script), folder, environment, log, seconds))
    return outcome, log.read_text()


def test_it_gets_its_own_environment_and_nothing_else(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "secret")
    outcome, log = run(store, tmp_path, "env; echo err >&2; pwd", environment={**ENVIRONMENT, "GIVEN": "1"})
    assert outcome == Outcome("exited", 0)
    assert "GIVEN=1" in log
    assert "err" in log
    assert str(tmp_path) in log
    assert "secret" not in log


def test_exit_codes_and_time(store: Store, tmp_path: Path) -> None:
    assert run(store, tmp_path, "exit 7")[0] == Outcome("exited", 7)
    assert run(store, tmp_path, "kill -9 $$")[0] == Outcome("exited", -9)
    assert run(store, tmp_path, "sleep 60", 0.2)[0] == Outcome("timed out", -15)


def test_background_children_end_with_it(store: Store, tmp_path: Path) -> None:
    _, log = run(store, tmp_path, "sleep 300 & echo $!")
    child = int(log.split()[0])
    assert wait_until(lambda: start_time(child) is None, 10)
    assert store.documents("workload") == []


def test_cancelling(store: Store, tmp_path: Path) -> None:
    async def cancelled() -> Outcome:
        workloads = Workloads(store)
        assert workloads.cancel("a") is False
        command = ("/bin/bash", "-c", "echo up; sleep 300")
        task = asyncio.create_task(workloads.run("a", command, tmp_path, ENVIRONMENT, tmp_path / "log"))
        while "up" not in (tmp_path / "log").read_text() if (tmp_path / "log").exists() else True:
            await asyncio.sleep(0.02)
        assert workloads.cancel("a") is True
        return await task

    assert asyncio.run(cancelled()) == Outcome("canceled", -15)


def test_what_a_killed_daemon_left_is_ended_and_a_stranger_is_not(store: Store, tmp_path: Path) -> None:
    """A child that runs a workload and is killed, as the daemon is with kill -9."""
    script = tmp_path / "daemon.py"
    script.write_text(
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from toolkit.sandbox.store import Store\nfrom toolkit.sandbox.workloads.processes import Workloads\n"
        "folder = Path(sys.argv[1])\n"
        "command = ('/bin/bash', '-c', 'sleep 300 & echo $! $$; sleep 300')\n"
        "workloads = Workloads(Store(folder / 'state.sqlite3'))\n"
        "asyncio.run(workloads.run('a', command, folder, {'PATH': '/usr/bin:/bin'}, folder / 'log'))\n"
    )
    import subprocess
    import sys

    daemon = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    log = tmp_path / "log"
    assert wait_until(lambda: log.exists() and len(log.read_text().split()) == 2, 30)
    assert wait_until(lambda: bool(store.documents("workload")), 10)
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait()
    left = [int(pid) for pid in log.read_text().split()]
    assert all(start_time(pid) for pid in left)
    stranger = subprocess.Popen(["sleep", "300"], start_new_session=True)
    try:
        store.put_document("workload", "b", {"pid": stranger.pid, "started": "another boot:1"})
        assert Workloads(store).end_leftovers() == ["a", "b"]
        assert wait_until(lambda: not any(start_time(pid) for pid in left), 10)
        assert stranger.poll() is None
        assert store.documents("workload") == []
    finally:
        stranger.kill()
        stranger.wait()
