"""The encryption of a storage account: Microsoft's keys or a customer's, and what is chosen once.

https://learn.microsoft.com/azure/storage/common/customer-managed-keys-overview
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.arm.customer_keys import require_key
from toolkit.sandbox.arm.errors import ArmError, bad_request
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.customer_keys import KeyUnusable
from toolkit.sandbox.store import Resource

_CHOSEN_ONCE = ("queue", "table")


def encryption_checked(call: Call, resource: Resource) -> None:
    encryption = resource.properties["encryption"]
    if call.existing is not None:
        _unchanged(call.existing.properties["encryption"], encryption)
    if str(encryption.get("keySource", "")).lower() == "microsoft.keyvault":
        _customer_key(call, resource, encryption)


def _unchanged(standing: Json, encryption: Json) -> None:
    """Infrastructure encryption, and whether queues and tables share the account's key, stay as they were made.

    https://learn.microsoft.com/azure/storage/common/infrastructure-encryption-enable,
    https://learn.microsoft.com/azure/storage/common/account-encryption-key-create (code inferred)
    """
    before = standing.get("requireInfrastructureEncryption")
    if encryption.get("requireInfrastructureEncryption", before) != before:
        raise bad_request(
            "RequireInfrastructureEncryptionCannotBeUpdated",
            "The property 'requireInfrastructureEncryption' cannot be updated after the account was created.",
        )
    if before is not None:
        encryption["requireInfrastructureEncryption"] = before
    services = encryption.setdefault("services", {})
    for service in _CHOSEN_ONCE:
        made = _key_type(standing, service)
        if service in services and _key_type(encryption, service) != made:
            raise bad_request(
                "AccountPropertyCannotBeUpdated",
                f"The property 'encryption.services.{service}.keyType' was specified in the input, but it cannot be "
                "updated.",
            )
        if service in (standing.get("services") or {}):
            services[service] = {**standing["services"][service], **services.get(service, {})}


def _key_type(encryption: Json, service: str) -> str:
    return str(((encryption.get("services") or {}).get(service) or {}).get("keyType", "Service"))


def _customer_key(call: Call, resource: Resource, encryption: Json) -> None:
    # The values of what Azure answers are of version 2023-05-01: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties
    key = encryption.get("keyvaultproperties") or {}
    if not key.get("keyname") or not key.get("keyvaulturi"):
        raise _invalid("properties.encryption.keyvaultproperties")
    uri = "/".join(
        (str(key["keyvaulturi"]).rstrip("/"), "keys", key["keyname"], *filter(None, [key.get("keyversion")]))
    )
    identity = (encryption.get("identity") or {}).get("userAssignedIdentity") or None
    used = require_key(call, resource, uri, identity, _words)
    key["currentVersionedKeyIdentifier"] = used["keyUriWithVersion"]


def _words(unusable: KeyUnusable) -> ArmError:
    match unusable.reason:
        case "identity":
            # https://github.com/hashicorp/terraform-provider-azurerm/issues/16374
            return _invalid("properties.encryption.identity")
        case "unprotected":
            # https://github.com/Azure/azure-cli/issues/12346, 17914
            return bad_request("KeyVaultPolicyError", "Keyvault policy recoverable is not set")
        case "vault":
            return bad_request(
                "KeyVaultVaultNotFound", "The key vault is not found."
            )  # (inferred: the data plane's code)
        case "key" | "disabled" | "operations":
            # (inferred: the data plane's code)
            return bad_request(
                "KeyVaultEncryptionKeyNotFound", "The key vault key is not found to unwrap the encryption key."
            )
        case _:
            # Also for an expired key (https://github.com/MicrosoftDocs/azure-docs/issues/84096). Status:
            # https://github.com/Azure/terraform-azurerm-avm-res-storage-storageaccount/pull/391
            return ArmError(
                403,
                "KeyVaultAuthenticationFailure",
                "The operation failed because of authentication issue on the keyvault. For more information, see - "
                "https://aka.ms/storagekeyvaultaccesspolicy",
            )


def _invalid(path: str) -> ArmError:
    return bad_request("InvalidValuesForRequestParameters", f"Values for request parameters are invalid: {path}.")
