"""A sign of life in a CI log: some systems end a job that says nothing for minutes, and people do, too."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

from toolkit.cli.terminal import Terminal

SECONDS = 30.0


class Working(Protocol):
    def doing(self) -> str:
        """What is under way, in one line; empty when nothing is."""
        ...


def start_heartbeat(terminal: Terminal, working: Working, seconds: float = SECONDS) -> threading.Thread:
    """A line after each ``seconds`` in which nothing was printed, for as long as somebody holds ``working``."""
    thread = threading.Thread(
        target=_beat, args=(terminal, weakref.ref(working), seconds), name="heartbeat", daemon=True
    )
    thread.start()
    return thread


def _beat(terminal: Terminal, reference: weakref.ref[Working], seconds: float) -> None:
    pause = threading.Event()
    while True:
        pause.wait(max(seconds - terminal.silent_for, seconds / 30))
        working = reference()
        if working is None:
            return
        if terminal.silent_for >= seconds and (doing := working.doing()):
            terminal.progress(f"still: {doing}")
        del working
