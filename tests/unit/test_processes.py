"""Telling processes apart, and locks that the kernel frees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit import processes
from toolkit.processes import ProcessId, identify, try_lock


def test_a_process_that_ended_is_not_there() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identify(child.pid) is None, "a zombie, not reaped yet, does not run"
    child.wait()
    assert identify(child.pid) is None


def test_end_stops_a_process_and_spares_a_later_one_with_its_number() -> None:
    child = subprocess.Popen(["sleep", "600"])
    try:
        identity = identify(child.pid)
        assert identity is not None
        ProcessId(child.pid, "another time").end()
        assert identity.alive()
        identity.end()
        assert not identity.alive()
    finally:
        child.kill()
        child.wait()


def test_end_insists_when_sigterm_is_ignored() -> None:
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        identity = identify(child.pid)
        assert identity is not None
        identity.end(grace_seconds=0.1)
        assert child.wait(10) == -9


def test_ps_tells_the_same_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS: the portable way must see a live process as live and a dead one as dead."""
    monkeypatch.setattr(processes, "_PROC", Path("/nowhere"))
    child = subprocess.Popen(["sleep", "600"])
    try:
        identity = identify(child.pid)
        assert identity is not None
        assert identity.alive()
    finally:
        child.kill()
        child.wait()
    assert not identity.alive()


def test_a_lock_is_free_when_its_holder_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = (
        "import sys, pathlib, signal; from toolkit.processes import try_lock;"
        "held = try_lock(pathlib.Path(sys.argv[1])); print('held', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert try_lock(path) is None
        holder.kill()
        holder.wait()
    lock = try_lock(path)
    assert lock is not None
    lock.close()
