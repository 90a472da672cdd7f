"""Customer-managed keys: what each service wants before it takes one, and what it says when that is not there.

One table of the services, one of the reasons: every service is walked through every reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm
from tests.unit.sandbox.arm.test_platform import VAULT, make_account, make_vault
from toolkit.sandbox.keyvault.keys import Keys

KEY = f"{VAULT}/keys/wrap"
URI = "https://kv-test-001.vault.azure.net/keys/wrap"
IDENTITY = f"{RG}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-encryption"
ROLE = f"{SUB}/providers/Microsoft.Authorization/roleDefinitions/e147488a-f6f5-4113-8e2d-b22465e65bf6"
ASSIGNMENT = f"{KEY}/providers/Microsoft.Authorization/roleAssignments/11111111-2222-4333-8444-555555555555"
STORAGE = f"{RG}/providers/Microsoft.Storage/storageAccounts/stencrypted"
REGISTRY = f"{RG}/providers/Microsoft.ContainerRegistry/registries/crencrypted"
FACTORY = f"{RG}/providers/Microsoft.DataFactory/factories/adf-encrypted"
BATCH = f"{RG}/providers/Microsoft.Batch/batchAccounts/baencrypted"
WORKSPACE = f"{RG}/providers/Microsoft.MachineLearningServices/workspaces/mlw-encrypted"
ASSIGNED = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}


def storage_body(arm: Arm) -> Any:
    encryption = {
        "keySource": "Microsoft.Keyvault",
        "keyvaultproperties": {"keyname": "wrap", "keyvaulturi": "https://kv-test-001.vault.azure.net/"},
        "identity": {"userAssignedIdentity": IDENTITY},
    }
    return {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {"encryption": encryption}}


def registry_body(arm: Arm) -> Any:
    client_id = arm.ok("GET", IDENTITY)["properties"]["clientId"]
    key = {"keyIdentifier": URI, "identity": client_id}
    return {
        "sku": {"name": "Premium"},
        "properties": {"encryption": {"status": "enabled", "keyVaultProperties": key}},
    }


def factory_body(arm: Arm) -> Any:
    encryption = {
        "vaultBaseUrl": "https://kv-test-001.vault.azure.net",
        "keyName": "wrap",
        "identity": {"userAssignedIdentity": IDENTITY},
    }
    return {"properties": {"encryption": encryption}}


def batch_body(arm: Arm) -> Any:
    encryption = {"keySource": "Microsoft.KeyVault", "keyVaultProperties": {"keyIdentifier": URI}}
    return {"properties": {"encryption": encryption}}


def workspace_body(arm: Arm) -> Any:
    key = {"keyVaultArmId": VAULT, "keyIdentifier": newest(arm)}
    encryption = {
        "status": "Enabled",
        "identity": {"userAssignedIdentity": IDENTITY},
        "keyVaultProperties": key,
    }
    linked = {"storageAccount": make_account(arm)["id"], "keyVault": VAULT, "primaryUserAssignedIdentity": IDENTITY}
    return {
        "kind": "Default",
        "properties": {
            **linked,
            "encryption": encryption,
            "enableServiceSideCMKEncryption": True,
            "managedNetwork": {"isolationMode": "Disabled"},
        },
    }


SERVICES: dict[str, Callable[[Arm], Any]] = {
    STORAGE: storage_body,
    REGISTRY: registry_body,
    FACTORY: factory_body,
    BATCH: batch_body,
    WORKSPACE: workspace_body,
}


def name_of(resource_id: str) -> str:
    return resource_id.rsplit("/", 2)[-2]


def newest(arm: Arm) -> str:
    answer = arm("GET", KEY)
    return str(answer.json()["properties"]["keyUriWithVersion"]) if answer.status_code == 200 else f"{URI}/0123"


def keys(arm: Arm) -> Keys:
    vault = arm.store.get(VAULT)
    assert vault is not None
    return Keys(arm.store, vault)


def assign(arm: Arm) -> None:
    principal = arm.ok("GET", IDENTITY)["properties"]["principalId"]
    properties = {"roleDefinitionId": ROLE, "principalId": principal, "principalType": "ServicePrincipal"}
    arm.ok("PUT", ASSIGNMENT, {"properties": properties})


def ready(arm: Arm) -> None:
    """A vault that nobody can empty, a key in it, and an identity that may use it."""
    make_vault(arm, enableRbacAuthorization=True, enablePurgeProtection=True)
    arm.ok("PUT", KEY, {"properties": {"kty": "RSA", "keySize": 2048}})
    arm.ok("PUT", IDENTITY, {"location": "westeurope"})
    assign(arm)


def write(arm: Arm, resource_id: str, identity: Any = ASSIGNED) -> Any:
    body = {"location": "westeurope", "identity": identity, **SERVICES[resource_id](arm)}
    return arm("PUT", resource_id, body)


every_service = pytest.mark.parametrize("resource_id", SERVICES, ids=name_of)


@every_service
def test_a_service_takes_a_key_that_its_identity_can_use(arm: Arm, resource_id: str) -> None:
    ready(arm)
    made = write(arm, resource_id)
    assert made.status_code < 300, made.text
    assert write(arm, resource_id).status_code < 300  # a second time, as every apply may
    text = str(arm.ok("GET", resource_id)["properties"]["encryption"])
    assert "wrap" in text
    if resource_id in (STORAGE, REGISTRY):
        assert newest(arm) in text


# -- what stands in the way --------------------------------------------------------------------------------------------


def no_role(arm: Arm) -> None:
    arm.ok("DELETE", ASSIGNMENT)


def no_protection(arm: Arm) -> None:
    vault = arm.store.get(VAULT)
    assert vault is not None
    del vault.properties["enablePurgeProtection"]
    arm.store.put(vault)


def no_trusted_services(arm: Arm) -> None:
    arm.ok("PATCH", VAULT, {"properties": {"networkAcls": {"defaultAction": "Deny", "bypass": "None"}}})


def no_key(arm: Arm) -> None:
    keys(arm).delete("wrap")


def disabled(arm: Arm) -> None:
    keys(arm).update("wrap", None, {"attributes": {"enabled": False}})


def expired(arm: Arm) -> None:
    keys(arm).update("wrap", None, {"attributes": {"exp": 1}})


def not_for_wrapping(arm: Arm) -> None:
    keys(arm).update("wrap", None, {"key_ops": ["sign", "verify"]})


def no_vault(arm: Arm) -> None:
    vault = arm.store.get(VAULT)
    assert vault is not None
    arm.store.delete(vault.id)


_STORAGE_CODES = {
    no_role: (403, "KeyVaultAuthenticationFailure"),
    no_protection: (400, "KeyVaultPolicyError"),
    no_trusted_services: (403, "KeyVaultAuthenticationFailure"),
    no_key: (400, "KeyVaultEncryptionKeyNotFound"),
    disabled: (400, "KeyVaultEncryptionKeyNotFound"),
    expired: (403, "KeyVaultAuthenticationFailure"),
    not_for_wrapping: (400, "KeyVaultEncryptionKeyNotFound"),
    no_vault: (400, "KeyVaultVaultNotFound"),
}
_CODES = {
    REGISTRY: (400, "FailedToAccessKey"),
    FACTORY: (400, "CustomerManagedKeyNotAccessible"),
    BATCH: (400, "InvalidKeyVaultProperties"),
    WORKSPACE: (400, "BadRequest"),
}


@pytest.mark.parametrize(
    ("resource_id", "reason"),
    # A workspace without its key vault is refused for that.
    [(r, reason) for r in SERVICES for reason in _STORAGE_CODES if (r, reason) != (WORKSPACE, no_vault)],
    ids=lambda value: name_of(value) if isinstance(value, str) else value.__name__,
)
def test_a_service_refuses_a_key_that_it_cannot_use(arm: Arm, resource_id: str, reason: Callable[[Arm], None]) -> None:
    ready(arm)
    reason(arm)
    answer = write(arm, resource_id)
    told = (answer.status_code, answer.json()["error"]["code"])
    assert told == (_STORAGE_CODES[reason] if resource_id == STORAGE else _CODES[resource_id])
    assert arm("GET", resource_id).status_code == 404


@every_service
def test_the_identity_must_be_the_resources_own(arm: Arm, resource_id: str) -> None:
    ready(arm)
    other = f"{IDENTITY}-other"
    arm.ok("PUT", other, {"location": "westeurope"})
    identity = {"type": "UserAssigned", "userAssignedIdentities": {other: {}}}
    answer = write(arm, resource_id, identity)
    assert answer.status_code >= 400
    if resource_id == STORAGE:
        assert answer.json()["error"]["code"] == "InvalidValuesForRequestParameters"
        assert "properties.encryption.identity" in answer.text
    if resource_id == REGISTRY:
        assert "Get, Wrap Key, Unwrap Key" in answer.text


def test_a_workspace_says_what_its_vault_lacks(arm: Arm) -> None:
    ready(arm)
    no_protection(arm)
    assert "CMK workspaces should have purge protection enabled" in write(arm, WORKSPACE).text


@pytest.mark.parametrize("identifier", [URI, f"{URI}/0123", "https://other.vault.azure.net/keys/wrap/0123"])
def test_a_workspace_wants_a_version_of_a_key_of_the_vault_that_it_names(arm: Arm, identifier: str) -> None:
    ready(arm)
    body = {"location": "westeurope", "identity": ASSIGNED, **workspace_body(arm)}
    body["properties"]["encryption"]["keyVaultProperties"]["keyIdentifier"] = identifier
    assert arm.refused("PUT", WORKSPACE, body)[0] == 400


# -- on and off, later -------------------------------------------------------------------------------------------------

_LATER = {
    REGISTRY: "EncryptionCannotBeChanged",
    FACTORY: "AddCMKToExistingFactoriesWithEntities",
    BATCH: "InvalidPropertyValue",
    WORKSPACE: "ValidationError",
}


def without_key(arm: Arm, resource_id: str) -> Any:
    body = {"location": "westeurope", "identity": ASSIGNED, **SERVICES[resource_id](arm)}
    for name in ("encryption", "enableServiceSideCMKEncryption"):
        body["properties"].pop(name, None)
    return body


@every_service
def test_what_stands_takes_a_key_only_where_azure_lets_it(arm: Arm, resource_id: str) -> None:
    ready(arm)
    arm.ok("PUT", resource_id, without_key(arm, resource_id))
    if resource_id == FACTORY:
        arm.ok("PUT", f"{FACTORY}/managedVirtualNetworks/default", {"properties": {}})
    answer = write(arm, resource_id)
    if resource_id == STORAGE:
        assert answer.status_code < 300
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, _LATER[resource_id])


def test_an_empty_factory_takes_a_key(arm: Arm) -> None:
    ready(arm)
    arm.ok("PUT", FACTORY, without_key(arm, FACTORY))
    assert write(arm, FACTORY).status_code < 300


def test_a_storage_account_and_a_batch_account_go_back_to_microsofts_keys(arm: Arm) -> None:
    ready(arm)
    for resource_id, source in ((STORAGE, "Microsoft.Storage"), (BATCH, "Microsoft.Batch")):
        write(arm, resource_id)
        arm.ok("PUT", resource_id, without_key(arm, resource_id))
        assert arm.ok("GET", resource_id)["properties"]["encryption"]["keySource"] == source


def test_queues_and_tables_share_the_accounts_key_from_the_beginning_or_never(arm: Arm) -> None:
    ready(arm)
    body = {"location": "westeurope", "identity": ASSIGNED, **storage_body(arm)}
    arm.ok("PUT", STORAGE, body)
    services = {service: {"enabled": True, "keyType": "Account"} for service in ("queue", "table")}
    body["properties"]["encryption"]["services"] = services
    assert arm.refused("PUT", STORAGE, body) == (400, "AccountPropertyCannotBeUpdated")
    arm.ok("DELETE", STORAGE)
    arm.ok("PUT", STORAGE, body)
    body["properties"]["encryption"]["services"] = {}
    kept = arm.ok("PUT", STORAGE, body)["properties"]["encryption"]["services"]
    assert {name: service["keyType"] for name, service in kept.items()} == {"queue": "Account", "table": "Account"}


# -- keys through ARM --------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_never_changed_or_deleted_through_arm(arm: Arm) -> None:
    make_vault(arm, enableRbacAuthorization=True, enablePurgeProtection=True)
    policy = {
        "lifetimeActions": [{"trigger": {"timeAfterCreate": "P18M"}, "action": {"type": "rotate"}}],
        "attributes": {"expiryTime": "P2Y"},
    }
    body = {"tags": {"a": "b"}, "properties": {"kty": "RSA", "keySize": 3072, "rotationPolicy": policy}}
    made = arm.ok("PUT", KEY, body)
    properties = made["properties"]
    assert (made["tags"], properties["keySize"], properties["keyUri"]) == ({"a": "b"}, 3072, URI)
    assert properties["rotationPolicy"] == policy
    assert properties["keyUriWithVersion"].startswith(f"{URI}/")
    assert properties["attributes"]["recoveryLevel"] == "Recoverable"
    body = {"tags": {"c": "d"}, "properties": {"kty": "RSA", "keySize": 2048}}
    assert arm.ok("PUT", KEY, body) == made == arm.ok("GET", KEY)
    assert arm.refused("DELETE", KEY) == (405, "MethodNotAllowed")
    assert [key["name"] for key in arm.ok("GET", f"{VAULT}/keys")["value"]] == ["wrap"]


def test_arm_shows_the_version_that_the_vault_has_now(arm: Arm) -> None:
    ready(arm)
    first = newest(arm)
    keys(arm).rotate("wrap")
    assert newest(arm) != first
    listed = arm.ok("GET", f"{KEY}/versions")["value"]
    assert [version["properties"]["keyUriWithVersion"] for version in listed] == [first, newest(arm)]
    assert arm.ok("GET", listed[0]["id"]) == listed[0]
    keys(arm).delete("wrap")
    assert arm.refused("GET", KEY) == (404, "ResourceNotFound")
    assert arm.refused("PUT", KEY, {"properties": {"kty": "RSA"}}) == (409, "Conflict")


def test_keys_wait_in_a_deleted_vault_and_go_when_it_is_purged(arm: Arm) -> None:
    ready(arm)
    before = newest(arm)
    arm.ok("DELETE", VAULT)
    assert arm("GET", KEY).status_code == 404
    body = {"location": "westeurope", "properties": {"createMode": "recover", "tenantId": "x", "sku": {"name": "s"}}}
    arm.ok("PUT", VAULT, body)
    assert newest(arm) == before


@pytest.mark.parametrize("given", [{"kty": "RSA-HSM"}, {"keySize": 1024}, {"keyOps": ["sing"]}])
def test_a_key_that_cannot_be_is_refused(arm: Arm, given: Any) -> None:
    make_vault(arm, enableRbacAuthorization=True)
    assert arm.refused("PUT", KEY, {"properties": {"kty": "RSA", **given}}) == (400, "BadParameter")
    assert arm("GET", KEY).status_code == 404
