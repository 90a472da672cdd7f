"""Telling processes apart, and ending them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit import processes
from toolkit.processes import ProcessId, identify, terminating_like_an_interrupt


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


def test_sigterm_interrupts_and_its_former_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminating_like_an_interrupt():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
