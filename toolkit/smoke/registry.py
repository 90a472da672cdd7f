"""Every check, in the order in which reports show them. ``CHECKS`` are those that run unless somebody says which."""

from __future__ import annotations

from collections.abc import Collection

from toolkit.checks.model import Check
from toolkit.errors import UsageError, nearest
from toolkit.smoke.checks import (
    adf,
    customer_keys,
    dns,
    governance,
    keyvault,
    optional_services,
    posture,
    rbac,
    runtime,
    storage,
    storage_doors,
    storage_roles,
    workspace,
)
from toolkit.smoke.context import Context

# What starts jobs costs money and minutes on Azure: it runs when it is asked for by name, alone and after the others.
ON_REQUEST = ("runtime",)
CATEGORIES = ("dns", "storage", "keyvault", "adf", "workspace", "rbac", "posture", *ON_REQUEST)

CHECKS: tuple[Check[Context], ...] = (
    *dns.CHECKS,
    *storage.CHECKS,
    *storage_roles.CHECKS,
    *storage_doors.CHECKS,
    *keyvault.CHECKS,
    *customer_keys.OF_THE_VAULT,
    *adf.CHECKS,
    *workspace.CHECKS,
    *rbac.CHECKS,
    *posture.CHECKS,
    *optional_services.CHECKS,
    *governance.CHECKS,
    *customer_keys.OF_THE_SERVICES,
)

EVERY: tuple[Check[Context], ...] = (*CHECKS, *runtime.CHECKS)


def select(categories: Collection[str] = (), ids: Collection[str] = ()) -> tuple[Check[Context], ...]:
    """The checks of these categories and with these ids; CHECKS when neither is given.

    Raises UsageError for an unknown category or id, with the nearest known one.
    """
    _known("category", categories, CATEGORIES)
    _known("check", ids, [check.id for check in EVERY])
    if not categories and not ids:
        return CHECKS
    return tuple(check for check in EVERY if check.category in categories or check.id in ids)


def _known(kind: str, wanted: Collection[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            close = nearest(name, known) or next((one for one in known if name in one), None)
            raise UsageError(
                f"unknown {kind} {name!r}",
                hint=f"{f'did you mean {close}? ' if close else ''}toolkit smoke ENV --list shows them",
            )
