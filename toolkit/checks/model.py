"""What a check is, how it says what it found, and what a run adds up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from azure.core.exceptions import AzureError

from toolkit.azure.denial import Denial
from toolkit.checks.causes import Cause, cause_of_skip

Severity = Literal["fatal", "warning"]
Outcome = Literal["PASS", "FAIL", "SKIP"]
# What makes a check pass: that something is possible and as it was meant, or that something is refused.
Expectation = Literal["access", "denial"]
Verdict = Literal["green", "red", "interrupted"]
# What a check found, for the reports: plain data, nothing secret.
Facts = Mapping[str, Any]


class CheckFailed(Exception):
    """What was expected does not hold; ``cause`` is the word for why that machines read.

    ``retry_seconds`` says how long it may take to become so by itself (eventual consistency), counted from the check's
    start; 0 when waiting cannot help.
    """

    def __init__(
        self,
        reason: str,
        *,
        cause: Cause = "differs",
        hint: str | None = None,
        retry_seconds: float = 0,
        facts: Facts | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cause = cause
        self.hint = hint
        self.retry_seconds = retry_seconds
        self.facts: Facts = facts or {}


class CheckSkipped(Exception):
    """Nothing can be proven here. ``requirement`` names what is missing: ``vantage:vnet``, ``feature:batch``. What it
    begins with is one of the words of toolkit/checks/causes.py.

    ``meant``: the environment's own data says that there is nothing to prove, so nobody has to allow the skip.
    """

    def __init__(self, requirement: str, reason: str, *, meant: bool = False) -> None:
        super().__init__(reason)
        self.cause: Cause = cause_of_skip(requirement)
        self.requirement = requirement
        self.reason = reason
        self.meant = meant


class CheckContext(Protocol):
    """One attempt of one check, as the engine sees it."""

    def prepare(self) -> None:
        """Raises CheckFailed or CheckSkipped when something that the check's record asks for is not there."""
        ...

    def explain(self, error: AzureError) -> Denial:
        """Why Azure refused."""
        ...

    def finalize(self) -> list[str]:
        """Clean up; what could not be cleaned up is returned as words."""
        ...


C = TypeVar("C", bound=CheckContext)


@dataclass(frozen=True, slots=True)
class Check(Generic[C]):
    """A record and a function, which gets a context and returns facts for the report when all is well.

    It raises CheckFailed or CheckSkipped, or lets an exception of an Azure SDK through, which toolkit.azure.denial
    explains; any other exception is a bug and fails the check. It never prints, exits or keeps state, and may be called
    again. ``vantage`` is the place that it acts from (None: the runner's own), ``identity`` who it acts as.
    ``outputs`` are the outputs of the platform that it reads, and it can read no other. ``feature`` is what the
    environment must have switched on for the check to mean anything. ``retry_seconds`` is how long rules of this kind
    take to arrive on Azure.

    ``depends`` are ids of checks without which this one can only say the same again in other words: when one of them
    fails, this one is skipped. ``deadline`` is how many seconds one attempt may take. ``controls`` are ids of
    toolkit/smoke/controls.py, which the check is evidence for. ``page`` is the page of docs/ that explains it.
    """

    id: str
    category: str
    title: str
    function: Callable[[C], Facts]
    vantage: str | None = None
    identity: str = "runner"
    outputs: tuple[str, ...] = ()
    feature: str | None = None
    severity: Severity = "fatal"
    retry_seconds: float = 0
    expectation: Expectation = "access"
    depends: tuple[str, ...] = ()
    deadline: float = 120
    controls: tuple[str, ...] = ()
    page: str = "checks"

    @property
    def anchor(self) -> str:
        return f"docs/{self.page}.md#{self.id}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check ended. ``hint`` is set for failures, ``requirement`` and ``skip_allowed`` for skips, and ``cause``
    for both.

    A skip for a failed prerequisite is allowed: the prerequisite is what makes the run red.
    """

    check: Check[Any]
    outcome: Outcome
    reason: str
    duration: float
    attempts: int
    cause: Cause | None = None
    hint: str | None = None
    requirement: str | None = None
    skip_allowed: bool = False
    facts: Facts = field(default_factory=dict)
    requests: tuple[Facts, ...] = ()

    @property
    def red(self) -> bool:
        """Whether the run fails because of it: a fatal check that failed, or was skipped although nobody allowed it."""
        if self.check.severity != "fatal" or self.outcome == "PASS":
            return False
        return self.outcome == "FAIL" or not self.skip_allowed


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run; ``results`` are in the registry's order.

    ``kind`` is what ran (``smoke``): the table of env.toml that allows its skips, and the name of its reports.
    ``circumstances`` say who ran it, on what and from where (toolkit/evidence.py). ``interrupted``: somebody ended it,
    and what had not ended by then was skipped. ``bodies`` are the answers of the control plane that the checks went by,
    which no report has: ``--collect`` hands them on.
    """

    kind: str
    environment: str
    run_id: str
    started_at: str
    duration: float
    results: tuple[CheckResult, ...]
    circumstances: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False
    bodies: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome == outcome for result in self.results)

    @property
    def green(self) -> bool:
        """Nothing red, and something proven: a run in which every check was skipped is no evidence."""
        return not self.interrupted and self.count("PASS") > 0 and not any(result.red for result in self.results)

    @property
    def verdict(self) -> Verdict:
        return "interrupted" if self.interrupted else "green" if self.green else "red"

    @property
    def failed_warnings(self) -> tuple[CheckResult, ...]:
        """What failed and does not make the run red. The exit code is 1 for it, too, unless somebody allows it."""
        return tuple(one for one in self.results if one.outcome == "FAIL" and not one.red)

    def holds(self, *, allow_warnings: bool = False) -> bool:
        """Whether every check that was not skipped passed, and no fatal one was skipped but as the environment allows:
        what an exit code of 0 says. ``allow_warnings``: whatever is not fatal may have failed."""
        return self.green and (allow_warnings or not self.failed_warnings)

    @property
    def allowing(self) -> str:
        """Where skips are allowed, for people."""
        return f"{self.kind}.allowed_skips in env.toml"

    @property
    def summary(self) -> str:
        """One line for people."""
        words = f"{self.count('PASS')} passed, {self.count('FAIL')} failed, {self.count('SKIP')} skipped"
        refused = sum(r.outcome == "SKIP" and r.red for r in self.results)
        if refused:
            words += f" ({refused} of them not allowed by {self.allowing})"
        if self.green and (warnings := len(self.failed_warnings)):
            words += f" ({'a warning' if warnings == 1 else f'{warnings} warnings'}, nothing fatal)"
        if not self.count("PASS"):
            words += ": nothing was proven"
        return f"interrupted: {words}" if self.interrupted else words


class CheckObserver(Protocol):
    """Told about progress, one call at a time, from the threads that run checks."""

    def started(self, check: Check[Any]) -> None: ...

    def retrying(self, check: Check[Any], attempt: int, reason: str, seconds_left: float) -> None: ...

    def finished(self, result: CheckResult) -> None: ...


class SilentCheckObserver:
    """An observer that says nothing."""

    def started(self, check: Check[Any]) -> None:
        """Nothing."""

    def retrying(self, check: Check[Any], attempt: int, reason: str, seconds_left: float) -> None:
        """Nothing."""

    def finished(self, result: CheckResult) -> None:
        """Nothing."""
