"""What the commands that drive Terraform share: progress and the plan's table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.environment import Environment
    from toolkit.terraform.events import ResourceProgress
    from toolkit.terraform.plan import PlanSummary

_LISTED = 100


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


def print_plan(terminal: Terminal, summary: PlanSummary, *, every: bool) -> None:
    """The summary as a table by module and action; with ``every``, each change below it."""
    from toolkit.terraform.plan import details

    rows = [
        [module, *(str(counts[action] or "") for action in summary.actions), str(sum(counts.values()))]
        for module, counts in summary.by_module()
    ]
    if rows:
        terminal.print_table(["module", *summary.actions, "all"], rows)
    dangerous = [c for c in summary.changes if c.action in ("replace", "delete")]
    listed = list(summary.changes) if every else dangerous if len(dangerous) < len(summary.changes) else []
    for change in listed[:_LISTED]:
        more = details(change)
        terminal.print(f"  {change.action:<8} {change.address}  {change.resource_type}{f'  ({more})' if more else ''}")
    if len(listed) > _LISTED:
        terminal.print(f"  … and {len(listed) - _LISTED} more")
    for output in summary.outputs if every else ():
        terminal.print(f"  output   {output}")
    for address in summary.drift:
        terminal.print(f"  changed outside Terraform: {address}", "yellow")
    for step in summary.steps:
        terminal.print(f"  besides: {step}")


def no_changes(environment: Environment, summary: PlanSummary) -> str:
    return f"No changes: {environment.name} matches its configuration ({summary.resources} resources)."


def command_line() -> str:
    """This command as it was typed, for whoever finds the environment locked."""
    return " ".join(["toolkit", *sys.argv[1:]])
