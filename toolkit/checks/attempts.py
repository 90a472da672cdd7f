"""One attempt of one check: whatever happens in it becomes an outcome, and it cleans up."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError

from toolkit.azure.denial import Denial
from toolkit.checks.causes import cause_of
from toolkit.checks.model import C, Check, CheckFailed, CheckResult, CheckSkipped, Facts
from toolkit.errors import ToolkitError

Ended = Facts | CheckFailed | CheckSkipped


def attempt(check: Check[C], context: C) -> Ended:
    """How the attempt ended, after its cleaning up."""
    outcome: Ended
    try:
        context.prepare()
        outcome = check.function(context)
    except (CheckFailed, CheckSkipped) as ended:
        outcome = ended
    except AzureError as error:
        outcome = refused(context.explain(error), error)
    except ToolkitError as error:
        outcome = CheckFailed(error.message, cause="unexpected", hint=error.hint)
    except Exception as error:
        outcome = _unexpected(error)
    left_behind = context.finalize()
    return _left(outcome, left_behind) if left_behind else outcome


def refused(denial: Denial, error: AzureError) -> CheckFailed:
    """The failure that a refusal is to a check that expected none."""
    words = denial_words(denial)
    return CheckFailed(
        words if denial.kind != "other" else f"{words}: {_first_line(error)}",
        cause=cause_of(denial.kind),
        hint=denial.hint,
        retry_seconds=denial.retry_seconds,
        facts=denial.evidence,
    )


def denial_words(denial: Denial) -> str:
    """``cause (HTTP 403 AuthorizationFailure)``."""
    facts = " ".join(str(fact) for fact in (denial.status and f"HTTP {denial.status}", denial.code) if fact)
    return f"{denial.cause} ({facts})" if facts else denial.cause


def result_of(
    check: Check[Any], outcome: Ended, duration: float, attempts: int, allowed_skips: Sequence[str] = ()
) -> CheckResult:
    """The result that the last attempt's outcome is; ``allowed_skips`` are patterns of ids and requirements."""
    if isinstance(outcome, CheckSkipped):
        return CheckResult(
            check,
            "SKIP",
            outcome.reason,
            duration,
            attempts,
            cause=outcome.cause,
            requirement=outcome.requirement,
            skip_allowed=outcome.meant or _allowed(check, outcome.requirement, allowed_skips),
        )
    if isinstance(outcome, CheckFailed):
        return CheckResult(
            check,
            "FAIL",
            outcome.reason,
            duration,
            attempts,
            cause=outcome.cause,
            hint=outcome.hint,
            facts=dict(outcome.facts),
        )
    return CheckResult(check, "PASS", check.title, duration, attempts, facts=dict(outcome))


def _left(outcome: Ended, left_behind: list[str]) -> CheckFailed:
    if isinstance(outcome, CheckFailed | CheckSkipped):
        reason = f"{outcome.reason}; and it could not clean up"
    else:
        reason = "all was well, but it could not clean up"
    failed = outcome if isinstance(outcome, CheckFailed) else None
    return CheckFailed(
        f"{reason}: {'; '.join(left_behind)}",
        cause=failed.cause if failed else "left-behind",
        hint=failed.hint if failed else None,
        facts={**(failed.facts if failed else {}), "left_behind": left_behind},
    )


def _allowed(check: Check[Any], requirement: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in (check.id, requirement))


def _unexpected(error: Exception) -> CheckFailed:
    """A bug in the check, or an answer of a shape that nobody expected: a failure, never a skip."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    return CheckFailed(
        f"unexpected {type(error).__name__}: {_first_line(error)}",
        cause="unexpected",
        hint="an answer had an unknown shape, or this is a bug in the check: please report it",
        facts={"exception": type(error).__name__, "raised_at": where},
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")
