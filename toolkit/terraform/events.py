"""Terraform's JSON stream: one dictionary a line, and what a run adds up to.

https://developer.hashicorp.com/terraform/internals/machine-readable-ui describes every message. Types that are not
named here are ignored, as that page asks of readers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

ResourceState = Literal["started", "running", "done", "failed"]

# What Terraform only says while it holds the lock of the state: the proof of `toolkit.terraform.statelock`.
WORKING = ("refresh_start", "refresh_complete", "planned_change", "resource_drift", "apply_start", "apply_complete")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or a warning of Terraform's, or of the provider's through it."""

    severity: str
    summary: str
    detail: str = ""
    address: str | None = None
    file: str | None = None
    line: int | None = None

    @property
    def text(self) -> str:
        """All words, for patterns to search in."""
        return f"{self.summary}\n{self.detail}"


@dataclass(frozen=True, slots=True)
class ResourceProgress:
    """One step of one resource during apply. ``finished`` of ``planned`` changes are done, this one included."""

    address: str
    action: str
    state: ResourceState
    seconds: float
    finished: int
    planned: int


class Observer(Protocol):
    """What the command line renders. Domain code tells it and goes on."""

    def step(self, text: str) -> None:
        """Work under way, in a few words."""

    def note(self, text: str) -> None:
        """Something that the user should know, that is no error."""

    def resource(self, progress: ResourceProgress) -> None:
        """A resource began, goes on, is done or failed."""

    def begin(self, addresses: Sequence[str]) -> None:
        """An apply begins. ``addresses``: of each change that it makes, twice for a replacement."""

    def end(self) -> None:
        """It is over, however it ended."""


class Silent:
    """An observer for those who only want the result."""

    def step(self, text: str) -> None: ...

    def note(self, text: str) -> None: ...

    def resource(self, progress: ResourceProgress) -> None: ...

    def begin(self, addresses: Sequence[str]) -> None: ...

    def end(self) -> None: ...


@dataclass(slots=True)
class Events:
    """What one run of Terraform said, as far as it matters afterwards."""

    observer: Observer = field(default_factory=Silent)
    planned: int = 0
    diagnostics: list[Diagnostic] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)
    unparsed: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Take in one line of stdout. A line that is no JSON object is kept as text (a crash, for example)."""
        try:
            event = json.loads(line)
            kind = event.get("type")
        except (ValueError, AttributeError):
            if line.strip():
                self.unparsed.append(line.rstrip())
            return
        if kind == "diagnostic":
            self.diagnostics.append(_diagnostic(event["diagnostic"]))
        elif kind == "outputs":
            # Sensitive values are left out by Terraform itself: nothing secret passes through here.
            self.outputs = {name: item["value"] for name, item in event["outputs"].items() if "value" in item}
        elif kind == "change_summary":
            self.changes = {key: value for key, value in event["changes"].items() if isinstance(value, int)}
        elif kind in _HOOKS:
            self._resource(event["hook"], _HOOKS[kind])

    @property
    def errors(self) -> list[Diagnostic]:
        return [diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        return [diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "warning"]

    def _resource(self, hook: dict[str, Any], state: ResourceState) -> None:
        address, action = hook["resource"]["addr"], hook["action"]
        if action == "read":  # data sources: many, quick, and nothing that changes
            return
        if state == "done":
            self.applied.append(address)
        elif state == "failed":
            self.failed.append(address)
        seconds = float(hook.get("elapsed_seconds", 0))
        self.observer.resource(
            ResourceProgress(address, action, state, seconds, len(self.applied), max(self.planned, len(self.applied)))
        )


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. ``signals`` counts the interrupts that reached it; three mean that it was killed."""

    command: str
    returncode: int
    events: Events
    stdout: str
    stderr: str
    signals: int

    @property
    def killed(self) -> bool:
        return self.returncode < 0


_HOOKS: dict[str, ResourceState] = {
    "apply_start": "started",
    "apply_progress": "running",
    "apply_complete": "done",
    "apply_errored": "failed",
}


def _diagnostic(item: dict[str, Any]) -> Diagnostic:
    where = item.get("range") or {}
    return Diagnostic(
        severity=item["severity"],
        summary=item["summary"],
        detail=item.get("detail", ""),
        address=item.get("address"),
        file=where.get("filename"),
        line=(where.get("start") or {}).get("line"),
    )
