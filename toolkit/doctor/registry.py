"""Every check of the doctor, in the order in which reports show them."""

from __future__ import annotations

from dataclasses import replace

from toolkit.checks.model import Check
from toolkit.checks.selection import Registry
from toolkit.doctor.checks import (
    addresses,
    credential,
    data,
    federation,
    names,
    permissions,
    policies,
    quotas,
    regions,
    retirements,
    subscription,
    surroundings,
    tools,
)
from toolkit.doctor.context import Context

KIND = "doctor"
CATEGORIES = (
    *("tools", "packages", "surroundings", "data", "credential", "subscription", "providers", "permissions"),
    *("quotas", "names", "regions", "addresses", "policies", "federation", "retirements"),
)

CHECKS: tuple[Check[Context], ...] = tuple(
    replace(check, page=KIND)
    for module in (
        *(tools, surroundings, data, credential, subscription, permissions, quotas, names),
        *(regions, addresses, policies, federation, retirements),
    )
    for check in module.CHECKS
)
REGISTRY = Registry(KIND, CHECKS, CATEGORIES)
