"""Whether the acting identity may do every action of what is declared, asked of ARM's permissions API."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.azure.api_versions import API_VERSIONS, PERMISSIONS_API_VERSION
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.actions import Needed, needed_actions, state_actions
from toolkit.doctor.context import Context
from toolkit.doctor.roles import Permission, Role, allows, narrowest, roles_of
from toolkit.terraform.declared import Declared

_AUTHORIZATION = "providers/Microsoft.Authorization"
_ROLES = ("microsoft.authorization/roleassignments", "microsoft.authorization/locks")
_SHOWN = 6


def _held(context: Context, scope: str) -> list[Permission]:
    """What the caller may do at ``scope``: https://learn.microsoft.com/rest/api/authorization/permissions."""
    path = f"{scope}/{_AUTHORIZATION}/permissions"
    listed: list[Permission] = list(
        context.asked("its own permissions", lambda: context.live.list(path, PERMISSIONS_API_VERSION))
    )
    return listed


def _roles(context: Context, scope: str) -> list[Role]:
    version = API_VERSIONS["microsoft.authorization/roledefinitions"]
    path = f"{scope}/{_AUTHORIZATION}/roleDefinitions"
    return roles_of(context.asked("role definitions", lambda: context.live.list(path, version)))


def _of_plan(context: Context) -> tuple[str, list[Declared]]:
    """Where the rights have to be, and what for: the platform in its group, and the bootstrap where there is none."""
    group = context.platform_group
    every = context.declared()
    if context.group_exists(group):
        return group, [one for one in every if one.root == "platform"]
    return context.subscription, every


def _judged(context: Context, scope: str, needed: Sequence[Needed]) -> Facts:
    held = _held(context, scope)
    missing = [one for one in needed if not allows(held, one.action, data=one.data)]
    if not missing:
        return {"scope": scope, "actions": len(needed), "on_condition": _conditions(held)}
    actions = [one.action for one in missing]
    roles = narrowest(_roles(context, scope), actions, data=missing[0].data)
    named = ", ".join(f'"{role.name}"' for role in roles) or "none that is built in or was made here"
    who = _who(context)
    shown = ", ".join(actions[:_SHOWN]) + (f" and {len(actions) - _SHOWN} more" if len(actions) > _SHOWN else "")
    first = missing[0]
    raise CheckFailed(
        f"{who} may not do {len(missing)} of {len(needed)} actions: {shown} (for {first.addresses[0]})",
        cause="missing-data-role" if first.data else "missing-role",
        hint=f"the narrowest roles that have them are {named}: "
        + "; ".join(
            f'az role assignment create --assignee-object-id {_object_id(context)} --role "{role.name}" --scope {scope}'
            for role in roles
        ),
        facts={
            "scope": scope,
            "missing": {one.action: list(one.addresses[:3]) for one in missing},
            "narrowest_roles": [role.name for role in roles],
        },
    )


def _plan(context: Context) -> Facts:
    scope, declared = _of_plan(context)
    return _judged(context, scope, needed_actions(one for one in declared if one.resource_type.lower() not in _ROLES))


def _assigning(context: Context) -> Facts:
    scope, declared = _of_plan(context)
    granting = [one for one in declared if one.resource_type.lower() in _ROLES]
    if not granting:
        raise CheckSkipped("feature:roles", "the data declares no role assignment and no lock", meant=True)
    return _judged(context, scope, needed_actions(granting))


def _data(context: Context) -> Facts:
    backend = context.backend
    account = (
        f"{context.subscription}/resourceGroups/{backend.resource_group_name}/providers/Microsoft.Storage/"
        f"storageAccounts/{backend.storage_account_name}"
    )
    if context.asked("the state's account", lambda: context.find(account)) is None:
        raise CheckSkipped(
            "feature:state", f"the state's account {backend.storage_account_name} is not there yet", meant=True
        )
    return _judged(context, backend.container_id, state_actions())


def _conditions(held: Sequence[Permission]) -> int:
    """How many of what is held lets something through on a condition only, which nobody can evaluate beforehand."""
    return sum(bool(one.get("condition")) for one in held)


def _who(context: Context) -> str:
    from toolkit.azure.acting import acting
    from toolkit.azure.arm import ARM

    return acting(context.run.credential().get_token(f"{ARM}/.default").token).words


def _object_id(context: Context) -> str:
    from toolkit.azure.acting import acting
    from toolkit.azure.arm import ARM

    return acting(context.run.credential().get_token(f"{ARM}/.default").token).object_id or "OBJECT_ID"


_AFTER = ("subscription-state", "data-declares")
CHECKS: tuple[Check[Context], ...] = (
    Check("permissions-actions", "permissions", "This identity may do every action of the plan", _plan, depends=_AFTER),
    Check(
        "permissions-roles",
        "permissions",
        "This identity may assign the roles and set the locks of the plan",
        _assigning,
        depends=_AFTER,
    ),
    Check(
        "permissions-state",
        "permissions",
        "This identity may read and write the state (data actions)",
        _data,
        depends=("subscription-state",),
    ),
)
