"""What a check is, how it says what it found, and what a run adds up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from toolkit.vantages import VantageName

if TYPE_CHECKING:
    from toolkit.smoke.context import Context

Category = Literal["dns", "storage", "keyvault", "adf", "workspace", "rbac", "posture"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
Severity = Literal["fatal", "warning"]
# "runner" is env.toml's credential, the next three are the probe identities that bootstrap makes.
Identity = Literal["runner", "reader", "writer", "nobody", "anonymous"]
Outcome = Literal["PASS", "FAIL", "SKIP"]
Evidence = Mapping[str, Any]


class CheckFailed(Exception):
    """The platform is not as it should be.

    ``retry_seconds`` says how long it may take to become so by itself (eventual consistency), counted from the check's
    start; 0 when waiting cannot help.
    """

    def __init__(
        self, reason: str, *, hint: str | None = None, retry_seconds: float = 0, evidence: Evidence | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.retry_seconds = retry_seconds
        self.evidence: Evidence = evidence or {}


class CheckSkipped(Exception):
    """This runner cannot act from or as what the check needs. ``requirement`` names it: ``vantage:vnet``."""

    def __init__(self, requirement: str, reason: str) -> None:
        super().__init__(reason)
        self.requirement = requirement
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Check:
    """A record and a function, which gets a Context and returns evidence (facts for the report) when all is well.

    It raises CheckFailed or CheckSkipped, or lets an exception of an Azure SDK through, which toolkit.azure.denial
    explains; any other exception is a bug and fails the check. It never prints, exits or keeps state, and may be called
    again. ``vantage`` None is the runner's own place. ``retry_seconds`` is how long rules of this kind take to arrive
    on Azure. ``outputs`` are the platform's outputs without which the check cannot run.
    """

    id: str
    category: Category
    title: str
    function: Callable[[Context], Evidence]
    vantage: VantageName | None = None
    identity: Identity = "runner"
    outputs: tuple[str, ...] = ()
    severity: Severity = "fatal"
    retry_seconds: float = 0

    @property
    def anchor(self) -> str:
        return f"docs/checks.md#{self.id}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check ended. ``hint`` is set for failures; ``requirement`` and ``skip_allowed`` for skips."""

    check: Check
    outcome: Outcome
    reason: str
    duration: float
    attempts: int
    hint: str | None = None
    requirement: str | None = None
    skip_allowed: bool = False
    evidence: Evidence = field(default_factory=dict)

    @property
    def red(self) -> bool:
        """Whether the run fails because of it: a failure (but of a warning), or a skip that env.toml does not allow."""
        if self.outcome == "FAIL":
            return self.check.severity == "fatal"
        return self.outcome == "SKIP" and not self.skip_allowed


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """A whole run; ``results`` are in the registry's order."""

    environment: str
    run_id: str
    started_at: str
    duration: float
    results: tuple[CheckResult, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome == outcome for result in self.results)

    @property
    def green(self) -> bool:
        """Nothing red, and something proven: a run in which every check was skipped is no evidence."""
        return self.count("PASS") > 0 and not any(result.red for result in self.results)

    @property
    def summary(self) -> str:
        """One line for people."""
        words = f"{self.count('PASS')} passed, {self.count('FAIL')} failed, {self.count('SKIP')} skipped"
        refused = sum(r.outcome == "SKIP" and not r.skip_allowed for r in self.results)
        if refused:
            words += f" ({refused} of them not allowed by smoke.allowed_skips in env.toml)"
        if not self.count("PASS"):
            words += ": nothing was proven"
        return words

    def as_json(self) -> dict[str, Any]:
        """The run as plain data: what smoke.json holds."""
        from toolkit.smoke.report import as_document

        return as_document(self)


class Observer(Protocol):
    """Told about progress, one call at a time, from the threads that run checks."""

    def started(self, check: Check) -> None: ...

    def retrying(self, check: Check, attempt: int, reason: str, seconds_left: float) -> None: ...

    def finished(self, result: CheckResult) -> None: ...


class Silent:
    """An observer that says nothing."""

    def started(self, check: Check) -> None:
        """Nothing."""

    def retrying(self, check: Check, attempt: int, reason: str, seconds_left: float) -> None:
        """Nothing."""

    def finished(self, result: CheckResult) -> None:
        """Nothing."""


def ordered(results: Sequence[CheckResult], checks: Sequence[Check]) -> tuple[CheckResult, ...]:
    position = {check.id: number for number, check in enumerate(checks)}
    return tuple(sorted(results, key=lambda result: position[result.check.id]))
