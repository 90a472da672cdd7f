"""Which rules of PSRule.Rules.Azure are about what the platform is made of, and what becomes of each.

The ids are those of https://azure.github.io/PSRule.Rules.Azure/en/rules/resource/ (2026-11). A policy's ``psrule``
names what it meets; psrule.json has the rest: met by something else, or waived with the reason. Rules about ARM
templates and about types that the platform does not have are not here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from toolkit.guard.policies import Policy

_ELSEWHERE = Path(__file__).with_name("psrule.json")


def elsewhere() -> dict[str, tuple[str, str]]:
    """By rule: ``met`` and by what, or ``waived`` and why."""
    read = json.loads(_ELSEWHERE.read_text(encoding="utf-8"))
    return {rule: (one["verdict"], one["words"]) for rule, one in read.items()}


def cross_reference(policies: Sequence[Policy]) -> list[tuple[str, str, str]]:
    """(rule, met or waived, by what or why) in the order of the rules; a policy's word goes before another's."""
    rows = elsewhere()
    met: dict[str, list[str]] = {}
    for policy in policies:
        for rule in policy.psrule:
            met.setdefault(rule, []).append(f"`{policy.id}`")
    rows |= {rule: ("met", ", ".join(ids)) for rule, ids in met.items()}
    return [(rule, *rows[rule]) for rule in sorted(rows)]
