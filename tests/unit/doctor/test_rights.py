"""The actions of what is declared, what permissions allow, and the narrowest role that has what is missing."""

from __future__ import annotations

from typing import Any

from toolkit.doctor.actions import needed_actions
from toolkit.doctor.roles import Role, allows, narrowest, roles_of
from toolkit.sandbox.arm.access import builtin_roles
from toolkit.terraform.declared import Declared

BUILT_IN = roles_of(builtin_roles().values())


def declared(kind: str, type_: str, **more: Any) -> Declared:
    return Declared("platform", f"{kind}.this", kind, type_, **more)


def names(*resources: Declared, removing: bool = True) -> list[str]:
    return [one.action for one in needed_actions(resources, removing=removing)]


def test_a_resource_takes_its_three_verbs_and_an_update_two() -> None:
    vault = "Microsoft.KeyVault/vaults@2026-02-01"
    verbs = [f"Microsoft.KeyVault/vaults/{verb}" for verb in ("delete", "read", "write")]
    assert names(declared("azapi_resource", vault)) == verbs
    assert names(declared("azapi_update_resource", vault)) == verbs[1:]
    assert names(declared("azapi_resource", vault), removing=False) == verbs[1:]


def test_actions_are_called_after_their_verb() -> None:
    endpoints = "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints@2018-06-01"
    type_ = endpoints.partition("@")[0]
    assert names(declared("azapi_resource_action", endpoints, method="PUT")) == [f"{type_}/write"]
    assert names(declared("azapi_resource_action", endpoints, method="DELETE")) == [f"{type_}/delete"]
    triggers = "Microsoft.DataFactory/factories/triggers@2018-06-01"
    start = declared("azapi_resource_action", triggers, action="start", method="POST")
    assert names(start) == ["Microsoft.DataFactory/factories/triggers/start/action"]
    register = declared(
        "azapi_resource_action",
        "Microsoft.Resources/providers@2021-04-01",
        resource_id="/subscriptions/s/providers/Microsoft.Batch",
        action="register",
        method="POST",
    )
    assert names(register) == ["Microsoft.Batch/register/action"]


def test_what_is_linked_counts() -> None:
    endpoint = declared("azapi_resource", "Microsoft.Network/privateEndpoints@2024-01-01")
    assert "Microsoft.Network/virtualNetworks/subnets/join/action" in names(endpoint)
    group = declared("azapi_resource", "Microsoft.Resources/resourceGroups@2024-03-01")
    assert "Microsoft.Resources/subscriptions/resourceGroups/write" in names(group)


def test_permissions_are_compared_without_case_and_what_is_taken_away_counts() -> None:
    contributor = [
        {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]},
        {"dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"]},
    ]
    assert allows(contributor, "Microsoft.Batch/batchAccounts/write")
    assert not allows(contributor, "Microsoft.Authorization/roleAssignments/write")
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    assert allows(contributor, f"{blobs}/READ", data=True)
    assert not allows(contributor, f"{blobs}/write", data=True)
    # Another role gives what one role's notActions take away from itself alone.
    both = [*contributor, {"actions": ["Microsoft.Authorization/roleAssignments/*"]}]
    assert allows(both, "Microsoft.Authorization/roleAssignments/write")


def test_the_narrowest_role_is_named() -> None:
    def found(*actions: str, data: bool = False) -> list[str]:
        return [role.name for role in narrowest(BUILT_IN, actions, data=data)]

    assert found("Microsoft.Network/virtualNetworks/write") == ["Network Contributor"]
    assert found("Microsoft.Authorization/locks/write") == ["Locks Contributor"]
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    assert found(f"{blobs}/write", f"{blobs}/read", data=True) == ["Storage Blob Data Contributor"]
    assert found(f"{blobs}/read", data=True) == ["Storage Blob Data Reader"]
    assert found("Microsoft.Nowhere/things/write") in (["Contributor"], ["Owner"])


def test_a_role_of_ones_own_is_narrower_than_a_built_in_one() -> None:
    action = "Microsoft.Storage/storageAccounts/write"
    own = Role("Storage Firewall Operator", "guid", False, ({"actions": [action]},))
    assert narrowest([*BUILT_IN, own], [action]) == [own]


def test_an_action_that_no_role_has_is_left_out() -> None:
    assert narrowest([Role("Nothing", "guid", True, ())], ["Microsoft.Web/sites/write"]) == []
