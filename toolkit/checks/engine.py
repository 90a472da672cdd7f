"""Runs checks: in parallel, again while waiting can help, and cleaning up whatever happens."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Generic, Protocol

from azure.core.exceptions import AzureError

from toolkit.azure.denial import Denial
from toolkit.checks.model import (
    C,
    Check,
    CheckFailed,
    CheckObserver,
    CheckResult,
    CheckSkipped,
    Facts,
    SilentCheckObserver,
)
from toolkit.errors import ToolkitError, UsageError, nearest

WORKERS = 8
_FIRST_DELAY, _LONGEST_DELAY = 1.0, 15.0

Ended = Facts | CheckFailed | CheckSkipped


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


def run_checks(
    checks: Sequence[Check[C]],
    attempt: Callable[[Check[C]], C],
    *,
    allowed_skips: Sequence[str] = (),
    patience: float = 1,
    observer: CheckObserver | None = None,
    clock: Clock | None = None,
    stop: threading.Event | None = None,
) -> tuple[CheckResult, ...]:
    """Run ``checks``, each attempt in a context of its own, and say in their order how each ended.

    ``patience`` scales every retry budget; ``stop`` is set on an interrupt. Raises KeyboardInterrupt, once every check
    that ran has cleaned up.
    """
    observing = _Serialised(observer or SilentCheckObserver())
    engine = _Engine(attempt, allowed_skips, patience, observing, clock or SystemClock(), stop or threading.Event())
    return tuple(engine.run(checks))


def validate_allowed_skips(patterns: Sequence[str], known: Collection[str], kind: str) -> None:
    """An entry with a typing error would never match, and the run would be red for no visible reason."""
    for pattern in patterns:
        if pattern.startswith(("vantage:", "identity:")) or any(fnmatchcase(name, pattern) for name in known):
            continue
        close = nearest(pattern, known)
        raise UsageError(
            f"env.toml: {kind}.allowed_skips names {pattern!r}, which matches no check",
            hint=f"{f'did you mean {close}? ' if close else ''}toolkit {kind} ENV --list shows them",
        )


@dataclass(frozen=True, slots=True)
class _Engine(Generic[C]):
    open: Callable[[Check[C]], C]
    allowed_skips: Sequence[str]
    patience: float
    observer: CheckObserver
    clock: Clock
    stop: threading.Event

    def run(self, checks: Sequence[Check[C]]) -> list[CheckResult]:
        with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="check") as pool:
            try:  # around the submits too: the first checks run while the last ones are handed over
                everything = [pool.submit(self._check, check) for check in checks]
                pending: set[Future[CheckResult]] = set(everything)
                while pending:
                    # A wait without a timeout cannot be interrupted by a signal on every platform.
                    _, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # before stop: a worker that ends takes the next check
                self.stop.set()
                raise  # leaving the pool's block waits for those that clean up
        return [future.result() for future in everything]

    def _check(self, check: Check[C]) -> CheckResult:
        self.observer.started(check)
        begin, attempt = self.clock.now(), 0
        while True:
            attempt += 1
            outcome = self._attempt(check)
            if isinstance(outcome, CheckFailed) and not self.stop.is_set():
                left = begin + outcome.retry_seconds * self.patience - self.clock.now()
                if left > 0:
                    self.observer.retrying(check, attempt, outcome.reason, left)
                    if not self.clock.wait(self.stop, min(self._delay(attempt), left)):
                        continue
            result = self._result(check, outcome, self.clock.now() - begin, attempt)
            self.observer.finished(result)
            return result

    def _delay(self, attempt: int) -> float:
        return float(min(_FIRST_DELAY * 2 ** (attempt - 1), _LONGEST_DELAY) * self.patience)

    def _attempt(self, check: Check[C]) -> Ended:
        context = self.open(check)
        outcome: Ended
        try:
            context.prepare()
            outcome = check.function(context)
        except (CheckFailed, CheckSkipped) as ended:
            outcome = ended
        except AzureError as error:
            denial = context.explain(error)
            outcome = CheckFailed(
                denial_words(denial) if denial.kind != "other" else f"{denial_words(denial)}: {_first_line(error)}",
                hint=denial.hint,
                retry_seconds=denial.retry_seconds,
                facts=denial.evidence,
            )
        except ToolkitError as error:
            outcome = CheckFailed(error.message, hint=error.hint)
        except Exception as error:
            outcome = _unexpected(error)
        left_behind = context.finalize()
        if not left_behind:
            return outcome
        if isinstance(outcome, CheckFailed | CheckSkipped):
            reason = f"{outcome.reason}; and it could not clean up"
        else:
            reason = "all was well, but it could not clean up"
        failed = outcome if isinstance(outcome, CheckFailed) else None
        return CheckFailed(
            f"{reason}: {'; '.join(left_behind)}",
            hint=failed.hint if failed else None,
            facts={**(failed.facts if failed else {}), "left_behind": left_behind},
        )

    def _result(self, check: Check[C], outcome: Ended, duration: float, attempts: int) -> CheckResult:
        if isinstance(outcome, CheckSkipped):
            allowed = outcome.meant or _allowed(check, outcome.requirement, self.allowed_skips)
            return CheckResult(
                check,
                "SKIP",
                outcome.reason,
                duration,
                attempts,
                requirement=outcome.requirement,
                skip_allowed=allowed,
            )
        if isinstance(outcome, CheckFailed):
            return CheckResult(
                check, "FAIL", outcome.reason, duration, attempts, hint=outcome.hint, facts=dict(outcome.facts)
            )
        return CheckResult(check, "PASS", check.title, duration, attempts, facts=dict(outcome))


def denial_words(denial: Denial) -> str:
    """``cause (HTTP 403 AuthorizationFailure)``."""
    facts = " ".join(str(fact) for fact in (denial.status and f"HTTP {denial.status}", denial.code) if fact)
    return f"{denial.cause} ({facts})" if facts else denial.cause


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


def _allowed(check: Check[Any], requirement: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in (check.id, requirement))


def _unexpected(error: Exception) -> CheckFailed:
    """A bug in the check, or an answer of a shape that nobody expected: a failure, never a skip."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    return CheckFailed(
        f"unexpected {type(error).__name__}: {_first_line(error)}",
        hint="an answer had an unknown shape, or this is a bug in the check: please report it",
        facts={"exception": type(error).__name__, "raised_at": where},
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")
