"""Key vaults: what they refuse and remember, where other parts of the product rely on it."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.arm.conftest import SUB, Arm
from tests.unit.sandbox.arm.test_platform import (
    SUBNET,
    VAULT,
    make_network,
    make_vault,
    vault_body,
)


def test_vault_is_soft_deleted_recovered_and_purged(arm: Arm) -> None:
    made = make_vault(arm, enableRbacAuthorization=True)
    assert made["properties"]["vaultUri"] == "https://kv-test-001.vault.azure.net/"
    secret = f"{VAULT}/secrets/password"
    answered = arm.ok("PUT", secret, {"properties": {"value": "hush"}})
    assert "hush" not in str(answered)
    assert "hush" not in str(arm.store.get(secret))
    arm.ok("DELETE", VAULT)
    assert arm.refused("PUT", VAULT, vault_body()) == (409, "ConflictError")
    recovered = arm.ok("PUT", VAULT, vault_body(createMode="recover"))
    assert recovered["properties"]["enableRbacAuthorization"] is True
    assert arm.store.document("keyvault-secret", "kv-test-001/password") is not None
    arm.ok("DELETE", VAULT)
    deleted = f"{SUB}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-test-001"
    arm.ok("POST", f"{deleted}/purge")
    assert arm.refused("GET", deleted) == (404, "DeletedVaultNotFound")
    assert arm.store.document("keyvault-secret", "kv-test-001/password") is None
    make_vault(arm)


def test_purge_protection_refuses_purge_and_cannot_be_turned_off(arm: Arm) -> None:
    make_vault(arm, enablePurgeProtection=True)
    assert arm.refused("PUT", VAULT, vault_body(enablePurgeProtection=False)) == (400, "BadRequest")
    assert make_vault(arm)["properties"]["enablePurgeProtection"] is True
    arm.ok("DELETE", VAULT)
    deleted = f"{SUB}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-test-001"
    assert arm.refused("POST", f"{deleted}/purge") == (403, "MethodNotAllowed")


@pytest.mark.parametrize("value", ["10.0.0.0/8", "192.168.1.7", "172.20.0.0/16", "203.0.113", "2001:db8::1"])
def test_vault_refuses_rules_that_azure_refuses(arm: Arm, value: str) -> None:
    acls = {"defaultAction": "Deny", "ipRules": [{"value": value}]}
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "BadRequest")
    assert arm.refused("GET", VAULT) == (404, "ResourceNotFound")


def test_vault_answers_an_address_as_a_range_of_one(arm: Arm) -> None:
    acls = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}, {"value": "198.51.100.0/24"}]}
    made = make_vault(arm, networkAcls=acls)
    assert [rule["value"] for rule in made["properties"]["networkAcls"]["ipRules"]] == [
        "203.0.113.7/32",
        "198.51.100.0/24",
    ]
    acls["ipRules"] = [{"value": f"203.0.{n // 250}.{n % 250 + 1}"} for n in range(1001)]
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "BadRequest")


def test_vault_takes_subnets_with_its_service_endpoint_only(arm: Arm) -> None:
    acls = {"defaultAction": "Deny", "virtualNetworkRules": [{"id": SUBNET}]}
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "InvalidResourceReference")
    make_network(arm)
    assert arm.refused("PUT", VAULT, vault_body(networkAcls=acls)) == (400, "VirtualNetworkNotValid")
    subnet = arm.ok("GET", SUBNET)["properties"]
    arm.ok("PUT", SUBNET, {"properties": {**subnet, "serviceEndpoints": [{"service": "Microsoft.KeyVault"}]}})
    make_vault(arm, networkAcls=acls)
