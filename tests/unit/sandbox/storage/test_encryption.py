"""An account whose customer-managed key cannot be used answers 403 to everybody who wants to read or write a blob."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from tests.unit.sandbox import harness
from tests.unit.sandbox.storage.conftest import ACCOUNT, Gateway
from toolkit.sandbox.keyvault.keys import Keys

KEYS = "Microsoft.KeyVault/vaults/keys"
IDENTITY = f"{harness.GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-encryption"
ENCRYPTION = {
    "keySource": "Microsoft.Keyvault",
    "keyvaultproperties": {"keyname": "wrap", "keyvaulturi": "https://kvtest.vault.azure.net"},
    "identity": {"userAssignedIdentity": IDENTITY},
}
NOT_FOUND = "403 KeyVaultEncryptionKeyNotFound"


def keys(gateway: Gateway) -> Keys:
    vault = next(iter(gateway.world.store.of_type("Microsoft.KeyVault/vaults")))
    return Keys(gateway.world.store, vault)


@pytest.fixture
def client(gateway: Gateway) -> BlobServiceClient:
    """Somebody who may do everything with the blobs of an encrypted account; its key is there and can be used."""
    vault = harness.resource(
        "Microsoft.KeyVault/vaults", "kvtest", {"enableSoftDelete": True, "enablePurgeProtection": True}
    )
    gateway.world.store.put(vault)
    if keys(gateway).document("wrap") is None:
        keys(gateway).create("wrap", {"kty": "RSA"})
    gateway.configure(encryption=ENCRYPTION)
    account = next(a for a in gateway.world.store.of_type("Microsoft.Storage/storageAccounts") if a.name == ACCOUNT)
    account.body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {"principalId": "enc"}}}
    gateway.world.store.put(account)
    gateway.grants.data_actions |= {
        ("enc", vault.id, f"{KEYS}/{action}") for action in ("read", "wrap/action", "unwrap/action")
    }
    return gateway.client(gateway.contributor())


def told(call: Callable[[], Any]) -> str:
    try:
        call()
    except HttpResponseError as error:
        return f"{error.status_code} {error.error_code}"  # type: ignore[attr-defined]
    return "done"


def no_role(gateway: Gateway) -> None:
    gateway.grants.data_actions = {grant for grant in gateway.grants.data_actions if grant[0] != "enc"}


def no_vault(gateway: Gateway) -> None:
    gateway.world.store.delete(keys(gateway).vault.id)


def no_identity(gateway: Gateway) -> None:
    account = next(a for a in gateway.world.store.of_type("Microsoft.Storage/storageAccounts") if a.name == ACCOUNT)
    account.body["identity"] = {"type": "None"}
    gateway.world.store.put(account)


@pytest.mark.parametrize(
    ("lose", "code"),
    [
        (lambda gateway: keys(gateway).delete("wrap"), NOT_FOUND),
        (lambda gateway: keys(gateway).update("wrap", None, {"attributes": {"enabled": False}}), NOT_FOUND),
        (no_role, NOT_FOUND),
        (no_vault, "403 KeyVaultVaultNotFound"),
        (no_identity, "403 KeyVaultAccessTokenCannotBeAcquired"),
    ],
    ids=["deleted", "disabled", "no role", "no vault", "no identity"],
)
def test_nobody_reads_or_writes_a_blob_without_the_key(
    gateway: Gateway, client: BlobServiceClient, lose: Callable[[Gateway], Any], code: str
) -> None:
    container = client.get_container_client(f"c{uuid.uuid4().hex}")
    container.create_container()
    blob = container.get_blob_client("a")
    blob.upload_blob(b"1")
    assert told(lambda: blob.download_blob().readall()) == "done"
    lose(gateway)
    assert told(lambda: blob.download_blob().readall()) == code
    assert told(lambda: blob.upload_blob(b"2", overwrite=True)) == code
    assert told(lambda: list(container.list_blobs(include=["metadata"]))) == code
    assert told(lambda: list(container.list_blobs())) == "done"  # names are no data
    keys_back(gateway)
    assert told(lambda: blob.download_blob().readall()) == ("done" if code == NOT_FOUND else code)


def keys_back(gateway: Gateway) -> None:
    for vault in gateway.world.store.of_type("Microsoft.KeyVault/vaults"):
        there = Keys(gateway.world.store, vault)
        if there.list_deleted():
            there.recover("wrap")
        there.update("wrap", None, {"attributes": {"enabled": True}})
        gateway.grants.data_actions |= {
            ("enc", vault.id, f"{KEYS}/{action}") for action in ("read", "wrap/action", "unwrap/action")
        }


def test_an_expired_key_goes_on_working(gateway: Gateway, client: BlobServiceClient) -> None:
    container = client.get_container_client(f"c{uuid.uuid4().hex}")
    container.create_container()
    keys(gateway).update("wrap", None, {"attributes": {"exp": 1}})
    assert told(lambda: container.get_blob_client("a").upload_blob(b"1")) == "done"
    keys(gateway).update("wrap", None, {"attributes": {"exp": 4102444800}})
