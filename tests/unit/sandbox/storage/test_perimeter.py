"""A storage account in a network security perimeter: who is let in, by access mode, publicNetworkAccess and rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from tests.unit.sandbox import harness, perimeters
from tests.unit.sandbox.storage.conftest import ACCOUNT, BLOBS, KEY, Gateway
from tests.unit.sandbox.storage.test_refusals import DENY_ALL, code_of, container

__all__ = ["container"]  # a fixture

ELSEWHERE = "33333333-3333-4333-8333-333333333333"
REFUSED = "403 AuthorizationFailure"
EVERY = pytest.mark.parametrize(("mode", "access"), perimeters.DECIDES)


@pytest.fixture(autouse=True)
def outside(gateway: Gateway) -> Iterator[None]:
    yield
    perimeters.associate(gateway.world.store, "", None)


def sentence(client: BlobServiceClient, container: str) -> str:
    with pytest.raises(HttpResponseError) as refused:
        list(client.get_container_client(container).list_blobs())
    return str(refused.value.message)


@EVERY
@pytest.mark.parametrize("rules", [{}, {"networkAcls": DENY_ALL}], ids=["open", "denying"])
def test_without_an_access_rule(
    gateway: Gateway, container: str, mode: str | None, access: str, rules: dict[str, Any]
) -> None:
    perimeters.associate(gateway.world.store, gateway.configure(publicNetworkAccess=access, **rules), mode)
    passes = perimeters.DECIDES[mode, access] == "resource" and not rules
    assert code_of(gateway.client(gateway.contributor()), container) == (None if passes else REFUSED)


@EVERY
def test_an_address_of_an_access_rule_passes_whatever_the_account_says(
    gateway: Gateway, container: str, mode: str | None, access: str
) -> None:
    account = gateway.configure(publicNetworkAccess=access, networkAcls=DENY_ALL)
    perimeters.associate(gateway.world.store, account, mode)
    perimeters.admit(gateway.world.store, addressPrefixes=["203.0.113.0/24"])
    assert code_of(gateway.client(gateway.contributor()), container) == (None if mode else REFUSED)
    assert code_of(gateway.client(gateway.contributor(), vantage="adf-public"), container) == REFUSED
    perimeters.close(gateway.world.store)  # a rule that goes counts at once
    assert code_of(gateway.client(gateway.contributor()), container) == REFUSED


def test_the_account_s_own_rules_count_for_nothing_when_enforced(gateway: Gateway, container: str) -> None:
    acls = {**DENY_ALL, "ipRules": [{"value": "203.0.113.10", "action": "Allow"}]}
    account = gateway.configure(networkAcls=acls)
    perimeters.associate(gateway.world.store, account, "Learning")
    assert code_of(gateway.client(gateway.contributor()), container) is None
    perimeters.associate(gateway.world.store, account, "Enforced")
    assert "not authorized by network security perimeter" in sentence(gateway.client(gateway.contributor()), container)


def test_a_subscription_is_that_of_a_managed_identity(gateway: Gateway, container: str) -> None:
    store = gateway.world.store
    perimeters.associate(store, gateway.configure(), "Enforced")
    perimeters.admit(store, subscriptions=[{"id": f"/subscriptions/{harness.SUBSCRIPTION}"}])
    for name, subscription in (("inside", harness.SUBSCRIPTION), ("outside", ELSEWHERE)):
        perimeters.identity(store, name, subscription)
        expected = None if subscription == harness.SUBSCRIPTION else REFUSED
        assert code_of(gateway.client(gateway.principal(name, (f"{BLOBS}/read",))), container) == expected
    assert code_of(gateway.client(gateway.contributor()), container) == REFUSED  # somebody without a subscription


def test_a_signature_has_no_subscription(gateway: Gateway, container: str) -> None:
    store = gateway.world.store
    perimeters.associate(store, gateway.configure(allowSharedKeyAccess=True), "Enforced")
    may = ContainerSasPermissions(list=True)
    sas = generate_container_sas(ACCOUNT, container, account_key=KEY, permission=may, expiry="2099-01-01T00:00:00Z")
    perimeters.admit(store, subscriptions=[{"id": f"/subscriptions/{harness.SUBSCRIPTION}"}])
    assert code_of(gateway.client(sas), container) == REFUSED
    perimeters.admit(store, addressPrefixes=["203.0.113.10/32"])
    assert code_of(gateway.client(sas), container) is None
