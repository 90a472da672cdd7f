"""Every check, in the order in which reports show them. ``CHECKS`` are those that run unless somebody says which."""

from __future__ import annotations

from collections.abc import Collection

from toolkit.checks.model import Check
from toolkit.checks.selection import Registry
from toolkit.smoke.checks import (
    adf,
    adf_paths,
    batch,
    customer_keys,
    dns,
    exact,
    function,
    governance,
    identity,
    keyvault,
    leases,
    optional_services,
    posture,
    rbac,
    registry,
    runtime,
    state_data,
    storage,
    storage_doors,
    storage_roles,
    workspace,
    workspace_data,
)
from toolkit.smoke.context import Context
from toolkit.smoke.prerequisites import linked

# What starts jobs costs money and minutes on Azure: it runs when it is asked for by name, alone and after the others.
ON_REQUEST = ("runtime",)
CATEGORIES = (
    *("dns", "network", "storage", "state", "keyvault", "registry", "adf", "workspace", "rbac", "identity"),
    *("batch", "function", "monitoring", "governance", "posture", *ON_REQUEST),
)

_CHECKS: tuple[Check[Context], ...] = (
    *dns.CHECKS,
    *exact.of("dns"),
    *exact.of("network"),
    *storage.CHECKS,
    *storage_roles.CHECKS,
    *storage_doors.CHECKS,
    *exact.of("storage"),
    *state_data.CHECKS,
    *exact.of("state"),
    *keyvault.CHECKS,
    *customer_keys.OF_THE_VAULT,
    *exact.of("keyvault"),
    *registry.CHECKS,
    *exact.of("registry"),
    *adf.CHECKS,
    *adf_paths.CHECKS,
    *exact.of("adf"),
    *workspace.CHECKS,
    *workspace_data.CHECKS,
    *exact.of("workspace"),
    *rbac.CHECKS,
    *exact.of("rbac"),
    *exact.of("identity"),
    *identity.CHECKS,
    *batch.CHECKS,
    *exact.of("batch"),
    *function.CHECKS,
    *exact.of("function"),
    *exact.of("monitoring"),
    *exact.of("governance"),
    *posture.CHECKS,
    *optional_services.CHECKS,
    *governance.CHECKS,
    *leases.CHECKS,
    *customer_keys.OF_THE_SERVICES,
)

CHECKS = linked(_CHECKS)
EVERY = (*CHECKS, *linked(runtime.CHECKS))
_REGISTRY = Registry("smoke", EVERY, CATEGORIES, ON_REQUEST)
check_of = _REGISTRY.check_of


def select(
    categories: Collection[str] = (),
    ids: Collection[str] = (),
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> tuple[Check[Context], ...]:
    """The checks that :meth:`toolkit.checks.selection.Registry.select` finds; CHECKS itself where nothing is asked."""
    chosen = _REGISTRY.select(categories, ids, only=only, skip=skip)
    return CHECKS if chosen == CHECKS else chosen
