"""Which scopes a broad role must not be assigned at."""

from __future__ import annotations

import pytest

from toolkit.smoke.checks.rbac import broad_permission, is_within

SUBSCRIPTION = "/subscriptions/22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(
    ("scope", "within"),
    [
        ("/", False),
        # The answer of a resource group's list goes up to the root: an assignment on a management group is inherited.
        ("/providers/Microsoft.Management/managementGroups/platform", False),
        (SUBSCRIPTION, False),
        (f"{SUBSCRIPTION.upper()}/", False),
        (f"{SUBSCRIPTION}/resourceGroups/rg", True),
        (f"{SUBSCRIPTION.upper()}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st", True),
    ],
)
def test_scopes_inside_of_the_subscription(scope: str, within: bool) -> None:
    assert is_within(scope, SUBSCRIPTION) is within


@pytest.mark.parametrize(
    ("actions", "data_actions", "why"),
    [
        (["*/read"], [], None),
        (["Microsoft.KeyVault/locations/deletedVaults/read"], [], None),
        (["Microsoft.KeyVault/locations/deletedVaults/purge/action"], [], None),
        (["*"], [], "permits *"),
        (["*/read", "Microsoft.Storage/*"], [], "permits Microsoft.Storage/*"),
        (["*/write"], [], "permits */write"),
        (["Microsoft.Authorization/roleAssignments/read"], [], None),
        (
            ["Microsoft.Authorization/roleAssignments/write"],
            [],
            "permits Microsoft.Authorization/roleAssignments/write",
        ),
        ([], ["Microsoft.Storage/x/blobs/read"], "permits the data action Microsoft.Storage/x/blobs/read"),
    ],
)
def test_what_a_role_permits_makes_it_broad(actions: list[str], data_actions: list[str], why: str | None) -> None:
    assert broad_permission(actions, data_actions) == why
