"""Role assignments: those that were meant, and no others where others would hurt.

https://learn.microsoft.com/azure/role-based-access-control/role-assignments
"""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from toolkit.azure.denial import ROLE_SECONDS
from toolkit.smoke.checks.common import fail_if, same
from toolkit.smoke.context import Context
from toolkit.smoke.model import Check, Evidence

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged
BROAD_ROLES: dict[str, str] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}


def assignments_exist(context: Context) -> Evidence:
    identities = {str(i["principal_id"]).casefold() for i in _identities(context)}
    problems = []
    assignments: dict[str, Any] = context.output("role_assignments")
    with context.runner().authorization() as client:
        for key, meant in assignments.items():
            try:
                found: Any = client.role_assignments.get_by_id(meant["id"])
            except ResourceNotFoundError:
                problems.append(f"{key} does not exist")
                continue
            for name, wanted, have in (
                ("principal", meant["principal_id"], found.principal_id),
                ("role", _guid(meant["role_definition_id"]), _guid(found.role_definition_id)),
                ("scope", meant["scope"], found.scope),
            ):
                if not same(have, wanted):
                    problems.append(f"{key} has the {name} {have}, not {wanted}")
            if str(found.principal_id).casefold() in identities and found.principal_type != "ServicePrincipal":
                problems.append(f"{key} has the principal type {found.principal_type}, not ServicePrincipal")
    if not assignments:
        problems.append("the outputs name no role assignment")
    fail_if(problems, hint="toolkit apply makes what is missing", retry_seconds=context.check.retry_seconds)
    return {"assignments": len(assignments)}


def probes_have_nothing_else(context: Context) -> Evidence:
    """A probe with one role more would make denials pass, or fail, for the wrong reason."""
    meant = {str(a["id"]).casefold() for a in context.output("role_assignments").values()}
    problems, evidence = [], {}
    for name, probe in context.output("probe_identities").items():
        found = _assignments_of(context, probe["principal_id"])
        extra = [a for a in found if name == "nobody" or str(a.id).casefold() not in meant]
        evidence[name] = len(found)
        problems += [f"{name} has a role that nobody meant: {_words(a)}" for a in extra]
    fail_if(problems, hint="delete these role assignments", retry_seconds=context.check.retry_seconds)
    return {"assignments": evidence}


def no_broad_roles(context: Context) -> Evidence:
    subscription = f"/subscriptions/{context.environment.subscription_id}"
    problems, principals = [], {str(i["principal_id"]) for i in _identities(context)}
    for principal in sorted(principals):
        for assignment in _assignments_of(context, principal):
            broad = _guid(assignment.role_definition_id).casefold() in BROAD_ROLES
            if broad and not is_within(str(assignment.scope), subscription):
                problems.append(f"{principal} has {_words(assignment)}")
    fail_if(problems, hint="assign the role on the resource group or the resource, or a narrower role")
    return {"principals": len(principals)}


def is_within(scope: str, subscription: str) -> bool:
    """Whether ``scope`` is inside of the subscription: not the subscription itself, a management group or ``/``."""
    return scope.casefold().startswith(f"{subscription.casefold()}/") and scope.rstrip("/").count("/") > 2


def _identities(context: Context) -> list[dict[str, Any]]:
    """The platform's own service principals."""
    factory = {"principal_id": context.output("data_factory_principal_id")}
    return [*context.output("identities").values(), *context.output("probe_identities").values(), factory]


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


def _words(assignment: Any) -> str:
    guid = _guid(assignment.role_definition_id)
    return f"{BROAD_ROLES.get(guid.casefold(), f'role {guid}')} on {assignment.scope}"


CHECKS: tuple[Check, ...] = (
    Check(
        id="rbac-assignments",
        category="rbac",
        title="Every role assignment is there, with its principal, role and scope",
        function=assignments_exist,
        outputs=("role_assignments", "identities", "probe_identities", "data_factory_principal_id"),
        retry_seconds=ROLE_SECONDS,
    ),
    Check(
        id="rbac-probes-minimal",
        category="rbac",
        title="The probe identities have no role that was not meant, and nobody has none",
        function=probes_have_nothing_else,
        outputs=("resource_group_name", "role_assignments", "probe_identities"),
        retry_seconds=ROLE_SECONDS,
    ),
    Check(
        id="rbac-no-broad-roles",
        category="rbac",
        title="No identity of the platform has a broad role on the subscription or above",
        function=no_broad_roles,
        outputs=("resource_group_name", "identities", "probe_identities", "data_factory_principal_id"),
    ),
)
