"""Runs checks: in parallel and in the order of their prerequisites, again while waiting can help, none for ever.

A thread cannot be killed in Python. A check that outlives its deadline fails, and its thread is given up: it takes no
part in the run any more, cleans up by itself when it wakes, and is a daemon, so that the process does not wait for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Generic, Protocol

from toolkit.checks.attempts import attempt, result_of
from toolkit.checks.causes import Cause
from toolkit.checks.model import (
    C,
    Check,
    CheckFailed,
    CheckObserver,
    CheckResult,
    CheckSkipped,
    SilentCheckObserver,
)
from toolkit.errors import ToolkitError, UsageError, nearest

WORKERS = 8
_FIRST_DELAY, _LONGEST_DELAY = 1.0, 15.0
# How long an interrupted run waits for its checks to clean up; what is left then, the next run sweeps.
CLEAN_UP_SECONDS = 120.0


class Clock(Protocol):
    """Time, so that tests need none."""

    def now(self) -> float: ...

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Let ``seconds`` pass; True at once when ``stop`` is set."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.monotonic()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return stop.wait(seconds)


class ChecksInterrupted(KeyboardInterrupt):
    """Somebody ended the run; ``results`` has every check, those that had not ended as skipped."""

    def __init__(self, results: tuple[CheckResult, ...]) -> None:
        super().__init__()
        self.results = results


class ChecksLost(Exception):
    """Nothing answers any more, so that every further failure would say only that; ``results`` as of an interrupt."""

    def __init__(self, error: ToolkitError) -> None:
        super().__init__(error.message)
        self.error = error
        self.results: tuple[CheckResult, ...] = ()


# What passes by itself within moments, however little patience there is for rules and roles: a connection that broke,
# an answer of somebody who is overloaded. A POST is not repeated below this, since nobody knows whether it was done.
_TRANSIENT: tuple[Cause, ...] = ("unreachable", "unavailable", "throttled")
_AT_ONCE = 2

# What a check fails with when the world around it is gone, or only its own part of it: somebody has to look.
_MAY_BE_LOST: tuple[Cause, ...] = (
    *("unreachable", "unavailable", "proxy", "name-resolution", "private-dns", "sign-in", "unexpected"),
)


def run_checks(
    checks: Sequence[Check[C]],
    open_context: Callable[[Check[C]], C],
    *,
    allowed_skips: Sequence[str] = (),
    patience: float = 1,
    observer: CheckObserver | None = None,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
    earlier: Sequence[CheckResult] = (),
    lost: Callable[[], ToolkitError | None] = lambda: None,
) -> tuple[CheckResult, ...]:
    """Run ``checks``, each attempt in a context of its own, and say in their order how each ended.

    ``patience`` scales every retry budget; ``stop`` is set on an interrupt; ``earlier`` are results of the same run,
    which may be prerequisites, too. ``lost`` is asked after a failure that may be the end of everything, and says what
    is gone. Raises ChecksInterrupted and ChecksLost, once every check that ran has cleaned up.
    """
    engine = _Engine(
        open_context,
        allowed_skips,
        patience,
        _Serialised(observer or SilentCheckObserver()),
        clock or SystemClock(),
        stop or threading.Event(),
        lost,
    )
    return engine.run(checks, earlier)


def validate_allowed_skips(patterns: Sequence[str], known: Collection[str], kind: str) -> None:
    """An entry with a typing error would never match, and the run would be red for no visible reason."""
    for pattern in patterns:
        if pattern.startswith(("vantage:", "identity:", "right:")) or any(fnmatchcase(name, pattern) for name in known):
            continue
        close = nearest(pattern, known)
        raise UsageError(
            f"env.toml: {kind}.allowed_skips names {pattern!r}, which matches no check",
            hint=f"{f'did you mean {close}? ' if close else ''}toolkit {kind} ENV --list shows them",
        )


@dataclass(slots=True)
class _Job(Generic[C]):
    """A check that runs. ``since`` is when its attempt began, None between two of them."""

    check: Check[C]
    begin: float
    since: float | None = None
    attempts: int = 0
    thread: threading.Thread | None = None


@dataclass(slots=True)
class _Engine(Generic[C]):
    open: Callable[[Check[C]], C]
    allowed_skips: Sequence[str]
    patience: float
    observer: CheckObserver
    clock: Clock
    stop: threading.Event
    lost: Callable[[], ToolkitError | None]
    changed: threading.Condition = field(default_factory=threading.Condition)
    running: dict[str, _Job[C]] = field(default_factory=dict)
    ended: dict[str, CheckResult] = field(default_factory=dict)
    broken: BaseException | None = None
    asking: threading.Lock = field(default_factory=threading.Lock)

    def run(self, checks: Sequence[Check[C]], earlier: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
        chosen = list(checks)
        self.ended.update((result.check.id, result) for result in earlier)
        try:
            while waiting := [check for check in chosen if check.id not in self.ended]:
                self._start_ready(waiting)
                self._expire()
                with self.changed:
                    if self.broken:
                        raise self.broken
                    if self.running:
                        # A wait without a timeout cannot be interrupted by a signal on every platform.
                        self.changed.wait(timeout=0.5)
                    elif all(check.id not in self.ended for check in waiting):
                        circle = ", ".join(check.id for check in waiting)
                        raise ValueError(f"checks wait for each other: {circle}")
            return tuple(self.ended[check.id] for check in chosen)
        except BaseException as error:
            self.stop.set()
            self._drain()
            if isinstance(error, KeyboardInterrupt):
                raise ChecksInterrupted(tuple(self._interrupted(check) for check in chosen)) from error
            if isinstance(error, ChecksLost):
                error.results = tuple(self._interrupted(check) for check in chosen)
            raise

    def _start_ready(self, waiting: Sequence[Check[C]]) -> None:
        """Start what waits for no prerequisite of this run any more, as long as there is a free worker."""
        known = {check.id for check in waiting}
        for check in waiting:
            # One that has just ended is in neither, and still in ``waiting``.
            if (
                check.id in self.running
                or check.id in self.ended
                or any(one in known and one not in self.ended for one in check.depends)
            ):
                continue
            failed = next((self.ended[one] for one in check.depends if _blocks(self.ended.get(one))), None)
            if failed is not None:
                self._blocked(check, failed)
            elif len(self.running) < WORKERS:
                job = _Job(check, self.clock.now())
                job.thread = threading.Thread(target=self._work, args=(job,), name=f"check {check.id}", daemon=True)
                self.running[check.id] = job
                job.thread.start()

    def _blocked(self, check: Check[C], by: CheckResult) -> None:
        """One cause is one red line: this one could only say again what its prerequisite said."""
        root = by.requirement or "" if by.outcome == "SKIP" else f"check:{by.check.id}"
        reason = f"it depends on {root.removeprefix('check:')}, which failed"
        result = result_of(check, CheckSkipped(root, reason, meant=True), 0, 0)
        self.ended[check.id] = result
        self.observer.finished(result)

    def _expire(self) -> None:
        """Give up what outlived its deadline."""
        now = self.clock.now()
        for job in list(self.running.values()):
            if job.since is not None and now - job.since > job.check.deadline:
                failed = CheckFailed(
                    f"it did not end in {job.check.deadline:.0f} seconds: somebody keeps a connection open and says "
                    "nothing",
                    cause="deadline",
                    hint="look at the network path (a proxy, a firewall that drops silently), then run it again alone "
                    f"(--check {job.check.id})",
                )
                self._end(job, failed)

    def _work(self, job: _Job[C]) -> None:
        try:
            self.observer.started(job.check)
            while self._again(job):
                pass
        except BaseException as error:  # an observer's bug: the run ends with it
            with self.changed:
                self.broken = error
                self.running.pop(job.check.id, None)
                self.changed.notify_all()

    def _again(self, job: _Job[C]) -> bool:
        """One attempt; whether there is another one to make."""
        job.attempts += 1
        job.since = self.clock.now()
        outcome = attempt(job.check, self.open(job.check))
        job.since = None
        if isinstance(outcome, CheckFailed) and outcome.cause in _MAY_BE_LOST and not self.stop.is_set():
            with self.asking:
                if not self.broken and (error := self.lost()):
                    self.broken = ChecksLost(error)
                if self.broken:
                    self.stop.set()
        if isinstance(outcome, CheckFailed) and not self.stop.is_set() and self._has(job):
            left = job.begin + outcome.retry_seconds * self.patience - self.clock.now()
            if self.patience and outcome.cause in _TRANSIENT and job.attempts <= _AT_ONCE:
                left = max(left, _FIRST_DELAY)
            if left > 0:
                self.observer.retrying(job.check, job.attempts, outcome.reason, left)
                if not self.clock.wait(self.stop, min(self._delay(job.attempts), left)):
                    return True
        if isinstance(outcome, CheckFailed) and self.stop.is_set() and "left_behind" not in outcome.facts:
            outcome = CheckSkipped("interrupted", f"interrupted: {outcome.reason}", meant=True)
        self._end(job, outcome)
        return False

    def _has(self, job: _Job[C]) -> bool:
        return self.running.get(job.check.id) is job

    def _end(self, job: _Job[C], outcome: Any) -> None:
        """Unless it was given up before: that has been said already."""
        with self.changed:
            if not self._has(job):
                return
            duration = self.clock.now() - job.begin
            result = result_of(job.check, outcome, duration, job.attempts, self.allowed_skips)
            self.observer.finished(result)
            self.ended[job.check.id] = result
            del self.running[job.check.id]
            self.changed.notify_all()

    def _delay(self, attempts: int) -> float:
        return float(min(_FIRST_DELAY * 2 ** (attempts - 1), _LONGEST_DELAY) * self.patience)

    def _drain(self) -> None:
        """Wait for those that clean up."""
        deadline = time.monotonic() + CLEAN_UP_SECONDS
        with self.changed:
            while (left := deadline - time.monotonic()) > 0 and any(
                job.thread is not None and job.thread.is_alive() for job in self.running.values()
            ):
                self.changed.wait(timeout=min(left, 0.5))

    def _interrupted(self, check: Check[C]) -> CheckResult:
        if check.id in self.ended:
            return self.ended[check.id]
        job = self.running.get(check.id)
        what = "before it could clean up: the next run does" if job else "before it ran"
        return result_of(check, CheckSkipped("interrupted", f"interrupted {what}", meant=True), 0, 0)


def _blocks(result: CheckResult | None) -> bool:
    """A failure does, and so does what was itself skipped for a failure."""
    return result is not None and (result.outcome == "FAIL" or result.cause == "prerequisite")


class _Serialised:
    """An observer is called from one thread at a time, and its bugs are not a check's outcome."""

    def __init__(self, observer: CheckObserver) -> None:
        self._observer = observer
        self._lock = threading.Lock()

    def started(self, check: Check[Any]) -> None:
        with self._lock:
            self._observer.started(check)

    def retrying(self, check: Check[Any], attempt: int, reason: str, seconds_left: float) -> None:
        with self._lock:
            self._observer.retrying(check, attempt, reason, seconds_left)

    def finished(self, result: CheckResult) -> None:
        with self._lock:
            self._observer.finished(result)
