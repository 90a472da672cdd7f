"""Conditions on the delegation of role assignment management.

The conditions are those of https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples.
"""

from __future__ import annotations

import pytest

from tests.unit.sandbox.arm.conftest import RG, Arm
from tests.unit.sandbox.arm.test_authorization import BLOB_READER, CONTRIBUTOR, READER, assignment, body, make_identity
from toolkit.sandbox.arm.conditions import facts_of_storage, parse_condition
from toolkit.sandbox.arm.errors import ArmError

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
TYPE = "Microsoft.Authorization/roleAssignments"
WRITE, DELETE = f"{TYPE.lower()}/write", f"{TYPE.lower()}/delete"

ONLY_READERS = f"""
((!(ActionMatches{{'{TYPE}/write'}}))
 OR (@Request[{TYPE}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{READER}, {BLOB_READER}}}
     AND @Request[{TYPE}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal', 'Group'}}))
AND
((!(ActionMatches{{'{TYPE}/delete'}}))
 OR (@Resource[{TYPE}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{READER}, {BLOB_READER}}}))
"""
ALL_BUT_PRIVILEGED = f"""
((!(ActionMatches{{'{TYPE}/write'}})) OR (@Request[{TYPE}:RoleDefinitionId]
  ForAnyOfAllValues:GuidNotEquals {{{OWNER}, {ACCESS_ADMINISTRATOR}, {RBAC_ADMINISTRATOR}}}))
"""
# One role to one principal, another to everybody but it: the form of terraform/bootstrap/delegation.tf.
SOMEBODY = "5a1b0000-0000-4000-8000-000000000001"
BOUND = f"""
((!(ActionMatches{{'{TYPE}/write'}}))
 OR (@Request[{TYPE}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{CONTRIBUTOR}}}
     AND @Request[{TYPE}:PrincipalId] ForAnyOfAnyValues:GuidEquals {{{SOMEBODY}}})
 OR (@Request[{TYPE}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{READER}}}
     AND (@Request[{TYPE}:PrincipalId] ForAnyOfAllValues:GuidNotEquals {{{SOMEBODY}, {BLOB_READER}}}
          OR @Request[{TYPE}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'Group'}})))
"""


def facts(source: str, **values: str) -> dict[str, str]:
    return {f"@{source}[{TYPE.lower()}:{name}]": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("condition", "action", "known", "expected"),
    [
        (ONLY_READERS, WRITE, facts("request", roledefinitionid=READER, principaltype="group"), True),
        (ONLY_READERS, WRITE, facts("request", roledefinitionid=READER.upper(), principaltype="Group"), True),
        (ONLY_READERS, WRITE, facts("request", roledefinitionid=OWNER, principaltype="Group"), False),
        (ONLY_READERS, WRITE, facts("request", roledefinitionid=READER, principaltype="User"), False),
        (ONLY_READERS, WRITE, facts("request", roledefinitionid=READER), False),
        (ONLY_READERS, DELETE, facts("resource", roledefinitionid=BLOB_READER), True),
        (ONLY_READERS, DELETE, facts("resource", roledefinitionid=OWNER), False),
        (ONLY_READERS, DELETE, facts("request", roledefinitionid=BLOB_READER), False),
        (ONLY_READERS, "microsoft.storage/storageaccounts/read", {}, True),
        (ALL_BUT_PRIVILEGED, WRITE, facts("request", roledefinitionid=CONTRIBUTOR), True),
        (ALL_BUT_PRIVILEGED, WRITE, facts("request", roledefinitionid=OWNER), False),
        (BOUND, WRITE, facts("request", roledefinitionid=CONTRIBUTOR, principalid=SOMEBODY), True),
        (BOUND, WRITE, facts("request", roledefinitionid=CONTRIBUTOR, principalid=OWNER), False),
        (BOUND, WRITE, facts("request", roledefinitionid=READER, principalid=OWNER), True),
        (BOUND, WRITE, facts("request", roledefinitionid=READER, principalid=SOMEBODY), False),
        (BOUND, WRITE, facts("request", roledefinitionid=OWNER, principalid=SOMEBODY), False),
        (f"NOT ActionMatches{{'{TYPE}/*'}}", WRITE, {}, False),
        (f"@Request[{TYPE}:PrincipalId] GuidEquals {READER}", WRITE, facts("request", principalid=READER), True),
        (f"@Request[{TYPE}:PrincipalId] GuidNotEquals {READER}", WRITE, facts("request", principalid=READER), False),
        (f"@Request[{TYPE}:PrincipalType] StringEquals 'User'", WRITE, facts("request", principaltype="user"), False),
        (f"@Request[{TYPE}:PrincipalType] StringNotEquals 'User'", WRITE, {}, False),
    ],
)
def test_meaning(condition: str, action: str, known: dict[str, str], expected: bool) -> None:
    assert parse_condition(condition)(action, known) is expected


IN_TWO_ACCOUNTS = """
((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'}))
 OR (@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'one'
     OR (@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'two'
         AND @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'c')))
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("one", True),
        ("ONE/blobServices/default/containers/d", True),
        ("two/blobServices/default/containers/c", True),
        ("two/blobServices/default/containers/d", False),
        ("two", False),
        ("three/blobServices/default/containers/c", False),
        ("", False),
    ],
)
def test_a_condition_on_names_of_storage(path: str, expected: bool) -> None:
    """The form of CI's own data role (terraform/bootstrap/delegation.tf)."""
    known = facts_of_storage(f"{RG}/providers/Microsoft.Storage/storageAccounts/{path}".rstrip("/"))
    action = "microsoft.storage/storageaccounts/blobservices/containers/blobs/write"
    assert parse_condition(IN_TWO_ACCOUNTS)(action, known) is expected
    assert parse_condition(IN_TWO_ACCOUNTS)(action.replace("write", "read"), known)


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        (
            "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringEquals 'a'",
            "blobs:path",
        ),
        ("@Request[Microsoft.Storage/storageAccounts:name] StringEquals 'a'", "@Request"),
        (f"@Principal[{TYPE}:PrincipalId] GuidEquals {READER}", "@Principal"),
        (f"SubOperationMatches{{'{TYPE}'}}", "SubOperationMatches"),
        (f"@Request[{TYPE}:PrincipalType] StringLike 'Us*'", "StringLike"),
        (f"ActionMatches{{'{TYPE}/write'}} AND ActionMatches{{'a'}} OR ActionMatches{{'b'}}", "without parentheses"),
        (f"(ActionMatches{{'{TYPE}/write'}}", "an end in the middle"),
        (f"ActionMatches{{'{TYPE}/write'}})", "')'"),
        ("", "an end in the middle"),
    ],
)
def test_what_is_not_understood_is_named(condition: str, named: str) -> None:
    with pytest.raises(ArmError) as caught:
        parse_condition(condition)
    assert caught.value.status == 501
    assert named in caught.value.message


@pytest.fixture
def delegate(arm: Arm) -> str:
    """An identity that may assign the two reader roles in the resource group."""
    principal = make_identity(arm, "id-delegate")
    arm.ok(
        "PUT",
        assignment(RG),
        body(RBAC_ADMINISTRATOR, principal, condition=ONLY_READERS, conditionVersion="2.0"),
    )
    return principal


def test_a_delegate_assigns_and_removes_what_the_condition_names(arm: Arm, delegate: str) -> None:
    other, path = make_identity(arm, "id-other"), assignment(RG)
    sent = body(READER, other, principalType="ServicePrincipal")
    assert arm("PUT", path, sent, principal=delegate).status_code == 201
    assert arm("DELETE", path, principal=delegate).status_code == 200


def test_a_type_that_nobody_said_fulfils_no_condition_on_it(arm: Arm, delegate: str) -> None:
    other = make_identity(arm, "id-other")
    assert arm.refused("PUT", assignment(RG), body(READER, other), principal=delegate) == (403, "AuthorizationFailed")


def test_a_type_that_is_not_the_principals_is_refused(arm: Arm, delegate: str) -> None:
    sent = body(READER, make_identity(arm, "id-other"), principalType="Group")
    assert arm.refused("PUT", assignment(RG), sent, principal=delegate) == (400, "UnmatchedPrincipalType")


@pytest.mark.parametrize("role", [OWNER, ACCESS_ADMINISTRATOR, RBAC_ADMINISTRATOR, CONTRIBUTOR])
def test_a_delegate_assigns_nothing_else(arm: Arm, delegate: str, role: str) -> None:
    response = arm("PUT", assignment(RG), body(role, delegate, principalType="ServicePrincipal"), principal=delegate)
    assert response.status_code == 403
    assert "ABAC condition that is not fulfilled" in response.json()["error"]["message"]


def test_a_delegate_removes_nothing_else(arm: Arm, delegate: str) -> None:
    path = assignment(RG)
    arm.ok("PUT", path, body(CONTRIBUTOR, make_identity(arm, "id-other")))
    assert arm.refused("DELETE", path, principal=delegate) == (403, "AuthorizationFailed")


def test_a_delegate_cannot_lift_its_own_condition(arm: Arm, delegate: str) -> None:
    held = arm.ok("GET", f"{RG}/providers/{TYPE}?$filter=principalId%20eq%20'{delegate}'")["value"]
    (own,) = held
    response = arm("PUT", own["id"], body(RBAC_ADMINISTRATOR, delegate), principal=delegate)
    assert response.status_code == 403


def test_a_condition_needs_its_version(arm: Arm) -> None:
    sent = body(READER, make_identity(arm), condition=ONLY_READERS)
    assert arm.refused("PUT", assignment(RG), sent) == (400, "InvalidRequestContent")


def test_an_assignment_on_a_condition_that_is_not_understood_is_refused(arm: Arm) -> None:
    sent = body(READER, make_identity(arm), condition="SubOperationMatches{'Blob.List'}", conditionVersion="2.0")
    assert arm("PUT", assignment(RG), sent).status_code == 501
