"""Role-based access, role assignments and locks."""

from __future__ import annotations

import uuid

from tests.unit.sandbox.arm.conftest import RG, SUB, TENANT, Arm
from toolkit.sandbox.arm.access import RoleBasedAccess, builtin_roles
from toolkit.sandbox.model import Principal

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
KEY_VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
ROLES = "providers/Microsoft.Authorization/roleDefinitions"
NSG = f"{RG}/providers/Microsoft.Network/networkSecurityGroups/nsg"
PLAIN = {"location": "westeurope"}


def make_identity(arm: Arm, name: str = "id-test") -> str:
    identity = f"{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    principal: str = arm.ok("PUT", identity, PLAIN)["properties"]["principalId"]
    return principal


def assignment(scope: str, name: str | None = None) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name or uuid.uuid4()}"


def grant(arm: Arm, scope: str, role: str, principal: str, name: str | None = None) -> str:
    path = assignment(scope, name)
    arm.ok("PUT", path, body(role, principal))
    return path


def body(role: str, principal: str, **more: str) -> dict[str, dict[str, str]]:
    return {"properties": {"roleDefinitionId": f"{SUB}/{ROLES}/{role}", "principalId": principal, **more}}


def principal_of(object_id: str) -> Principal:
    return Principal(object_id, TENANT, "ServicePrincipal")


def test_reader_reads_and_does_not_write(arm: Arm) -> None:
    principal = make_identity(arm)
    arm.ok("PUT", NSG, PLAIN)
    response = arm("GET", NSG, principal=principal)
    assert response.status_code == 403
    message = response.json()["error"]["message"]
    assert f"object id '{principal}'" in message
    assert "'Microsoft.Network/networkSecurityGroups/read'" in message
    grant(arm, RG, READER, principal)
    assert arm("GET", NSG, principal=principal).status_code == 200
    assert arm.refused("PUT", NSG, PLAIN, principal=principal) == (403, "AuthorizationFailed")


def test_a_deleted_assignment_grants_nothing(arm: Arm) -> None:
    principal = make_identity(arm)
    path = grant(arm, RG, READER, principal)
    assert arm("GET", RG, principal=principal).status_code == 200
    assert arm("DELETE", path).json()["properties"]["principalId"] == principal
    assert arm("GET", RG, principal=principal).status_code == 403


def test_contributor_cannot_assign_roles(arm: Arm) -> None:
    principal = make_identity(arm)
    grant(arm, RG, CONTRIBUTOR, principal)
    assert arm("PUT", NSG, PLAIN, principal=principal).status_code == 201
    assert arm.refused("PUT", assignment(RG), body(READER, principal), principal=principal) == (
        403,
        "AuthorizationFailed",
    )


def test_asking_whether_a_name_is_free_is_a_read(arm: Arm) -> None:
    """https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault"""
    principal = make_identity(arm)
    grant(arm, SUB, KEY_VAULT_READER, principal)
    sent = {"name": "kv-free", "type": "Microsoft.KeyVault/vaults"}
    asked = f"{SUB}/providers/Microsoft.KeyVault/checkNameAvailability"
    assert arm("POST", asked, sent, principal=principal).status_code == 200
    asked = f"{SUB}/providers/Microsoft.Storage/checkNameAvailability"
    sent = {"name": "stfree", "type": "Microsoft.Storage/storageAccounts"}
    assert arm.refused("POST", asked, sent, principal=principal) == (403, "AuthorizationFailed")


def test_data_actions_follow_scope_and_role(arm: Arm) -> None:
    access = RoleBasedAccess(arm.store)
    principal = make_identity(arm)
    account = f"{RG}/providers/Microsoft.Storage/storageAccounts/st1"
    arm.ok("PUT", account, {**PLAIN, "sku": {"name": "Standard_LRS"}})
    raw = f"{account}/blobServices/default/containers/raw"
    arm.ok("PUT", raw, {})
    grant(arm, raw, BLOB_READER, principal)
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    who = principal_of(principal)
    assert access.allows_data_action(who, raw, f"{blobs}/read")
    assert access.allows_data_action(who, raw.upper(), f"{blobs}/READ".lower())
    assert not access.allows_data_action(who, raw, f"{blobs}/write")
    assert not access.allows_data_action(who, raw + "2", f"{blobs}/read")
    assert not access.allows_data_action(who, account, f"{blobs}/read")
    assert not access.allows_action(who, raw, f"{blobs}/read")


def test_not_actions_take_away(arm: Arm) -> None:
    access = RoleBasedAccess(arm.store)
    principal = make_identity(arm)
    grant(arm, RG, DATA_SCIENTIST, principal)
    workspace = f"{RG}/providers/Microsoft.MachineLearningServices/workspaces/w"
    kind = "Microsoft.MachineLearningServices/workspaces"
    who = principal_of(principal)
    assert access.allows_action(who, workspace, f"{kind}/jobs/write")
    assert not access.allows_action(who, workspace, f"{kind}/write")
    assert not access.allows_action(who, workspace, f"{kind}/computes/cpu/write")


def test_assignment_rules(arm: Arm) -> None:
    principal = make_identity(arm)
    path = grant(arm, RG, READER, principal)
    assert arm("PUT", path, body(READER, principal)).status_code == 200
    assert arm.refused("PUT", path, body(CONTRIBUTOR, principal)) == (400, "RoleAssignmentUpdateNotPermitted")
    assert arm.refused("PUT", assignment(RG), body(READER, principal)) == (409, "RoleAssignmentExists")
    unknown = str(uuid.uuid4())
    assert arm.refused("PUT", assignment(RG), body(READER, unknown)) == (400, "PrincipalNotFound")
    assert arm("PUT", assignment(RG), body(READER, unknown, principalType="ServicePrincipal")).status_code == 201
    assert arm.refused("PUT", assignment(RG), body(unknown, principal)) == (404, "RoleDefinitionDoesNotExist")
    assert arm.refused("PUT", assignment(RG, "no-guid"), body(READER, principal)) == (400, "InvalidRoleAssignmentId")
    assert arm.refused("GET", assignment(RG)) == (404, "RoleAssignmentNotFound")


def test_deleting_an_identity_leaves_its_assignments(arm: Arm) -> None:
    principal = make_identity(arm)
    path = grant(arm, RG, READER, principal)
    arm.ok("DELETE", f"{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-test")
    assert arm.ok("GET", path)["properties"]["principalId"] == principal
    assert arm.directory.principal(principal) is None


def test_lists_of_assignments(arm: Arm) -> None:
    principal = make_identity(arm)
    arm.ok("PUT", NSG, PLAIN)
    above, below = grant(arm, RG, READER, principal), grant(arm, NSG, CONTRIBUTOR, principal)
    listed = f"{RG}/providers/Microsoft.Authorization/roleAssignments?$filter="
    mine = arm.ok("GET", f"{listed}principalId eq '{principal}'")["value"]
    assert {entry["id"] for entry in mine} == {above, below}
    assert all(entry["properties"]["scope"] for entry in mine)
    here = arm.ok("GET", f"{listed}atScope() and assignedTo('{principal}')")["value"]
    assert [entry["id"] for entry in here] == [above]
    assert len(arm.ok("GET", f"{listed}atScope()")["value"]) == 2  # the engineer's Owner above, and this one


def test_role_definitions(arm: Arm) -> None:
    (found,) = arm.ok("GET", f"{RG}/{ROLES}?$filter=roleName eq 'Storage Blob Data Reader'")["value"]
    assert found["name"] == BLOB_READER
    nobody = "77777777-7777-7777-7777-777777777777"
    assert arm.ok("GET", f"/{ROLES}/{READER}", principal=nobody)["properties"]["roleName"] == "Reader"

    custom = f"{SUB}/{ROLES}/{uuid.uuid4()}"
    permissions = [{"actions": ["Microsoft.Network/networkSecurityGroups/read"]}]
    properties = {"roleName": "nsg reader", "assignableScopes": [RG], "permissions": permissions}
    arm.ok("PUT", custom, {"properties": properties})
    principal = make_identity(arm)
    arm.ok("PUT", NSG, PLAIN)
    guid = custom.rsplit("/", 1)[-1]
    beyond = arm.refused("PUT", assignment(SUB), body(guid, principal))
    assert beyond == (400, "RoleAssignmentScopeNotAssignableToRoleDefinition")
    path = grant(arm, RG, guid, principal)
    assert arm("GET", NSG, principal=principal).status_code == 200
    assert arm.refused("DELETE", custom) == (400, "RoleDefinitionHasAssignments")
    arm.ok("DELETE", path)
    arm.ok("DELETE", custom)
    assert arm("GET", NSG, principal=principal).status_code == 403


def test_every_builtin_role_is_complete() -> None:
    roles = builtin_roles()
    assert len(roles) >= 60
    for guid, role in roles.items():
        uuid.UUID(guid)
        (permissions,) = role["properties"]["permissions"]
        assert permissions["actions"] or permissions["dataActions"], role["properties"]["roleName"]
    assert len({role["properties"]["roleName"] for role in roles.values()}) == len(roles)


def test_locks_are_inherited_and_looked_for_below(arm: Arm) -> None:
    arm.ok("PUT", NSG, PLAIN)
    lock = f"{NSG}/providers/Microsoft.Authorization/locks/keep"
    arm.ok("PUT", lock, {"properties": {"level": "CanNotDelete"}})
    response = arm("DELETE", RG)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "ScopeLocked")
    assert NSG in response.json()["error"]["message"]
    assert arm.refused("DELETE", NSG) == (409, "ScopeLocked")
    assert arm("PUT", NSG, PLAIN).status_code == 200
    arm.ok("PUT", lock, {"properties": {"level": "ReadOnly"}})
    assert arm.refused("PUT", NSG, PLAIN) == (409, "ScopeLocked")
    principal = make_identity(arm)
    assert arm.refused("PUT", assignment(NSG), body(READER, principal)) == (409, "ScopeLocked")
    arm.ok("DELETE", lock)
    arm.ok("DELETE", NSG)


def test_linked_rights(arm: Arm) -> None:
    """Writing a resource that uses an identity needs the right to assign that identity."""
    principal = make_identity(arm)
    other = f"{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/other"
    arm.ok("PUT", other, PLAIN)
    grant(arm, RG, "673868aa-7521-48a0-acc6-0f60742d39f5", principal)  # Data Factory Contributor
    factory = f"{RG}/providers/Microsoft.DataFactory/factories/adf-linked"
    sent = {**PLAIN, "identity": {"type": "UserAssigned", "userAssignedIdentities": {other: {}}}}
    assert arm.refused("PUT", factory, sent, principal=principal) == (403, "LinkedAuthorizationFailed")
    grant(arm, other, "f1a07417-d97a-45cb-824c-7a7467783830", principal)  # Managed Identity Operator
    made = arm.ok("PUT", factory, sent, principal=principal)
    assert made["identity"]["userAssignedIdentities"][other]["clientId"]
