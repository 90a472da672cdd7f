"""Whether a service of Azure can use a customer-managed key now, and which version; what it says when not is its own.

A service wraps and unwraps its own keys with the customer's, as a managed identity with the right to read, wrap and
unwrap, and passes the vault's firewall as a trusted service, even where public network access is disabled
(https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints#trusted-services), but not where a
network security perimeter decides (perimeter.py). Soft delete and
purge protection are wanted by all of them: https://learn.microsoft.com/azure/security/fundamentals/encryption-customer-managed-keys-support.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from toolkit.records import Json
from toolkit.sandbox.model import Principal
from toolkit.sandbox.perimeter import trusted_services_pass
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

VAULTS = "Microsoft.KeyVault/vaults"
_SUFFIX = ".vault.azure.net"
# Key Vault Crypto Service Encryption User: https://learn.microsoft.com/azure/key-vault/general/rbac-guide
_ACTIONS = ("read", "wrap/action", "unwrap/action")

Reason = Literal["vault", "network", "unprotected", "key", "disabled", "expired", "operations", "role", "identity"]


@dataclass(frozen=True, slots=True)
class KeyUri:
    """``https://VAULT.vault.azure.net/keys/NAME`` with or without a version."""

    vault: str
    name: str
    version: str | None

    @property
    def text(self) -> str:
        base = f"https://{self.vault}{_SUFFIX}/keys/{self.name}"
        return f"{base}/{self.version}" if self.version else base


class KeyUnusable(Exception):
    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


def parse_key_uri(text: str) -> KeyUri | None:
    url = urlsplit(text)
    host, parts = (url.hostname or ""), url.path.strip("/").split("/")
    if url.scheme != "https" or not host.endswith(_SUFFIX) or len(parts) not in (2, 3) or parts[0].lower() != "keys":
        return None
    return KeyUri(host.removesuffix(_SUFFIX), parts[1], parts[2] if len(parts) == 3 else None)


def usable_version(world: World, key: KeyUri, object_id: str, asker_id: str) -> Json:
    """The properties of the version that the resource ``asker_id`` uses: the newest, unless ``key`` names one.

    Raises :class:`KeyUnusable` with what stands in the way first.
    """
    vault = _vault(world, key, asker_id)
    found = _version(world, vault, key)
    attributes = found["attributes"]
    if not attributes.get("enabled"):
        raise KeyUnusable("disabled", f"The key {key.text} is disabled.")
    now = time.time()
    if not attributes.get("nbf", 0) <= now < attributes.get("exp", now + 1):
        raise KeyUnusable("expired", f"The key {key.text} is not valid at this time.")
    if not {"wrapKey", "unwrapKey"} <= set(found["keyOps"]):
        raise KeyUnusable("operations", f"The key {key.text} does not permit wrapKey and unwrapKey.")
    principal = world.directory.principal(object_id) or Principal(object_id, "", "ServicePrincipal")
    scope = f"{vault.id}/keys/{key.name}"
    for action in _ACTIONS:
        if not world.access.allows_data_action(principal, scope, f"{VAULTS}/keys/{action}"):
            raise KeyUnusable("role", f"The identity {object_id} may not {action.split('/')[0]} with {key.text}.")
    return found


def _vault(world: World, key: KeyUri, asker_id: str) -> Resource:
    vault = next((v for v in world.store.of_type(VAULTS) if v.name.lower() == key.vault.lower()), None)
    if vault is None:
        raise KeyUnusable("vault", f"The key vault {key.vault} was not found.")
    properties = vault.properties
    if not properties.get("enableSoftDelete") or not properties.get("enablePurgeProtection"):
        raise KeyUnusable("unprotected", f"The key vault {vault.name} has no purge protection.")
    within = trusted_services_pass(world.store, vault, asker_id)
    if within is False:
        raise KeyUnusable("network", f"The network security perimeter of {vault.name} does not let {asker_id} in.")
    acls = properties.get("networkAcls") or {}
    open_to_all = str(acls.get("defaultAction", "Allow")).lower() == "allow"
    closed = str(properties.get("publicNetworkAccess", "Enabled")).lower() == "disabled" or not open_to_all
    if within is None and closed and str(acls.get("bypass", "AzureServices")).lower() != "azureservices":
        raise KeyUnusable("network", f"The key vault {vault.name} does not let trusted services in.")
    return vault


def _version(world: World, vault: Resource, key: KeyUri) -> Json:
    versions = world.keys.versions(vault, key.name)
    wanted = f"/{key.version.lower()}" if key.version else ""
    found = [one for one in versions if one["keyUriWithVersion"].lower().endswith(wanted)]
    if not found:
        raise KeyUnusable("key", f"The key {key.text} was not found.")
    return found[-1]
