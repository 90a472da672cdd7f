"""What the commands that drive Terraform share: progress."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.environment import Environment
    from toolkit.terraform.events import ResourceProgress
    from toolkit.terraform.plan import PlanSummary


class TerminalObserver:
    """Progress on stderr: a line when a resource is done, and one every ten seconds while it lasts."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def step(self, text: str) -> None:
        self._terminal.progress(text)

    def note(self, text: str) -> None:
        self._terminal.note(text)

    def resource(self, progress: ResourceProgress) -> None:
        counter = f"{progress.finished:>3}/{progress.planned}" if progress.planned else ""
        words = f"{progress.action} {progress.address}"
        if progress.state == "done":
            self._terminal.progress(f"{counter} {words} ({progress.seconds:.0f}s)", "green")
        elif progress.state == "running":
            self._terminal.progress(f"{counter} still: {words} ({progress.seconds:.0f}s)")
        elif progress.state == "failed":
            self._terminal.progress(f"{counter} failed: {words} ({progress.seconds:.0f}s)", "bold red")


def no_changes(environment: Environment, summary: PlanSummary) -> str:
    return f"No changes: {environment.name} matches its configuration ({summary.resources} resources)."


def command_line() -> str:
    """This command as it was typed, for whoever finds the environment locked."""
    return " ".join(["toolkit", *sys.argv[1:]])
