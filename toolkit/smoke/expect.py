"""Expected denials: being refused, for the right reason, is what makes the check pass."""

from __future__ import annotations

from collections.abc import Callable

from azure.core.exceptions import AzureError

from toolkit.azure.denial import Denial, DenialKind
from toolkit.smoke.context import Context
from toolkit.smoke.model import CheckFailed, Evidence


def expect_denial(context: Context, call: Callable[[], object], kinds: tuple[DenialKind, ...], what: str) -> Evidence:
    """Evidence of the refusal of ``call``.

    Raises CheckFailed when it was allowed (rules take time to arrive: retried for the check's own budget), or refused
    for another reason, which proves nothing (retried while that reason can pass).
    """
    try:
        call()
    except AzureError as error:
        denial = context.explain(error)
        if denial.kind in kinds:
            return denial.evidence
        raise CheckFailed(
            f"{what} was refused for another reason than expected: {words(denial)}",
            hint=denial.hint,
            retry_seconds=denial.retry_seconds,
            evidence={**denial.evidence, "expected": list(kinds)},
        ) from error
    raise CheckFailed(
        f"{what} was allowed", retry_seconds=context.check.retry_seconds, evidence={"expected": list(kinds)}
    )


def words(denial: Denial) -> str:
    """``cause (HTTP 403 AuthorizationFailure)``."""
    facts = " ".join(str(fact) for fact in (denial.status and f"HTTP {denial.status}", denial.code) if fact)
    return f"{denial.cause} ({facts})" if facts else denial.cause
