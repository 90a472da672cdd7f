"""The encryption of an Azure Machine Learning workspace's metadata with a customer's key.

It is chosen when the workspace is made; afterwards the key may be another one of the same vault.
https://learn.microsoft.com/azure/machine-learning/concept-customer-managed-keys. Codes and sentences are (inferred)
where no source is named beside them.
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.arm.customer_keys import require_key
from toolkit.sandbox.arm.errors import ArmError, bad_request, not_modelled
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.customer_keys import KeyUnusable, parse_key_uri
from toolkit.sandbox.store import Resource

_FILE = "types/workspace_encryption.py"


def encryption_checked(call: Call, resource: Resource) -> None:
    properties = resource.properties
    sent = properties.get("encryption") or {}
    if call.existing is not None:
        _unchanged(call.existing.properties, properties)
    if str(sent.get("status", "Disabled")) != "Enabled":
        return
    if not properties.get("enableServiceSideCMKEncryption"):
        raise not_modelled("a customer-managed key whose metadata lie in the customer's subscription", _FILE)
    key = sent.get("keyVaultProperties") or {}
    identifier, vault_id = str(key.get("keyIdentifier", "")), str(key.get("keyVaultArmId", ""))
    uri = parse_key_uri(identifier)
    if uri is None or uri.version is None or uri.vault.lower() != vault_id.rsplit("/", 1)[-1].lower():
        raise bad_request(
            "ValidationError",
            f"'{identifier}' is no version of a key in the key vault '{vault_id}': keyIdentifier and keyVaultArmId of "
            "encryption.keyVaultProperties belong together.",
        )
    if vault_id.split("/")[2].lower() != (call.id.subscription_id or "").lower():
        # https://learn.microsoft.com/azure/machine-learning/how-to-setup-customer-managed-keys#limitations
        raise bad_request(
            "ValidationError", "The key vault of a customer-managed key is in the workspace's subscription."
        )
    identity = (sent.get("identity") or {}).get("userAssignedIdentity") or None
    require_key(call, resource, identifier, identity, _words)


def _unchanged(standing: Json, properties: Json) -> None:
    before, after = standing.get("encryption") or {}, properties.get("encryption") or {}
    if not after and before:  # nothing was said of it: it stays
        properties["encryption"] = before
        properties["enableServiceSideCMKEncryption"] = standing.get("enableServiceSideCMKEncryption")
        return
    if _status(before) != _status(after):
        raise bad_request("ValidationError", "The property 'encryption' can only be set when the workspace is created.")
    if _vault(before) != _vault(after):
        raise bad_request(
            "ValidationError", "The customer-managed key can only be changed to another key in the same vault."
        )
    if bool(standing.get("enableServiceSideCMKEncryption")) != bool(properties.get("enableServiceSideCMKEncryption")):
        raise bad_request(
            "ValidationError",
            "The property 'enableServiceSideCMKEncryption' can only be set when the workspace is created.",
        )


def _status(encryption: Json) -> str:
    return str(encryption.get("status", "Disabled"))


def _vault(encryption: Json) -> str:
    return str((encryption.get("keyVaultProperties") or {}).get("keyVaultArmId", "")).lower()


def _words(unusable: KeyUnusable) -> ArmError:
    if unusable.reason == "unprotected":
        # https://github.com/MicrosoftDocs/azure-docs/issues/108584
        return bad_request("BadRequest", "CMK workspaces should have purge protection enabled on their CMK keyvault.")
    return bad_request("BadRequest", f"The workspace cannot use its customer-managed key: {unusable}")
