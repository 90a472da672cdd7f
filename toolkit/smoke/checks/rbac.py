"""Role assignments: those that were meant, and no others where others would hurt.

https://learn.microsoft.com/azure/role-based-access-control/role-assignments
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from toolkit.azure.codes import ROLE_SECONDS
from toolkit.checks.model import Check, Facts
from toolkit.live.inventory import IDENTITIES
from toolkit.smoke.checks.control_plane import absent, extra, fail_if, same
from toolkit.smoke.context import Context

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged
BROAD_ROLES: dict[str, str] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}


def assignments_exist(context: Context) -> Facts:
    names = _names(context)
    problems: list[str] = []
    assignments: dict[str, Any] = context.output("role_assignments")
    with context.runner().authorization() as client:
        for key, meant in assignments.items():
            who = names.get(str(meant["principal_id"]).casefold())
            shown = f"{key} ({meant['role']} of {who or meant['principal_id']})"
            try:
                found: Any = client.role_assignments.get_by_id(meant["id"])
            except ResourceNotFoundError:
                problems.append(absent(f"{shown} does not exist"))
                continue
            for name, wanted, have in (
                ("principal", meant["principal_id"], found.principal_id),
                ("role", _guid(meant["role_definition_id"]), _guid(found.role_definition_id)),
                ("scope", meant["scope"], found.scope),
            ):
                if not same(have, wanted):
                    problems.append(f"{shown} has the {name} {have}, not {wanted}")
            if who and found.principal_type != "ServicePrincipal":
                problems.append(f"{shown} has the principal type {found.principal_type}, not ServicePrincipal")
    fail_if(problems, hint="toolkit apply makes what is missing", retry_seconds=context.check.retry_seconds)
    return {"assignments": len(assignments)}


def probes_have_nothing_else(context: Context) -> Facts:
    """A probe with one role more would make denials pass, or fail, for the wrong reason."""
    every = context.output("role_assignments").values()
    meant = {str(a["id"]).casefold() for a in every}
    owners = {str(a["principal_id"]).casefold() for a in every}
    problems, facts = [], {}
    for name, probe in context.output("probe_identities").items():
        found = _assignments_of(context, probe["principal_id"])
        foreign = [a for a in found if name == "nobody" or str(a.id).casefold() not in meant]
        facts[name] = len(found)
        problems += [extra(f"{name} has a role that nobody meant: {_words(context, a)}") for a in foreign]
        if not found and str(probe["principal_id"]).casefold() in owners:
            # An empty answer would also hide what is too much.
            problems.append(absent(f"no role of {name} can be seen, although it was given some"))
    fail_if(problems, hint="delete these role assignments", retry_seconds=context.check.retry_seconds)
    return {"assignments": facts}


def no_broad_roles(context: Context) -> Facts:
    subscription = f"/subscriptions/{context.environment.subscription_id}"
    problems, facts = [], {}
    for principal, name in sorted({**_made(context), **_names(context)}.items(), key=lambda item: item[1]):
        found = _assignments_of(context, principal)
        facts[name] = len(found)
        for assignment in found:
            if is_within(str(assignment.scope), subscription):
                continue
            if why := _why_broad(context, assignment.role_definition_id):
                problems.append(extra(f"{name} has {_words(context, assignment)}, which {why}"))
    if not any(facts.values()):
        problems.append(absent("no role of any identity can be seen, so nothing is known of broad ones"))
    fail_if(problems, hint="assign the role on the resource group or the resource, or a narrower role")
    return {"assignments": facts}


def is_within(scope: str, subscription: str) -> bool:
    """Whether ``scope`` is inside of the subscription: not the subscription itself, a management group or ``/``."""
    return scope.casefold().startswith(f"{subscription.casefold()}/") and scope.rstrip("/").count("/") > 2


def broad_permission(actions: Iterable[str], data_actions: Iterable[str]) -> str | None:
    """What is too much on a whole subscription, or above it: whatever is not one named operation, or read of anything.

    Data actions there reach every account and vault. Writing role assignments and definitions is any role's door to all
    others: https://learn.microsoft.com/azure/role-based-access-control/custom-roles
    """
    for action in data_actions:
        return f"permits the data action {action}"
    for action in actions:
        *path, verb = action.casefold().split("/")
        named = "*" not in action
        if verb == "read" or (named and path[:1] != ["microsoft.authorization"]):
            continue
        return f"permits {action}"
    return None


def _names(context: Context) -> dict[str, str]:
    """The platform's own service principals: what each is called, by its principal id in lower case."""
    ours = {
        **{f"the identity {name}": one["principal_id"] for name, one in context.output("identities").items()},
        **{f"the probe {name}": one["principal_id"] for name, one in context.output("probe_identities").items()},
        "the data factory": context.output("data_factory_principal_id"),
    }
    return {str(principal).casefold(): name for name, principal in ours.items()}


def _made(context: Context) -> dict[str, str]:
    """Identities that the states know and no output says, such as the one that plans act as."""
    return {
        str(principal).casefold(): f"the identity {one.id.rsplit('/', 1)[-1]}"
        for one in context.run.manifest().of(IDENTITIES)
        if (principal := one.body.get("properties", {}).get("principalId"))
    }


def _assignments_of(context: Context, principal_id: str) -> list[Any]:
    """Everything that a principal is assigned directly: at, above and below the resource group.

    Asked of the group, since a CI identity may read no more. With this filter the answer goes up to the subscription:
    https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-resource-group
    """
    group, principal = context.output("resource_group_name"), f"principalId eq '{principal_id}'"
    with context.runner().authorization() as client:
        return list(client.role_assignments.list_for_resource_group(group, filter=principal))


def _guid(role_definition_id: str) -> str:
    return role_definition_id.split("/")[-1]


def _words(context: Context, assignment: Any) -> str:
    return f"{_role_name(context, assignment.role_definition_id)} on {assignment.scope}"


def _why_broad(context: Context, role_definition_id: str) -> str | None:
    if _guid(role_definition_id).casefold() in BROAD_ROLES:
        return "is one of the privileged roles"
    found = _definition(context, role_definition_id)
    return broad_permission(
        [action for permission in found.permissions for action in permission.actions or []],
        [action for permission in found.permissions for action in permission.data_actions or []],
    )


def _role_name(context: Context, role_definition_id: str) -> str:
    """As Azure calls it; by its GUID where the runner may not read that."""
    guid = _guid(role_definition_id)
    if name := BROAD_ROLES.get(guid.casefold()):
        return name
    try:
        return str(_definition(context, role_definition_id).role_name)
    except HttpResponseError:
        return f"role {guid}"


def _definition(context: Context, role_definition_id: str) -> Any:
    """Asked of the resource group, since a CI identity may read no more: definitions are seen from all their scopes."""
    subscription, group = context.environment.subscription_id, context.output("resource_group_name")
    with context.runner().authorization() as client:
        return client.role_definitions.get(
            f"/subscriptions/{subscription}/resourceGroups/{group}", _guid(role_definition_id)
        )


CHECKS: tuple[Check[Context], ...] = (
    Check(
        id="rbac-assignments",
        category="rbac",
        title="Every role assignment that the platform's root made is there, with its principal, role and scope",
        function=assignments_exist,
        outputs=("role_assignments", "identities", "probe_identities", "data_factory_principal_id"),
        retry_seconds=ROLE_SECONDS,
        controls=("PA-7", "AC-2"),
    ),
    Check(
        id="rbac-probes-minimal",
        category="rbac",
        title="The probe identities have no role that was not meant, and nobody has none",
        function=probes_have_nothing_else,
        outputs=("resource_group_name", "role_assignments", "probe_identities"),
        retry_seconds=ROLE_SECONDS,
        controls=("PA-7", "AC-6"),
    ),
    Check(
        id="rbac-no-broad-roles",
        category="rbac",
        title="No identity of the platform has a broad role on the subscription or above",
        function=no_broad_roles,
        outputs=("resource_group_name", "identities", "probe_identities", "data_factory_principal_id"),
        controls=("PA-1", "AC-6"),
    ),
)
