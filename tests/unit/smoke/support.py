"""Connections without a cloud behind them, a clock that only tests move, and small checks."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

from toolkit.checks.model import Check, CheckResult, Facts
from toolkit.environment import Connection, Vantage, load_environment
from toolkit.smoke.context import Context


def connection(*vantages: str, **changes: Any) -> Connection:
    """The dev environment's own data (az login, on Azure), with other vantages and keys."""
    names = vantages or ("internet",)
    environment = dataclasses.replace(load_environment("dev"), vantages=names, **changes)
    return Connection(environment, {name: Vantage(name, {}) for name in names}, operator=None)


def check(function: Callable[[Context], Facts], **changes: Any) -> Check[Context]:
    facts: dict[str, Any] = {"id": "storage-test", "category": "storage", "title": "All is well", "function": function}
    facts["controls"] = ("NS-2",)
    return Check(**{**facts, **changes})


class ManualClock:
    """Time passes only when somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.time += seconds
        return stop.is_set()


class Recorder:
    def __init__(self) -> None:
        self.events: list[str] = []

    def started(self, check: Check[Any]) -> None:
        self.events.append(f"started {check.id}")

    def retrying(self, check: Check[Any], attempt: int, reason: str, seconds_left: float) -> None:
        self.events.append(f"retrying {check.id} {attempt}: {reason}, {seconds_left:.0f} s left")

    def finished(self, result: CheckResult) -> None:
        self.events.append(f"finished {result.check.id} {result.outcome}")
