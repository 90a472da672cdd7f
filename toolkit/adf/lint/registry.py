"""Every rule, in the order of the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.adf.lint import (
    contract,
    custom,
    deployments,
    expressions,
    files,
    flow,
    hygiene,
    limits,
    nesting,
    network,
    published,
    secrets,
    triggers,
    web,
)
from toolkit.adf.lint.model import SEVERITIES, Rule, Severity
from toolkit.errors import UsageError, nearest

# Family (a heading of docs/adf-lint.md) -> its rules.
FAMILIES: dict[str, tuple[Rule, ...]] = {
    "Files, names and references": files.RULES,
    "Limits of the service": limits.RULES,
    "Nesting": nesting.RULES,
    "Activities and their order": flow.RULES,
    "Expressions": expressions.RULES,
    "Web activities": web.RULES,
    "Custom activities": custom.RULES,
    "Ways through the network": network.RULES,
    "Secrets": secrets.RULES,
    "The runtime contract": contract.RULES,
    "Triggers": triggers.RULES,
    "Published and in the repository": published.RULES,
    "Files for deployments": deployments.RULES,
    "Finding one's way": hygiene.RULES,
}
RULES: tuple[Rule, ...] = tuple(rule for family in FAMILIES.values() for rule in family)


def select(
    only: Sequence[str] = (), ignored: Sequence[str] = (), *, refused: bool = False, level: Severity = "note"
) -> list[Rule]:
    """Raises UsageError for an id that there is not. ``refused``: only what Data Factory itself refuses.

    ``level``: the least severity, unless a rule is named in ``only``.
    """
    known = {rule.id for rule in RULES}
    for name in (*only, *ignored):
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close}?" if close else "docs/adf-lint.md lists the rules"
            raise UsageError(f"there is no rule {name!r}", hint=hint)
    severities = SEVERITIES[: SEVERITIES.index(level) + 1]
    return [
        rule
        for rule in RULES
        if (rule.id in only if only else rule.severity in severities)
        and rule.id not in ignored
        and (rule.refused or not refused)
    ]
