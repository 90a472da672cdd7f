"""The verdicts of policies on a plan.

Fail closed. A resource that a policy looks at passes only when the policy says so: a misspelt property, an undefined
value and one that is not known before the apply never pass. A policy that cannot be evaluated refuses the plan, and so
does a plan of which nothing was evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from toolkit.environment import Waiver
from toolkit.guard.document import policy_input
from toolkit.guard.facts import Facts
from toolkit.guard.policies import Policy
from toolkit.guard.rego import Unreadable, evaluate
from toolkit.records import Json
from toolkit.terraform.plan import PlanSummary
from toolkit.terraform.workspace import RootName

PLAN = "(the plan)"  # of a finding that is about no resource


@dataclass(frozen=True, slots=True)
class Finding:
    """A policy that does not hold for a resource. ``waiver`` lets it through; ``expired`` did, until it expired."""

    policy: Policy
    address: str
    what: str
    waiver: Waiver | None = None
    expired: Waiver | None = None

    @property
    def refuses(self) -> bool:
        return self.policy.severity == "error" and self.waiver is None


@dataclass(frozen=True, slots=True)
class Report:
    """``evaluated`` of the ``planned`` resources were looked at; ``by_policy`` counts them, ``types`` are those of the
    addresses in ``unseen``, which no policy looked at. ``kept`` are findings that an override allowed, with its reason.
    """

    environment: str
    policies: tuple[Policy, ...]
    findings: tuple[Finding, ...]
    planned: int
    evaluated: int
    by_policy: Mapping[str, int]
    unseen: Mapping[str, str]
    unused_waivers: tuple[Waiver, ...] = ()

    @property
    def refused(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.refuses)

    @property
    def passes(self) -> bool:
        return not self.refused and self.evaluated > 0

    @property
    def waived(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.waiver is not None)

    @property
    def warned(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.policy.severity == "warning" and one.waiver is None)


def judge(
    document: Json,
    policies: Sequence[Policy],
    facts: Facts,
    root: RootName,
    waivers: Sequence[Waiver],
    today: date,
    allowed: Mapping[str, str],
    summary: PlanSummary | None = None,
) -> Report:
    """The verdicts on a plan's JSON document. Raises UsageError for a policy that does not compile."""
    everything = any(_asks_for_all(one) for one in policies)
    sources = "\n".join(one.module.source for one in policies)
    given, addresses = policy_input(
        document, facts, root, allowed, summary, lambda kind: everything or f'"{kind}"' in sources
    )
    looked, findings = _verdicts(policies, given, addresses)
    findings, unused = _with_waivers(findings, waivers, today)
    types = {item["address"]: _type(item) for item in document.get("resource_changes", []) if item["mode"] == "managed"}
    seen = {number for numbers in looked.values() for number in numbers}
    return Report(
        environment=facts.name,
        policies=tuple(policies),
        findings=tuple(findings),
        planned=len(addresses),
        evaluated=len(seen),
        by_policy={one.id: len(looked.get(one.package, ())) for one in policies},
        unseen={address: types[address] for number, address in enumerate(addresses) if number not in seen},
        unused_waivers=unused,
    )


def _asks_for_all(policy: Policy) -> bool:
    """Whether it walks over the types, so that the bodies of all are needed."""
    source = policy.module.source.replace(" ", "")
    return "input.resources[_]" in source or "ininput.resources{" in source or "ininput.resources\n" in source


def _type(item: Json) -> str:
    values = item["change"].get("after") or item["change"].get("before") or {}
    return str(values.get("type") or item["type"]).split("@")[0]


def _verdicts(
    policies: Sequence[Policy], given: Json, addresses: Sequence[str]
) -> tuple[dict[str, set[int]], list[Finding]]:
    answers: dict[str, tuple[set[int], set[int]]] = {}
    findings: list[Finding] = []
    try:
        answers = _ask(policies, given, len(addresses))
    except Unreadable:
        for one in policies:  # whose it is; the others count
            try:
                answers |= _ask([one], given, len(addresses))
            except Unreadable:
                findings.append(
                    Finding(
                        one,
                        PLAN,
                        "the policy could not be evaluated on this plan: something in it is undefined or an error",
                    )
                )
    wrong = {package: looked - passed for package, (looked, passed) in answers.items() if looked - passed}
    reasons = _reasons([one for one in policies if one.package in wrong], given)
    for one in policies:
        for number in sorted(wrong.get(one.package, ())):
            said = "; ".join(reasons.get((one.package, number), ()))
            what = said or f"does not hold, or is not known before the apply: {one.title}"
            findings.append(Finding(one, addresses[number], what))
    return {package: looked for package, (looked, _) in answers.items()}, findings


def _ask(policies: Sequence[Policy], given: Json, resources: int) -> dict[str, tuple[set[int], set[int]]]:
    answer = evaluate([one.module for one in policies], {one.package: ("looks_at", "pass") for one in policies}, given)
    return {
        package: (_numbers(looked, resources), _numbers(passed, resources))
        for package, (looked, passed) in answer.items()
    }


def _numbers(values: object, resources: int) -> set[int]:
    """The ids of resources; anything else is no answer."""
    if not isinstance(values, list) or not all(type(one) is int and 0 <= one < resources for one in values):
        raise Unreadable("the ids of resources are numbers of the input")
    return set(values)


def _reasons(policies: Sequence[Policy], given: Json) -> dict[tuple[str, int], list[str]]:
    """What policies say of each resource, where they say anything; their words are no verdict."""
    talking = [one for one in policies if "\nreasons contains" in one.module.source]
    if not talking:
        return {}
    try:
        answer = evaluate([one.module for one in talking], {one.package: ("reasons",) for one in talking}, given)
    except Unreadable:
        if len(talking) == 1:
            return {}
        return {key: texts for one in talking for key, texts in _reasons([one], given).items()}
    texts: dict[tuple[str, int], set[str]] = {}
    for package, (rows,) in answer.items():
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and isinstance(row.get("id"), int) and isinstance(row.get("text"), str):
                texts.setdefault((package, row["id"]), set()).add(row["text"])
    return {key: sorted(found) for key, found in texts.items()}


def _with_waivers(
    findings: Iterable[Finding], waivers: Sequence[Waiver], today: date
) -> tuple[list[Finding], tuple[Waiver, ...]]:
    used: set[Waiver] = set()
    marked = []
    for one in findings:
        fitting = [w for w in waivers if w.policy == one.policy.id and fnmatchcase(one.address, _pattern(w.resource))]
        used.update(fitting)
        valid = next((w for w in fitting if w.expires >= today), None)
        expired = next((w for w in fitting if w.expires < today), None) if valid is None else None
        marked.append(replace(one, waiver=valid, expired=expired))
    return marked, tuple(w for w in waivers if w not in used)


def _pattern(text: str) -> str:
    """Only ``*`` matches: addresses have brackets of their own."""
    return text.replace("[", "[[]").replace("?", "[?]")
