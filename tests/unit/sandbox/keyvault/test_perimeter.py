"""A key vault in a network security perimeter: who is let in, by access mode, publicNetworkAccess and rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox import harness, perimeters
from tests.unit.sandbox.keyvault.conftest import Vault, refusal

DENY_ALL = {"defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": []}
FORBIDDEN = (403, "Forbidden", "ForbiddenByNsp")
EVERY = pytest.mark.parametrize(("mode", "access"), perimeters.DECIDES)


@EVERY
@pytest.mark.parametrize("rules", [{}, {"networkAcls": DENY_ALL}], ids=["open", "denying"])
def test_without_an_access_rule(vault: Vault, mode: str | None, access: str, rules: dict[str, Any]) -> None:
    perimeters.associate(vault.world.store, vault.configure(publicNetworkAccess=access, **rules), mode)
    answer = vault.call("GET", "secrets")
    if perimeters.DECIDES[mode, access] == "resource" and not rules:
        assert answer.status_code == 200
        return
    by_perimeter = mode == "Enforced" or access == "SecuredByPerimeter"
    own = "ForbiddenByConnection" if access == "Disabled" else "ForbiddenByFirewall"
    assert refusal(answer) == (FORBIDDEN if by_perimeter else (403, "Forbidden", own))


@EVERY
def test_an_address_of_an_access_rule_passes(vault: Vault, mode: str | None, access: str) -> None:
    perimeters.associate(vault.world.store, vault.configure(publicNetworkAccess=access, networkAcls=DENY_ALL), mode)
    perimeters.admit(vault.world.store, addressPrefixes=["203.0.113.10/32"])
    assert (vault.call("GET", "secrets").status_code == 200) == (mode is not None)
    assert vault.call("GET", "secrets", vantage="adf-public").status_code == 403


def test_a_subscription_is_that_of_a_managed_identity(vault: Vault) -> None:
    store = vault.world.store
    perimeters.associate(store, vault.configure(), "Enforced")
    perimeters.admit(store, subscriptions=[{"id": f"/subscriptions/{harness.SUBSCRIPTION}"}])
    assert refusal(vault.call("GET", "secrets")) == FORBIDDEN
    perimeters.identity(store, "officer")
    assert vault.call("GET", "secrets").status_code == 200
