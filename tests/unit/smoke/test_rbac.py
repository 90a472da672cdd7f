"""Which scopes a broad role must not be assigned at."""

from __future__ import annotations

import pytest

from toolkit.smoke.checks.rbac import is_within

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
