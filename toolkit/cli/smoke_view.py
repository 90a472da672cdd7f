"""What is shown of checks while they run, and of what they found: a line per category, which opens on a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.cli.checks import show_failures, show_results
from toolkit.cli.options import is_verbose
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.checks.model import Check, CheckResult, RunResult

_STYLES = {"PASS": "green", "FAIL": "bold red", "SKIP": "yellow"}


@dataclass(slots=True)
class Category:
    """Of one run. ``ended`` are the results so far, of ``checks``."""

    name: str
    checks: int
    ended: list[CheckResult] = field(default_factory=list)

    @property
    def wrong(self) -> list[CheckResult]:
        return [one for one in self.ended if one.red or one.outcome == "FAIL"]

    @property
    def outcome(self) -> str:
        """``PASS``; ``FAIL`` when something is wrong, ``SKIP`` when nothing was proven."""
        if self.wrong:
            return "FAIL"
        return "PASS" if any(one.outcome == "PASS" for one in self.ended) else "SKIP"

    @property
    def counts(self) -> str:
        parts = [
            (self._count("PASS"), "passed"),
            (self._count("FAIL"), "failed"),
            (self._count("SKIP"), "skipped"),
        ]
        return ", ".join(f"{number} {word}" for number, word in parts if number)

    @property
    def seconds(self) -> float:
        """Of its slowest check: they run side by side."""
        return max((one.duration for one in self.ended), default=0.0)

    def _count(self, outcome: str) -> int:
        return sum(one.outcome == outcome for one in self.ended)


def by_category(results: Iterable[CheckResult]) -> list[Category]:
    """In the order in which they first appear."""
    found: dict[str, Category] = {}
    for one in results:
        category = found.setdefault(one.check.category, Category(one.check.category, 0))
        category.checks += 1
        category.ended.append(one)
    return list(found.values())


def show_result(terminal: Terminal, result: RunResult) -> None:
    """With ``-v`` a line for every check, else one for a category, and below it what did not pass."""
    from toolkit.checks.report import outcome_words

    if is_verbose():
        show_results(terminal, result)
        return
    for category in by_category(result.results):
        line = f"{category.outcome:<4}  {category.name:<20}  {category.counts}  ({category.seconds:.1f} s)"
        terminal.print(line, _STYLES[category.outcome])
        for one in category.wrong:
            terminal.print(f"        {outcome_words(one)} {one.check.id}: {one.reason}")
        if category.outcome == "SKIP":
            for reason in dict.fromkeys(one.reason for one in category.ended):
                terminal.print(f"        {reason}")
    show_failures(terminal, result)


class CheckProgress:
    """While they run: on a terminal a line per category that is drawn over; elsewhere one when a category is through.

    A line per check with ``-v`` and in the log of a CI job, where it folds. What fails, and what waits, is always said.
    """

    def __init__(self, terminal: Terminal, checks: Iterable[Check[Any]], *, each: bool) -> None:
        self._terminal = terminal
        self._each = each
        self._lock = threading.Lock()
        self._categories: dict[str, Category] = {}
        for check in checks:
            self._categories.setdefault(check.category, Category(check.category, 0)).checks += 1

    def shown(self) -> ExitStack:
        """Hold this while the checks run."""
        from toolkit.cli.ci_log import folded

        stack = ExitStack()
        if self._each:
            stack.enter_context(folded(f"smoke: {sum(one.checks for one in self._categories.values())} checks"))
        elif self._terminal.can_redraw:
            stack.enter_context(self._terminal.redrawn(self._lines))
        return stack

    def started(self, check: Check[Any]) -> None:
        """Too many at once to be worth a line."""

    def retrying(self, check: Check[Any], attempt: int, reason: str, seconds_left: float) -> None:
        if attempt == 1:
            self._terminal.progress(f"{check.id}: waiting up to {seconds_left:.0f} s, because {reason}", "yellow")

    def finished(self, result: CheckResult) -> None:
        with self._lock:
            category = self._categories.get(result.check.category)
            if category is not None:
                category.ended.append(result)
        if self._each or result.outcome == "FAIL":
            self._terminal.progress(
                f"{result.outcome} {result.check.id} ({result.duration:.1f} s)", _STYLES[result.outcome]
            )
        elif category is not None and len(category.ended) == category.checks:
            words = f"{category.outcome} {category.name}: {category.counts} ({category.seconds:.1f} s)"
            self._terminal.progress(words, _STYLES[category.outcome])

    def _lines(self, width: int, height: int) -> list[tuple[str, str]]:
        from toolkit.cli.live import bar

        unicode = self._terminal.unicode
        with self._lock:
            running = [one for one in self._categories.values() if len(one.ended) < one.checks]
            lines = [
                (
                    f"  {one.name:<20} {bar(len(one.ended), one.checks, 8, unicode)} {len(one.ended):>3}/{one.checks}",
                    "bold red" if one.wrong else "",
                )
                for one in running[: max(height // 2 - 1, 1)]
            ]
            done = sum(len(one.ended) for one in self._categories.values())
        planned = sum(one.checks for one in self._categories.values())
        return [
            (text[:width], style)
            for text, style in (*lines, (f"  {bar(done, planned, 20, unicode)} {done}/{planned}", "bold"))
        ]
