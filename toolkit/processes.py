"""Which process is which: a process id alone may name a stranger after a reboot or once it was used again."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PROC = Path("/proc")  # Linux; elsewhere ps(1) knows


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, told apart from a later one with the same number by when it started."""

    pid: int
    started: str

    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def end(self, grace_seconds: float = 5.0) -> None:
        """SIGTERM, then SIGKILL after the grace; returns when it is gone. Leaves a stranger with its number alone."""
        for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
            if not self.alive():
                return
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and self.alive():
                time.sleep(0.02)


def identify(pid: int) -> ProcessId | None:
    """The process that has this number now, None when there is none."""
    started = start_time(pid)
    return ProcessId(pid, started) if started else None


def start_time(pid: int) -> str | None:
    """When a live process started, in the platform's own words; None when it does not run (a zombie does not)."""
    if (_PROC / "self" / "stat").exists():
        try:
            stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        # The command in parentheses may hold spaces: proc_pid_stat(5). State is field 3, starttime field 22.
        fields = stat.rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for an exclusive lock on a file, hold it, free it; the kernel frees it when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def try_lock(path: Path) -> IO[str] | None:
    """The open, locked file, or None when another process holds it. Closing it frees the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
