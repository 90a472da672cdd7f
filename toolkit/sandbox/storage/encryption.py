"""Blobs of an account whose customer-managed key cannot be used: 403 for everybody, until it can again.

Which operations: https://learn.microsoft.com/azure/storage/common/customer-managed-keys-overview#revoke-access-to-a-storage-account-that-uses-customer-managed-keys;
codes: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes. Azure notices within an hour,
here at once. An expired key goes on working (https://github.com/MicrosoftDocs/azure-docs/issues/84096).
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from toolkit.sandbox.customer_keys import KeyUnusable, Reason, parse_key_uri, usable_version
from toolkit.sandbox.storage.errors import StorageError
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

_OPERATIONS: Final = frozenset(
    (
        "Get Blob",
        "Get Blob Metadata",
        "Set Blob Metadata",
        "Set Blob Tier",
        "Put Blob",
        "Put Block",
        "Put Block List",  # (inferred: with metadata it writes them)
        "Put Page",
        "Append Block",
        "Incremental Copy Blob",
        "Query Blob Contents",  # (inferred: it reads the blob)
    )
)
_VAULT: Final[frozenset[Reason]] = frozenset(("vault", "network"))
_SENTENCES: Final = {
    "KeyVaultVaultNotFound": "The key vault vault is not found.",
    "KeyVaultEncryptionKeyNotFound": "The key vault key is not found to unwrap the encryption key.",
    "KeyVaultAccessTokenCannotBeAcquired": "Key vault access token cannot be acquired from Microsoft Entra ID using "
    "the identity of this resource.",
}


def require_key(world: World, account: Resource, operation: str, request: Request, parameters: dict[str, str]) -> None:
    """Raises :class:`StorageError` when the account's customer-managed key is gone and the operation needs it."""
    encryption = account.properties.get("encryption") or {}
    if str(encryption.get("keySource", "")).lower() != "microsoft.keyvault" or not _needs_key(
        operation, request, parameters
    ):
        return
    key = encryption["keyvaultproperties"]
    parts = (str(key["keyvaulturi"]).rstrip("/"), "keys", key["keyname"], *filter(None, [key.get("keyversion")]))
    uri = parse_key_uri("/".join(parts))
    assert uri is not None
    try:
        usable_version(world, uri, _object_id(account, encryption), account.id)
    except KeyUnusable as unusable:
        if unusable.reason != "expired":
            code = "KeyVaultVaultNotFound" if unusable.reason in _VAULT else "KeyVaultEncryptionKeyNotFound"
            if unusable.reason == "identity":
                code = "KeyVaultAccessTokenCannotBeAcquired"
            raise StorageError(403, code, _SENTENCES[code]) from unusable


def _needs_key(operation: str, request: Request, parameters: dict[str, str]) -> bool:
    if operation == "List Blobs":
        return "metadata" in parameters.get("include", "").split(",")
    if operation == "Snapshot Blob":
        return any(name.startswith("x-ms-meta-") for name in request.headers)
    return operation in _OPERATIONS


def _object_id(account: Resource, encryption: dict[str, dict[str, str]]) -> str:
    identity = account.body.get("identity") or {}
    wanted = (encryption.get("identity") or {}).get("userAssignedIdentity")
    if not wanted:
        found = identity.get("principalId")
    else:
        assigned = identity.get("userAssignedIdentities") or {}
        found = next((one["principalId"] for key, one in assigned.items() if key.lower() == wanted.lower()), None)
    if not found:
        raise KeyUnusable("identity", "the account has no identity for its key")
    return str(found)
