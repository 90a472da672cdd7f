"""Expected denials: being refused, for the right reason, is what makes the check pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from azure.core.exceptions import AzureError

from toolkit.azure.codes import DenialKind
from toolkit.azure.denial import NETWORK_KINDS
from toolkit.checks.attempts import denial_words
from toolkit.checks.causes import cause_of
from toolkit.checks.model import CheckFailed, CheckSkipped, Facts
from toolkit.smoke.context import Context
from toolkit.smoke.held import refuse_to_judge


def expect_denial(
    context: Context,
    call: Callable[[], object],
    kinds: tuple[DenialKind, ...],
    what: str,
    *,
    if_allowed: str,
    got_through: tuple[DenialKind, ...] = (),
) -> Facts:
    """The facts of the refusal of ``call``.

    Raises CheckFailed when it was allowed (rules take time to arrive: retried for the check's own budget), or refused
    for another reason, which proves nothing (retried while that reason can pass). ``if_allowed`` is what to do then;
    ``got_through`` are answers of which only somebody who was let in hears, such as that a secret does not exist.
    """
    answer = ""
    try:
        call()
    except AzureError as error:
        denial = context.explain(error)
        if denial.kind in kinds:
            return denial.evidence
        if denial.kind not in got_through:
            raise CheckFailed(
                f"{what} was refused for another reason than expected: {denial_words(denial)}",
                cause=cause_of(denial.kind),
                hint=denial.hint,
                retry_seconds=denial.retry_seconds,
                facts={**denial.evidence, "expected": list(kinds)},
            ) from error
        answer = f": it got as far as {denial.code or denial.status}"
    if set(kinds) & set(NETWORK_KINDS):
        refuse_to_judge(context, what)
    raise CheckFailed(
        f"{what} was allowed{answer}",
        cause="allowed",
        hint=if_allowed,
        retry_seconds=context.check.retry_seconds,
        facts={"expected": list(kinds)},
    )


def expect_denials(
    context: Context,
    calls: Mapping[str, Callable[[], object]],
    kinds: tuple[DenialKind, ...],
    *,
    if_allowed: str,
    got_through: tuple[DenialKind, ...] = (),
) -> Facts:
    """As :func:`expect_denial` of each call, named by its words: one failure says all that was not refused."""
    refused: dict[str, Facts] = {}
    failed: dict[str, CheckFailed] = {}
    skipped: CheckSkipped | None = None
    for what, call in calls.items():
        try:
            refused[what] = expect_denial(context, call, kinds, what, if_allowed=if_allowed, got_through=got_through)
        except CheckFailed as failure:
            failed[what] = failure
        except CheckSkipped as skip:
            skipped = skip
    if not calls:
        raise CheckFailed(
            "there was nothing to ask, so nothing was proven",
            cause="no-output",
            hint="toolkit apply writes the outputs",
        )
    if failed:
        first = next(iter(failed.values()))
        raise CheckFailed(
            "; ".join(one.reason for one in failed.values()),
            cause="allowed" if any(one.cause == "allowed" for one in failed.values()) else first.cause,
            hint="; ".join(dict.fromkeys(one.hint for one in failed.values() if one.hint)),
            retry_seconds=max(one.retry_seconds for one in failed.values()),
            facts={"refused": refused, "not_refused": {what: one.facts for what, one in failed.items()}},
        )
    if skipped is not None:
        raise skipped
    return {"refused": refused}
