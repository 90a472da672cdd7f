"""The keys of every vault: real RSA keys, of which only the public half is kept, since nothing is encrypted here.

Shapes: https://learn.microsoft.com/rest/api/keyvault/keys (KeyBundle, KeyItem, DeletedKeyBundle, KeyRotationPolicy). A
rotation policy is kept and rotates nothing by itself: a new version comes with ``rotate``.
"""

from __future__ import annotations

import base64
import re
import time
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric import rsa

from toolkit.records import Json
from toolkit.sandbox.keyvault.errors import VaultError
from toolkit.sandbox.keyvault.objects import VaultObjects
from toolkit.sandbox.store import Resource, Store

# https://learn.microsoft.com/azure/key-vault/keys/about-keys
_SIZES: Final = (2048, 3072, 4096)
_OPERATIONS: Final = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
_DURATION: Final = re.compile(r"P(\d+)([DMY])")
_DAYS: Final = {"D": 1, "M": 30, "Y": 365}
# https://learn.microsoft.com/azure/key-vault/keys/how-to-configure-key-rotation
_SHORTEST_ROTATION: Final = 7
_SHORTEST_LIFE: Final = 28


@dataclass(frozen=True, slots=True)
class Keys(VaultObjects):
    """The keys of one vault."""

    kind: ClassVar[str] = "keyvault-key"
    word: ClassVar[str] = "Key"

    def create(self, name: str, given: Json) -> Json:
        """A new version; the first one makes the key. ``given``: kty, key_size, key_ops, attributes, tags."""
        document = self._add(name, self._material(given), given)
        return self._bundle(document["name"], document["versions"][-1], value=True)

    def get(self, name: str, version: str | None) -> Json:
        """Also of a disabled key: its public half stays readable (inferred)."""
        document, found = self._version(name, version)
        return self._bundle(document["name"], found, value=True)

    def rotate(self, name: str) -> Json:
        """A new version like the last one, which expires as the policy says."""
        document, last = self._version(name, None)
        given = {"kty": last["kty"], "key_size": last["key_size"], "key_ops": last["key_ops"]}
        life = ((document.get("rotationPolicy") or {}).get("attributes") or {}).get("expiryTime")
        expires = {"exp": int(time.time()) + _days(life) * 24 * 3600} if life else {}
        return self.create(name, {**given, "attributes": expires, **({"tags": last["tags"]} if "tags" in last else {})})

    def rotation_policy(self, name: str) -> Json:
        document, _ = self._version(name, None)
        policy = document.get("rotationPolicy") or {"lifetimeActions": [], "attributes": {}}
        return {"id": f"{self.url(name)}/rotationpolicy", **policy}

    def set_rotation_policy(self, name: str, policy: Json) -> Json:
        kept = _checked(policy)
        with self.store.transaction():
            document, _ = self._version(name, None)
            document["rotationPolicy"] = kept
            self._keep(name, document)
        return self.rotation_policy(name)

    def _material(self, given: Json) -> Json:
        kind, size = str(given.get("kty") or ""), given.get("key_size") or _SIZES[0]
        if kind not in ("RSA", "RSA-HSM"):
            raise VaultError(
                501, "NotImplemented", f"The sandbox makes RSA and RSA-HSM keys, and no {kind or 'other'}."
            )
        if kind == "RSA-HSM" and str((self.vault.properties.get("sku") or {}).get("name", "")).lower() != "premium":
            # https://learn.microsoft.com/azure/key-vault/keys/about-keys#hsm-protected-keys
            raise VaultError(400, "BadParameter", "The key type RSA-HSM is not allowed on vaults of the standard tier.")
        if size not in _SIZES:
            raise VaultError(400, "BadParameter", f"Invalid key size {size}: an RSA key has 2048, 3072 or 4096 bits.")
        operations = given.get("key_ops") or list(_OPERATIONS)
        if unknown := [operation for operation in operations if operation not in (*_OPERATIONS, "import", "export")]:
            raise VaultError(400, "BadParameter", f"Invalid key operation {unknown[0]}.")
        numbers = rsa.generate_private_key(65537, size).public_key().public_numbers()
        return {
            "kty": kind,
            "key_size": size,
            "key_ops": list(operations),
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }

    def _change(self, version: Json, given: Json) -> None:
        VaultObjects._change(self, version, given)
        if given.get("key_ops"):
            version["key_ops"] = list(given["key_ops"])

    def _bundle(self, name: str, version: Json, *, value: bool = False, versioned: bool = True) -> Json:
        kid = self.url(name, version["version"] if versioned else None)
        tags = {"tags": version["tags"]} if version.get("tags") is not None else {}
        common: Json = {"attributes": self.attributes(version), **tags}
        if not value:
            return {"kid": kid, **common}
        return {"key": {"kid": kid, **{part: version[part] for part in ("kty", "key_ops", "n", "e")}}, **common}


class StoredKeys:
    """:class:`toolkit.sandbox.world.VaultKeys`: the control plane's way to the same documents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self, vault: Resource) -> list[str]:
        return [bundle["kid"].rsplit("/", 1)[-1] for bundle in Keys(self._store, vault).all()]

    def versions(self, vault: Resource, name: str) -> list[Json]:
        """The resource's properties for each version, the newest last; none for a key that is not there."""
        keys = Keys(self._store, vault)
        document = keys.document(name)
        if document is None or document["deleted"]:
            return []
        policy = {"rotationPolicy": document["rotationPolicy"]} if document.get("rotationPolicy") else {}
        return [{**_properties(keys, document["name"], version), **policy} for version in document["versions"]]

    def create(self, vault: Resource, name: str, properties: Json, tags: Json | None) -> None:
        keys = Keys(self._store, vault)
        given = {
            "kty": properties.get("kty"),
            "key_size": properties.get("keySize"),
            "key_ops": properties.get("keyOps"),
        }
        policy = properties.get("rotationPolicy")
        if policy:
            _checked(policy)
        keys.create(
            name, {**given, "attributes": properties.get("attributes") or {}, **({"tags": tags} if tags else {})}
        )
        if policy:
            keys.set_rotation_policy(name, policy)

    def forget(self, vault_name: str) -> None:
        for key, _ in self._store.documents(Keys.kind, f"{vault_name.lower()}/"):
            self._store.delete_document(Keys.kind, key)


def _properties(keys: Keys, name: str, version: Json) -> Json:
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/keys/get"""
    attributes = keys.attributes(version)
    attributes.pop("recoverableDays", None)
    return {
        "attributes": {**attributes, "exportable": False},
        "kty": version["kty"],
        "keyOps": version["key_ops"],
        "keySize": version["key_size"],
        "keyUri": keys.url(name),
        "keyUriWithVersion": keys.url(name, version["version"]),
        **({"tags": version["tags"]} if version.get("tags") else {}),
    }


def _checked(policy: Json) -> Json:
    """What is kept of a policy. Raises VaultError for one that Key Vault refuses (sentences inferred)."""
    life = (policy.get("attributes") or {}).get("expiryTime") or None
    if life is not None and _days(life) < _SHORTEST_LIFE:
        raise VaultError(400, "BadParameter", f"The expiry time {life} is below {_SHORTEST_LIFE} days.")
    actions = []
    for action in policy.get("lifetimeActions") or []:
        kind = str((action.get("action") or {}).get("type") or "").lower()
        trigger = {key: value for key, value in (action.get("trigger") or {}).items() if value}
        if kind not in ("rotate", "notify") or len(trigger) != 1:
            raise VaultError(400, "BadParameter", "A lifetime action has the type Rotate or Notify, and one trigger.")
        when, duration = next(iter(trigger.items()))
        if kind == "rotate" and _days(duration) < _SHORTEST_ROTATION:
            raise VaultError(400, "BadParameter", f"The rotation time {duration} is below {_SHORTEST_ROTATION} days.")
        if when == "timeBeforeExpiry" and life is None:
            raise VaultError(400, "BadParameter", "timeBeforeExpiry needs an expiry time in the policy's attributes.")
        if when == "timeAfterCreate" and (kind == "notify" or (life is not None and _days(duration) >= _days(life))):
            raise VaultError(400, "BadParameter", f"timeAfterCreate {duration} is for rotating before a key expires.")
        actions.append({"trigger": trigger, "action": {"type": kind}})
    return {"lifetimeActions": actions, "attributes": {"expiryTime": life} if life else {}}


def _days(duration: str) -> int:
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise VaultError(400, "BadParameter", f"'{duration}' is no duration in days, months or years: P90D, P18M, P2Y.")
    return int(match[1]) * _DAYS[match[2]]


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
