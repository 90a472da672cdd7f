"""What the commands that drive Terraform share: progress.

On a terminal a live view: modules in flight, and one line for each that is through. In a CI system's log a part that
folds, and a sign of life when nothing happens. Elsewhere, and with ``-v``, a line for each resource.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from toolkit.cli.ci_log import folded
from toolkit.cli.heartbeat import start_heartbeat
from toolkit.cli.options import is_verbose
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.environment import Environment
    from toolkit.terraform.events import ResourceProgress
    from toolkit.terraform.flight import Flight, Pace
    from toolkit.terraform.plan import PlanSummary


class TerminalObserver:
    """Progress on stderr. ``environment``: whose last applies say how long this one may take."""

    def __init__(self, terminal: Terminal, environment: Environment | None = None) -> None:
        from toolkit.ci.provenance import ci_of

        self._terminal = terminal
        self._environment = environment
        self._ci = ci_of(os.environ)
        self._step = ""
        self._open = ExitStack()
        self._drawn = False
        self.flight: Flight | None = None
        if self._ci is not None:
            start_heartbeat(terminal, self)

    def step(self, text: str) -> None:
        self._step = text
        self._terminal.progress(text)

    def note(self, text: str) -> None:
        self._terminal.note(text)

    def begin(self, addresses: Sequence[str]) -> None:
        from toolkit.terraform.flight import Flight

        flight = self.flight = Flight(addresses, time.monotonic, self._last_pace(len(addresses)))
        if self._ci is not None:
            self._open.enter_context(folded(f"terraform apply: {flight.planned} changes"))
        elif self._terminal.can_redraw and not is_verbose():
            from toolkit.cli.live import lines

            unicode = self._terminal.unicode
            self._drawn = True
            self._open.enter_context(
                self._terminal.redrawn(lambda width, height: lines(flight, width, height // 2, unicode))
            )

    def end(self) -> None:
        self._open.close()
        self._drawn = False

    def resource(self, progress: ResourceProgress) -> None:
        from toolkit.cli.live import ended

        through = self.flight.take(progress) if self.flight is not None else None
        if self._drawn and progress.state != "failed":
            if through is not None:
                self._terminal.progress(ended(through), "green")
            return
        counter = f"{progress.finished:>3}/{progress.planned}" if progress.planned else ""
        words = f"{progress.action} {progress.address}"
        if progress.state == "done":
            self._terminal.progress(f"{counter} {words} ({progress.seconds:.0f}s)", "green")
        elif progress.state == "running" and self._ci is None:
            self._terminal.progress(f"{counter} still: {words} ({progress.seconds:.0f}s)")
        elif progress.state == "failed":
            self._terminal.progress(f"{counter} failed: {words} ({progress.seconds:.0f}s)", "bold red")

    def doing(self) -> str:
        """For the heartbeat."""
        from toolkit.cli.live import duration

        rows = self.flight.rows() if self.flight is not None else []
        if not rows or self.flight is None:
            return self._step
        slowest = max(rows, key=lambda row: row.slowest_seconds)
        where = f"{slowest.module}.{slowest.slowest} ({duration(slowest.slowest_seconds)})"
        return f"{self.flight.done} of {self.flight.planned} done, {len(rows)} modules in flight, slowest: {where}"

    def _last_pace(self, planned: int) -> Pace | None:
        from toolkit.evidence.pace import last_pace

        return last_pace(self._environment.evidence_dir, planned) if self._environment is not None else None


def no_changes(environment: Environment, summary: PlanSummary) -> str:
    return f"No changes: {environment.name} matches its configuration ({summary.resources} resources)."


def command_line() -> str:
    """This command as it was typed, for whoever finds the environment locked."""
    return " ".join(["toolkit", *sys.argv[1:]])
