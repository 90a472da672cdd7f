"""Custom roles: operations that exist, operations that do not, and the right on every scope."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm
from tests.unit.sandbox.arm.test_authorization import CONTRIBUTOR, grant, make_identity
from toolkit.sandbox.arm.access import builtin_roles
from toolkit.sandbox.arm.provider_operations import exists, is_known_provider, operations
from toolkit.sandbox.arm.registry import REGISTRY

TERRAFORM = Path(__file__).resolve().parents[4] / "terraform"
ACTION = re.compile(r'"(Microsoft\.[A-Za-z]+/[A-Za-z/]+/(?:read|write|delete|action))"')


def actions_in_terraform() -> list[str]:
    files = sorted(path for path in TERRAFORM.rglob("*.tf") if ".terraform" not in path.parts)
    return sorted({action for path in files for action in ACTION.findall(path.read_text(encoding="utf-8"))})


def definition(scope: str = RG, **permission: list[str]) -> dict[str, Any]:
    properties = {"roleName": f"role {uuid.uuid4()}", "assignableScopes": [scope], "permissions": [permission]}
    return {"properties": properties}


def path(scope: str = RG) -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{uuid.uuid4()}"


def test_the_table_is_found() -> None:
    assert len(actions_in_terraform()) > 25


@pytest.mark.parametrize("action", actions_in_terraform())
def test_every_action_of_terraforms_roles_exists(arm: Arm, action: str) -> None:
    arm.ok("PUT", path(), definition(actions=[action]))


@pytest.mark.parametrize(
    "action",
    [
        "Microsoft.Batch/batchAccounts/privateEndpointConnectionsApproval/action",
        "Microsoft.ContainerRegistry/registries/privateLinkResources/read",
        "Microsoft.KeyVault/vaults/purge/action",
        "Microsoft.Storage/storageAccounts/networkAcls/write",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",  # a data action
        "Microsoft.Network/virtualNetworks/subnet/*",
    ],
)
@pytest.mark.parametrize("key", ["actions", "notActions"])
def test_one_action_that_does_not_exist_refuses_the_whole_definition(arm: Arm, key: str, action: str) -> None:
    sent = definition(**{"actions": ["Microsoft.KeyVault/vaults/read"], key: [action]})
    response = arm("PUT", path(), sent)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidActionOrNotAction")
    expected = f"'{action}' does not match any of the actions supported by the providers."
    assert response.json()["error"]["message"] == expected


def test_data_actions_are_looked_up_among_themselves(arm: Arm) -> None:
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    arm.ok("PUT", path(), definition(dataActions=[f"{blobs}/read", f"{blobs}/*"]))
    sent = definition(dataActions=["Microsoft.Storage/storageAccounts/read"])
    assert arm.refused("PUT", path(), sent) == (400, "InvalidDataActionOrNotDataAction")


def test_wildcards_and_other_case_match(arm: Arm) -> None:
    actions = ["*/read", "Microsoft.Storage/*", "microsoft.keyvault/VAULTS/Read", "*"]
    arm.ok("PUT", path(), definition(actions=actions))


def test_a_provider_that_the_sandbox_does_not_know_is_its_own_gap(arm: Arm) -> None:
    response = arm("PUT", path(), definition(actions=["Microsoft.Quantum/workspaces/read"]))
    assert response.status_code >= 400
    assert "provider_operations.json" in response.json()["error"]["message"]


def test_who_makes_a_role_needs_the_right_on_every_assignable_scope(arm: Arm) -> None:
    principal = make_identity(arm)
    role = path(SUB)
    arm.ok("PUT", role, definition(SUB, actions=["Microsoft.Authorization/roleDefinitions/write"]))
    grant(arm, RG, role.rsplit("/", 1)[-1], principal)
    arm.ok("PUT", path(), definition(RG, actions=["Microsoft.KeyVault/vaults/read"]), principal=principal)
    wide = definition(RG, actions=["Microsoft.KeyVault/vaults/read"])
    wide["properties"]["assignableScopes"].append(SUB)
    assert arm.refused("PUT", path(), wide, principal=principal) == (403, "LinkedAuthorizationFailed")


def test_contributor_makes_no_roles(arm: Arm) -> None:
    principal = make_identity(arm)
    grant(arm, RG, CONTRIBUTOR, principal)
    sent = definition(actions=["Microsoft.KeyVault/vaults/read"])
    assert arm.refused("PUT", path(), sent, principal=principal) == (403, "AuthorizationFailed")


def test_built_in_roles_name_operations_that_exist() -> None:
    """Of the providers that are known here; what is left are wildcards over parts that the sandbox does not have."""
    unknown = {
        action
        for role in builtin_roles().values()
        for permission in role["properties"]["permissions"]
        for action in permission["actions"]
        if "*" not in action and is_known_provider(action) and not exists(action, "actions")
    }
    assert unknown == set()


# ARM asks for what is called after the type, also where Azure's list has no such operation; `*/read` covers it.
NOT_LISTED = {
    "microsoft.containerregistry/registries/privatelinkresources/read",
    "microsoft.keyvault/vaults/networksecurityperimeterconfigurations/read",
    "microsoft.storage/storageaccounts/networksecurityperimeterconfigurations/read",
    "microsoft.storage/locations/deletedaccounts/read",
}


def test_the_sandbox_asks_for_operations_that_exist() -> None:
    verbs = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
    asked = {
        f"{type_.type}/{verbs[method]}".lower() for type_ in REGISTRY for method in type_.methods if method in verbs
    } | {
        f"{type_.type}/{action}/{'read' if action in type_.reading else 'action'}".lower()
        for type_ in REGISTRY
        for action in type_.actions
    }
    asked = {
        name.replace("microsoft.resources/resourcegroups", "microsoft.resources/subscriptions/resourcegroups")
        for name in asked
    }
    assert asked - operations()["actions"] == NOT_LISTED
