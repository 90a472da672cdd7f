"""Every check, in the order in which reports show them. ``CHECKS`` are those that run unless somebody says which."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import get_args

from toolkit.checks.model import Check, Expectation, Severity
from toolkit.errors import UsageError, nearest
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


def select(
    categories: Collection[str] = (),
    ids: Collection[str] = (),
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> tuple[Check[Context], ...]:
    """The checks of these categories, with these ids, or that one of the words of ``only`` is about; CHECKS when none
    of the three is given. What a word of ``skip`` is about is left out.

    A word is an id, a pattern of ids (``storage-*``), a category, a severity or an expectation. What runs on request
    only needs its category's name to begin the word. Raises UsageError for what is unknown, with the nearest known one,
    and when nothing is left.
    """
    _known("category", categories, CATEGORIES)
    _known("check", ids, [check.id for check in EVERY])
    for word in (*only, *skip):
        if not any(_matches(word, check) for check in EVERY):
            _known("check", [word], _words())
    wanted = (
        [c for c in EVERY if c.category in categories or c.id in ids or any(_asks(word, c) for word in only)]
        if categories or ids or only
        else CHECKS
    )
    left = tuple(check for check in wanted if not any(_matches(word, check) for word in skip))
    if not left:
        raise UsageError(
            "no check is left to run", hint="toolkit smoke ENV --list, with the same options, shows what they choose"
        )
    return left


def check_of(check_id: str) -> Check[Context]:
    """The check with this id. Raises UsageError, with the nearest known one."""
    _known("check", [check_id], [check.id for check in EVERY])
    return next(check for check in EVERY if check.id == check_id)


def _matches(word: str, check: Check[Context]) -> bool:
    return word in (check.category, check.severity, check.expectation) or fnmatchcase(check.id, word)


def _asks(word: str, check: Check[Context]) -> bool:
    on_request = check.category in ON_REQUEST and not word.startswith(check.category)
    return _matches(word, check) and not on_request


def _words() -> list[str]:
    ids = [check.id for check in EVERY]
    return [*CATEGORIES, *get_args(Severity), *get_args(Expectation), *ids]


def _known(kind: str, wanted: Iterable[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            close = nearest(name, known) or next((one for one in known if name in one), None)
            raise UsageError(
                f"unknown {kind} {name!r}",
                hint=f"{f'did you mean {close}? ' if close else ''}toolkit smoke ENV --list shows them",
            )
