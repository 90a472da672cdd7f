"""Microsoft.Authorization: role assignments, role definitions, permissions and locks.

https://learn.microsoft.com/azure/role-based-access-control/role-assignments-steps, …/troubleshooting, …/custom-roles
"""

from __future__ import annotations

import re
import uuid
from copy import deepcopy
from datetime import UTC, datetime

from toolkit.records import Json
from toolkit.sandbox.arm.access import ASSIGNMENTS, DEFINITIONS, builtin_roles
from toolkit.sandbox.arm.conditions import parse_condition
from toolkit.sandbox.arm.errors import bad_request, conflict, not_found, not_modelled
from toolkit.sandbox.arm.ids import within
from toolkit.sandbox.arm.locks import LOCKS
from toolkit.sandbox.arm.provider_operations import Kind, exists, is_known_provider
from toolkit.sandbox.arm.resource_type import Call, ResourceType
from toolkit.sandbox.store import Resource, Store


def _definition(store: Store, guid: str) -> Json | None:
    """A built-in or custom role definition by its guid."""
    builtin = builtin_roles().get(guid.lower())
    if builtin is not None:
        return builtin
    return next((d.body for d in store.of_type(DEFINITIONS) if d.name.lower() == guid.lower()), None)


def _guid(name: str, what: str, code: str) -> None:
    try:
        uuid.UUID(name)
    except ValueError as error:
        raise bad_request(code, f"The {what} ID '{name}' is not valid. The {what} ID must be a GUID.") from error


def assignment_facts(call: Call) -> dict[str, str]:
    """What a condition may ask about a role assignment: of the request when written, of itself when deleted.

    https://learn.microsoft.com/azure/role-based-access-control/conditions-authorization-actions-attributes. A request
    has the principal's type only where it says so: https://github.com/hashicorp/terraform-provider-azurerm/issues/23364
    """
    source = {"PUT": "request", "DELETE": "resource"}.get(call.method, "")
    known = call.sent if call.method == "PUT" else (call.existing.properties if call.existing else {})
    facts = {
        "roledefinitionid": str(known.get("roleDefinitionId", "")).rsplit("/", 1)[-1],
        "principalid": str(known.get("principalId", "")),
        "principaltype": str(known.get("principalType") or ""),
    }
    return {f"@{source}[{ASSIGNMENTS.lower()}:{name}]": value for name, value in facts.items() if source and value}


def _condition_checked(sent: Json) -> None:
    """https://learn.microsoft.com/azure/role-based-access-control/conditions-format"""
    condition = sent.get("condition")
    if not condition:
        return
    if sent.get("conditionVersion") != "2.0":
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid: a role assignment with a condition needs 'conditionVersion' 2.0.",
        )
    parse_condition(condition)


def _assignment_checked(call: Call, resource: Resource) -> None:
    store, sent = call.resources.store, resource.properties
    _guid(call.id.name, "role assignment", "InvalidRoleAssignmentId")
    role, principal = str(sent.get("roleDefinitionId", "")).rsplit("/", 1)[-1], str(sent.get("principalId", ""))
    if not role or not principal:
        raise bad_request(
            "InvalidRequestContent",
            "The request content was invalid: 'roleDefinitionId' and 'principalId' are required.",
        )
    definition = _definition(store, role)
    if definition is None:
        raise not_found("RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role}' does not exist.")
    # A custom role can be assigned below its assignable scopes only (the code is inferred):
    # https://learn.microsoft.com/azure/role-based-access-control/role-definitions#assignablescopes
    assignable = [str(allowed).rstrip("/").lower() for allowed in definition["properties"]["assignableScopes"]]
    if not any(within(allowed, call.id.scope.lower()) for allowed in assignable):
        raise bad_request(
            "RoleAssignmentScopeNotAssignableToRoleDefinition",
            f"The given role assignment scope '{call.id.scope}' is not assignable to role definition '{role}'.",
        )
    _condition_checked(sent)
    known = call.resources.world.directory.principal(principal)
    claimed = str(sent.get("principalType") or "")
    # https://github.com/Azure/modern-web-app-pattern-dotnet/pull/129 (Azure's own spelling)
    if known is not None and claimed and claimed.lower() != known.kind.lower():
        raise bad_request(
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal.replace('-', '')}' has type '{known.kind}' , which is different from "
            f"specified PrinciaplType '{claimed}'.",
        )
    if not claimed and known is None:
        raise bad_request(
            "PrincipalNotFound",
            f"Principal {principal.replace('-', '')} does not exist in the directory {call.tenant_id}. Check that "
            "you have the correct principal ID. If you are creating this principal and then immediately assigning a "
            "role, this error might be related to a replication delay. In this case, set the role assignment "
            "principalType property to a value, such as ServicePrincipal, User, or Group.  "
            "See https://aka.ms/docs-principaltype",
        )
    scope = call.id.scope or "/"
    for other in store.of_type(ASSIGNMENTS):
        held = other.properties
        same_grant = (
            held["scope"].lower() == scope.lower()
            and held["principalId"].lower() == principal.lower()
            and held["roleDefinitionId"].rsplit("/", 1)[-1].lower() == role.lower()
        )
        if other.name.lower() == call.id.name.lower():
            if not same_grant:
                raise bad_request(
                    "RoleAssignmentUpdateNotPermitted",
                    "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
                )
        elif same_grant:
            existing = other.name.replace("-", "")
            raise conflict(
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the existing role assignment is {existing}.",
            )


def _assignment(call: Call, resource: Resource) -> None:
    now, properties = datetime.now(UTC).isoformat(), resource.properties
    directory = call.resources.world.directory
    principal = directory.principal(properties["principalId"])
    role = properties["roleDefinitionId"].rsplit("/", 1)[-1]
    prefix = f"/subscriptions/{call.id.subscription_id}" if call.id.subscription_id else ""
    created = call.existing.properties if call.existing else {"createdOn": now, "createdBy": call.principal.object_id}
    properties.update(
        roleDefinitionId=f"{prefix}/providers/{DEFINITIONS}/{role}",
        scope=call.id.scope or "/",
        createdOn=created["createdOn"],
        createdBy=created["createdBy"],
        updatedOn=now,
        updatedBy=call.principal.object_id,
    )
    properties.setdefault("principalType", principal.kind if principal else "ServicePrincipal")
    for name in ("condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description"):
        properties.setdefault(name, None)


_ASSIGNMENT_FILTER = re.compile(
    r"(?P<at>atScope\(\))|(?:principalId\s+eq\s+|assignedTo\()'?(?P<principal>[^')]+)'?\)?", re.IGNORECASE
)


def _list_assignments(call: Call) -> list[Json]:
    """At, above and below the scope; ``atScope()`` leaves out what is below
    (https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest)."""
    at_scope, principals = False, []
    for term in re.split(r"\s+and\s+", call.query.get("$filter", "")):
        match = _ASSIGNMENT_FILTER.fullmatch(term.strip())
        if match is None and term.strip():
            raise not_modelled(f"the filter '{term}' on role assignments", "types/authorization.py")
        if match is not None and match["at"]:
            at_scope = True
        elif match is not None:
            principals.append(match["principal"].lower())
    here = call.id.scope.lower()
    found = []
    for assignment in call.resources.store.of_type(ASSIGNMENTS):
        scope = assignment.properties["scope"].rstrip("/").lower()
        if (within(scope, here) or (not at_scope and within(here, scope))) and all(
            assignment.properties["principalId"].lower() == principal for principal in principals
        ):
            found.append(assignment.body)
    return found


# -- role definitions --------------------------------------------------------------------------------------------------


def _shown(call: Call, definition: Json) -> Json:
    shown = deepcopy(definition)
    if call.id.subscription_id:
        shown["id"] = f"/subscriptions/{call.id.subscription_id}/providers/{DEFINITIONS}/{definition['name']}"
    return shown


def _find_definition(call: Call) -> Resource | None:
    definition = _definition(call.resources.store, call.id.name)
    if definition is None:
        return None
    if definition["properties"]["type"] == "BuiltInRole":
        if call.method not in ("GET", "HEAD"):
            raise bad_request(
                "RoleDefinitionIsBuiltIn", f"The role definition '{call.id.name}' is built in and cannot be changed."
            )
        return Resource(definition["id"], DEFINITIONS, _shown(call, definition))
    return call.resources.store.get(definition["id"])


_DEFINITION_FILTER = re.compile(
    r"(?P<field>roleName|type)\s+eq\s+'(?P<value>[^']*)'|(?P<scope>atScopeAndBelow\(\))", re.IGNORECASE
)


def _list_definitions(call: Call) -> list[Json]:
    custom = [definition.body for definition in call.resources.store.of_type(DEFINITIONS)]
    found = [_shown(call, definition) for definition in (*builtin_roles().values(), *custom)]
    for term in re.split(r"\s+and\s+", call.query.get("$filter", "")):
        if not term.strip():
            continue
        match = _DEFINITION_FILTER.fullmatch(term.strip())
        if match is None:
            raise not_modelled(f"the filter '{term}' on role definitions", "types/authorization.py")
        if match["field"]:
            key = "roleName" if match["field"].lower() == "rolename" else "type"
            found = [d for d in found if d["properties"][key].lower() == match["value"].lower()]
    return found


def _definition_checked(call: Call, resource: Resource) -> None:
    sent = resource.properties
    _guid(call.id.name, "role definition", "InvalidRoleDefinitionId")
    name = sent.get("roleName")
    if not name or not sent.get("assignableScopes"):
        raise bad_request(
            "RoleDefinitionInvalid", "A role definition needs 'roleName' and at least one assignable scope."
        )
    _permissions_checked(sent.get("permissions") or [])
    # https://learn.microsoft.com/azure/role-based-access-control/custom-roles#who-can-create-delete-update-or-view-a-custom-role
    for scope in sent["assignableScopes"]:
        call.require_linked(f"{DEFINITIONS}/write", scope)
    for other in (*builtin_roles().values(), *(d.body for d in call.resources.store.of_type(DEFINITIONS))):
        if (
            other["name"].lower() != call.id.name.lower()
            and other["properties"]["roleName"].lower() == str(name).lower()
        ):
            raise conflict(
                "RoleDefinitionWithSameNameExists",
                "A custom role with the same name already exists in this directory. Use a different name. The name "
                f"of the role definition is '{name}'.",
            )


# https://github.com/MicrosoftDocs/azure-docs/issues/102571; the code for data actions is inferred.
_INVALID = {
    "actions": ("InvalidActionOrNotAction", "actions"),
    "dataActions": ("InvalidDataActionOrNotDataAction", "data actions"),
}


def _permissions_checked(permissions: list[Json]) -> None:
    """Every action must match an operation of some provider, or the whole definition is refused.

    Azure says so of the first one only. A provider that the sandbox does not know is a gap of the sandbox.
    """
    kinds: tuple[tuple[str, Kind], ...] = (
        ("actions", "actions"),
        ("notActions", "actions"),
        ("dataActions", "dataActions"),
        ("notDataActions", "dataActions"),
    )
    for permission in permissions:
        for key, kind in kinds:
            for action in permission.get(key) or ():
                if not is_known_provider(action):
                    raise not_modelled(f"the provider of the action '{action}'", "provider_operations.json")
                if not exists(action, kind):
                    code, words = _INVALID[kind]
                    raise bad_request(code, f"'{action}' does not match any of the {words} supported by the providers.")


def _custom_definition(call: Call, resource: Resource) -> None:
    resource.properties["type"] = "CustomRole"
    for permission in resource.properties.setdefault("permissions", []):
        for key in ("actions", "notActions", "dataActions", "notDataActions"):
            permission.setdefault(key, [])


def _definition_unused(call: Call, resource: Resource) -> None:
    for assignment in call.resources.store.of_type(ASSIGNMENTS):
        if assignment.properties["roleDefinitionId"].lower().endswith("/" + resource.name.lower()):
            raise bad_request(
                "RoleDefinitionHasAssignments",
                "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments).",
            )


def _list_permissions(call: Call) -> list[Json]:
    """What the caller may do at a scope (https://learn.microsoft.com/rest/api/authorization/permissions)."""
    here = call.id.scope.lower()
    found: list[Json] = []
    for assignment in call.resources.store.of_type(ASSIGNMENTS):
        held = assignment.properties
        if held["principalId"].lower() == call.principal.object_id.lower() and within(
            held["scope"].rstrip("/").lower(), here
        ):
            definition = _definition(call.resources.store, held["roleDefinitionId"].rsplit("/", 1)[-1])
            found += definition["properties"]["permissions"] if definition else []
    return found


def _lock_checked(call: Call, resource: Resource) -> None:
    if resource.properties.get("level") not in ("CanNotDelete", "ReadOnly"):
        raise bad_request(
            "InvalidLockLevel",
            f"The lock level '{resource.properties.get('level')}' is invalid. Use 'CanNotDelete' or 'ReadOnly'.",
        )


def _list_locks(call: Call) -> list[Json]:
    """Locks at, above and below the scope; ``atScope()`` leaves out what is below."""
    here, at_scope = call.id.scope.lower(), "atscope()" in call.query.get("$filter", "").lower()
    found = []
    for lock in call.resources.store.of_type(LOCKS):
        scope = lock.id.rsplit("/providers/", 1)[0].lower()
        if within(scope, here) or (not at_scope and within(here, scope)):
            found.append(lock.body)
    return found


AUTHORIZATION: tuple[ResourceType, ...] = (
    ResourceType(
        ASSIGNMENTS,
        first_api_version="2014-10-01-preview",
        place="extension",
        location="none",
        provisioning_state=False,
        create_status=201,
        update_status=200,
        delete_echoes=True,
        methods=frozenset({"GET", "PUT", "DELETE"}),
        missing=("RoleAssignmentNotFound", "The role assignment '{name}' is not found."),
        validate=_assignment_checked,
        on_put=_assignment,
        list=_list_assignments,
    ),
    ResourceType(
        DEFINITIONS,
        first_api_version="2014-07-01-preview",
        place="extension",
        location="none",
        provisioning_state=False,
        methods=frozenset({"GET", "PUT", "DELETE"}),
        delete_echoes=True,
        missing=("RoleDefinitionDoesNotExist", "The specified role definition with ID '{name}' does not exist."),
        find=_find_definition,
        validate=_definition_checked,
        on_put=_custom_definition,
        before_delete=_definition_unused,
        list=_list_definitions,
    ),
    ResourceType(
        "Microsoft.Authorization/permissions",
        place="extension",
        location="none",
        methods=frozenset({"GET"}),
        list=_list_permissions,
    ),
    ResourceType(
        LOCKS,
        place="extension",
        location="none",
        provisioning_state=False,
        methods=frozenset({"GET", "PUT", "DELETE"}),
        missing=("LockNotFound", "The lock '{name}' could not be found."),
        validate=_lock_checked,
        list=_list_locks,
    ),
)
