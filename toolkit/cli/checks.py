"""What smoke and doctor show of checks: the same table, list, explanation and lines of progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.checks.model import Check, CheckResult, RunResult


def show_results(terminal: Terminal, result: RunResult) -> None:
    """A line for each check, then what did not pass."""
    from toolkit.checks.report import outcome_words

    terminal.print_table(
        ["check", "outcome", "time", "what was found"],
        [[one.check.id, outcome_words(one), f"{one.duration:.1f} s", one.reason] for one in result.results],
    )
    show_failures(terminal, result)


def show_failures(terminal: Terminal, result: RunResult) -> None:
    """What was found, the way out, and where it is explained."""
    from toolkit.checks.report import chain_lines

    for one in result.results:
        if one.outcome == "FAIL" or one.red:
            terminal.print(f"\n{one.check.id}: {one.reason}", "bold red" if one.red else "yellow")
            if one.hint:
                terminal.print(f"  hint: {one.hint}")
            for line in chain_lines(one.facts):
                terminal.print(f"  {line}")
            terminal.print(f"  see:  {one.check.anchor}")


def list_checks(terminal: Terminal, checks: Sequence[Check[Any]], as_json: bool) -> None:
    rows = [(c.id, c.category, c.vantage or "runner", c.identity, c.severity, c.expectation, c.title) for c in checks]
    columns = ["check", "category", "vantage", "identity", "severity", "expectation", "title"]
    if as_json:
        terminal.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        terminal.print_table(columns, rows)


def explain_check(terminal: Terminal, check: Check[Any], document: Path, as_json: bool) -> None:
    """``document`` is the page of docs/ with the check's section."""
    from toolkit.smoke.explain import explain

    said = explain(check, document)
    facts = {
        "id": check.id,
        "title": check.title,
        "category": check.category,
        "severity": check.severity,
        "expectation": check.expectation,
        "acts": said.acts,
        "depends": list(check.depends),
        "proves": said.proves,
        "a_failure_means": said.failure or "see its reason",
        "fix": said.fix or "see its hint",
        "controls": said.controls,
        "documentation": check.anchor,
    }
    if as_json:
        terminal.print_json(facts)
    else:
        for name, value in facts.items():
            words = "; ".join(value) or "nothing" if isinstance(value, list) else value
            terminal.print(f"{name.replace('_', ' ')}: {words}")


class CheckProgress:
    """One line per check that ended, and one when a check begins to wait."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def started(self, check: Check[Any]) -> None:
        """Too many at once to be worth a line."""

    def retrying(self, check: Check[Any], attempt: int, reason: str, seconds_left: float) -> None:
        if attempt == 1:
            self._terminal.progress(f"{check.id}: waiting up to {seconds_left:.0f} s, because {reason}", "yellow")

    def finished(self, result: CheckResult) -> None:
        style = {"PASS": "green", "FAIL": "bold red", "SKIP": "yellow"}[result.outcome]
        self._terminal.progress(f"{result.outcome} {result.check.id} ({result.duration:.1f} s)", style)
