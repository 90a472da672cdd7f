"""Processes: which one is which, and how one is ended.

A process id alone may name a stranger after a reboot, or once it was used again.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from toolkit.waiting import wait_until

_PROC = Path("/proc")  # Linux; elsewhere ps(1) knows

# What a program that :func:`once_known` holds back reads before it begins.
KNOWN = b"\n"


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
            wait_until(lambda: not self.alive(), patience)


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


def once_known(command: Sequence[str]) -> list[str]:
    """A command that begins when :data:`KNOWN` comes on its stdin, and never when stdin is closed before.

    So it can be written down which process it is before it does anything: one that nobody knows would go on after a
    kill -9 of its parent between the two. The number of the process and its start time stay; its own stdin is empty.
    """
    return ["/bin/sh", "-c", 'read -r known && exec "$0" "$@" </dev/null', *command]


def require_executable(path: str) -> None:
    """Raises OSError as starting it would: what the shell of :func:`once_known` says of it has no errno."""
    Path(path).stat()
    if not os.access(path, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


@contextmanager
def handling(numbers: Sequence[signal.Signals], handler: Callable[[int], None]) -> Iterator[None]:
    """``handler`` gets these signals in here. One that is ignored (SIGHUP under nohup) stays so."""

    def handle(number: int, frame: FrameType | None) -> None:
        handler(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread handle signals
        return
    before = {number: old for number in numbers if (old := signal.getsignal(number)) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def terminating_like_an_interrupt(*further: signal.Signals) -> Iterator[None]:
    """SIGTERM, which a CI system sends when a job is cancelled, ends what runs in here as Ctrl-C does: in order.

    So do the signals that are named besides.
    """

    def interrupt(number: int) -> None:
        raise KeyboardInterrupt

    with handling((signal.SIGTERM, *further), interrupt):
        yield
