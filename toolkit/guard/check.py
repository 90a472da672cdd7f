"""The guard as plan, apply and bootstrap run it: an environment's policies on a plan of it, and the refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from toolkit.environment import FILE_NAME, Environment
from toolkit.environment.file import line_of, read_text
from toolkit.errors import RefusedError, UsageError, nearest
from toolkit.guard.engine import Finding, Report, judge
from toolkit.guard.facts import facts_of
from toolkit.guard.policies import Policy, load_policies, policy_folders
from toolkit.records import Json
from toolkit.terraform.plan import PlanSummary
from toolkit.terraform.workspace import RootName

_SHOWN = 20


def guard_plan(
    environment: Environment,
    document: Json,
    root: RootName = "platform",
    allowed: Mapping[str, str] | None = None,
    summary: PlanSummary | None = None,
    today: date | None = None,
    policies: Sequence[Policy] | None = None,
) -> Report:
    """The verdicts of :func:`environment_policies`, loaded when they are not given. Raises what that raises."""
    if policies is None:
        policies = environment_policies(environment)
    facts = facts_of(environment, root, document)
    today = today or datetime.now(UTC).date()
    return judge(document, policies, facts, root, environment.guard.waivers, today, allowed or {}, summary)


def environment_policies(environment: Environment) -> tuple[Policy, ...]:
    """Raises UsageError for a policy that does not compile, and for a waiver of a policy that there is not."""
    policies = load_policies(policy_folders(environment, environment.project), environment.project.root)
    check_waivers(environment, policies)
    return policies


def check_waivers(environment: Environment, policies: Sequence[Policy]) -> None:
    """Raises UsageError for a waiver that can never match, with its line."""
    known = [one.id for one in policies]
    for number, waiver in enumerate(environment.guard.waivers):
        if waiver.policy not in known:
            close = nearest(waiver.policy, known)
            raise UsageError(
                f"{_place(environment, number)}: there is no policy {waiver.policy!r} to waive",
                hint=f"did you mean {close}?" if close else "toolkit guard list",
            )


def _place(environment: Environment, number: int) -> str:
    path, root = environment.folder / FILE_NAME, environment.project.root
    line = line_of(read_text(path, root), ["guard", "waivers", str(number), "policy"])
    return f"{path.relative_to(root)}:{line}"


def refuse(report: Report) -> None:
    """Raises RefusedError for a plan that the guard does not let through."""
    if report.passes:
        return
    if not report.refused:
        raise RefusedError(
            f"the guard evaluated none of the {report.planned} planned resources of {report.environment}",
            hint="a plan without resources is no plan of the platform: toolkit guard check says what it saw",
        )
    lines = described(report.refused)
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    raise RefusedError(
        f"the guard refuses the plan of {report.environment}: {sentence(report)}\n"
        + "\n".join([*lines[:_SHOWN], *more]),
        hint="; ".join(dict.fromkeys(hint(one) for one in report.refused)),
    )


def sentence(report: Report) -> str:
    """``2 findings of 1 policy``."""
    findings, policies = len(report.refused), len({one.policy.id for one in report.refused})
    return (
        f"{findings} {'finding' if findings == 1 else 'findings'} of {policies} "
        f"{'policy' if policies == 1 else 'policies'}"
    )


def described(findings: Sequence[Finding]) -> list[str]:
    return [f"  [{one.policy.id}] {one.address}: {one.what}{_expired(one)}" for one in findings]


def hint(finding: Finding) -> str:
    if finding.expired is not None:
        return (
            f"ask {finding.expired.owner} whether the waiver of {finding.policy.id} still holds, and renew or delete it"
        )
    return finding.policy.fix


def _expired(one: Finding) -> str:
    if one.expired is None:
        return ""
    return f" (its waiver, of {one.expired.owner}, expired on {one.expired.expires})"
