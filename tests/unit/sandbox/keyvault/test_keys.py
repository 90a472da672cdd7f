"""Keys on Key Vault's data plane: real RSA keys with versions, a rotation policy, and a soft-deleted state."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from tests.unit.sandbox.keyvault.conftest import HOST, KEYS, Vault, refusal

DAY = 24 * 3600
POLICY = {
    "lifetimeActions": [{"trigger": {"timeAfterCreate": "P18M"}, "action": {"type": "rotate"}}],
    "attributes": {"expiryTime": "P2Y"},
}


def made(vault: Vault, **given: Any) -> Any:
    response = vault.call("POST", "keys/wrap/create", {"kty": "RSA", **given})
    assert response.status_code == 200, response.text()
    return response.json()


@pytest.mark.parametrize("size", [2048, 3072])
def test_a_key_is_a_real_one_of_its_size(vault: Vault, size: int) -> None:
    key = made(vault, key_size=size, key_ops=["wrapKey", "unwrapKey"])["key"]
    modulus = int.from_bytes(base64.urlsafe_b64decode(key["n"] + "=="), "big")
    assert (key["kty"], modulus.bit_length(), key["e"], key["key_ops"]) == (
        "RSA",
        size,
        "AQAB",
        ["wrapKey", "unwrapKey"],
    )
    assert vault.call("GET", "keys/Wrap").json()["key"] == key


def test_versions_of_a_key_and_the_newest(vault: Vault) -> None:
    first, second = made(vault)["key"]["kid"], made(vault)["key"]["kid"]
    assert first != second
    assert vault.call("GET", "keys/wrap").json()["key"]["kid"] == second
    assert vault.call("GET", first.removeprefix(f"{HOST}/")).json()["key"]["kid"] == first
    assert [item["kid"] for item in vault.call("GET", "keys/wrap/versions").json()["value"]] == [first, second]
    assert [item["kid"] for item in vault.call("GET", "keys").json()["value"]] == [f"{HOST}/keys/wrap"]
    assert refusal(vault.call("GET", "keys/wrap/0123")) == (404, "KeyNotFound", None)


def test_a_disabled_key_says_so(vault: Vault) -> None:
    made(vault)
    changed = vault.call("PATCH", "keys/wrap", {"attributes": {"enabled": False}})
    assert changed.json()["attributes"]["enabled"] is False
    assert vault.call("GET", "keys/wrap").json()["attributes"]["enabled"] is False


def test_rotation_makes_a_version_that_expires_as_the_policy_says(vault: Vault) -> None:
    before = made(vault, key_size=3072)["key"]
    assert vault.call("GET", "keys/wrap/rotationpolicy").json()["lifetimeActions"] == []
    kept = vault.call("PUT", "keys/wrap/rotationpolicy", POLICY).json()
    assert (kept["attributes"], kept["lifetimeActions"]) == (POLICY["attributes"], POLICY["lifetimeActions"])
    rotated = vault.call("POST", "keys/wrap/rotate").json()
    assert rotated["key"]["kid"] != before["kid"]
    assert len(rotated["key"]["n"]) == len(before["n"])
    assert abs(rotated["attributes"]["exp"] - time.time() - 730 * DAY) < 60
    assert "exp" not in vault.call("GET", before["kid"].removeprefix(f"{HOST}/")).json()["attributes"]


@pytest.mark.parametrize(
    "policy",
    [
        {"attributes": {"expiryTime": "P27D"}},
        {"attributes": {"expiryTime": "2 years"}},
        {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P6D"}, "action": {"type": "Rotate"}}]},
        {"lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}]},
        {"lifetimeActions": [{"trigger": {}, "action": {"type": "Rotate"}}]},
        {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Sing"}}]},
        {**POLICY, "attributes": {"expiryTime": "P90D"}},
    ],
)
def test_a_policy_that_cannot_be_is_refused(vault: Vault, policy: Any) -> None:
    made(vault)
    assert refusal(vault.call("PUT", "keys/wrap/rotationpolicy", policy))[:2] == (400, "BadParameter")
    assert vault.call("GET", "keys/wrap/rotationpolicy").json()["lifetimeActions"] == []


def test_a_deleted_key_keeps_its_name_and_comes_back(vault: Vault) -> None:
    vault.configure(enablePurgeProtection=True)
    key = made(vault)["key"]
    gone = vault.call("DELETE", "keys/wrap").json()
    assert gone["recoveryId"] == f"{HOST}/deletedkeys/wrap"
    assert refusal(vault.call("GET", "keys/wrap")) == (404, "KeyNotFound", None)
    assert refusal(vault.call("POST", "keys/wrap/create", {"kty": "RSA"}))[:2] == (409, "Conflict")
    assert vault.call("DELETE", "deletedkeys/wrap").status_code == 403
    assert vault.call("POST", "deletedkeys/wrap/recover").status_code == 200
    assert vault.call("GET", "keys/wrap").json()["key"] == key


@pytest.mark.parametrize(
    "given", [{"key_size": 1024}, {"kty": "RSA-HSM"}, {"key_ops": ["sing"]}, {"kty": "EC"}, {"kty": None}]
)
def test_a_key_that_cannot_be_is_refused(vault: Vault, given: Any) -> None:
    assert vault.call("POST", "keys/wrap/create", {"kty": "RSA", **given}).status_code in (400, 501)
    assert refusal(vault.call("GET", "keys/wrap")) == (404, "KeyNotFound", None)


def test_a_role_on_one_key_opens_that_one_only(vault: Vault) -> None:
    made(vault)
    vault.call("POST", "keys/other/create", {"kty": "RSA"})
    reader = vault.token("reader")
    vault.grant("reader", "keys/wrap", f"{KEYS}/read")
    assert vault.call("GET", "keys/wrap", token=reader).status_code == 200
    for path in ("keys/other", "keys"):
        assert refusal(vault.call("GET", path, token=reader)) == (403, "Forbidden", "ForbiddenByRbac")
    assert refusal(vault.call("POST", "keys/wrap/rotate", token=reader)) == (403, "Forbidden", "ForbiddenByRbac")
