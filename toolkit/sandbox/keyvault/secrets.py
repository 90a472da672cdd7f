"""The secrets of every vault.

Shapes: https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret/set-secret (SecretBundle, DeletedSecretBundle).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from toolkit.records import Json
from toolkit.sandbox.keyvault.errors import VaultError
from toolkit.sandbox.keyvault.objects import VaultObjects
from toolkit.sandbox.store import Resource, Store

_LONGEST: Final = 25600  # bytes: https://learn.microsoft.com/azure/key-vault/secrets/about-secrets


@dataclass(frozen=True, slots=True)
class Secrets(VaultObjects):
    """The secrets of one vault."""

    kind: ClassVar[str] = "keyvault-secret"
    word: ClassVar[str] = "Secret"

    def set(self, name: str, given: Json) -> Json:
        """A new version; the first one makes the secret. ``given``: value, contentType, tags, attributes."""
        value = given.get("value")
        if not isinstance(value, str):
            raise VaultError(400, "BadParameter", "Property  has invalid value\r\n")
        if len(value.encode()) > _LONGEST:
            raise VaultError(400, "BadParameter", f"Secret value must not exceed {_LONGEST} bytes.")
        document = self._add(name, {"value": value}, given)
        return self._bundle(document["name"], document["versions"][-1], value=True)

    def get(self, name: str, version: str | None) -> Json:
        document, found = self._version(name, version)
        if not found["enabled"]:
            raise VaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return self._bundle(document["name"], found, value=True)

    def _change(self, version: Json, given: Json) -> None:
        VaultObjects._change(self, version, given)
        if "contentType" in given:
            version["contentType"] = given["contentType"]

    def _bundle(self, name: str, version: Json, *, value: bool = False, versioned: bool = True) -> Json:
        bundle: Json = {
            "id": self.url(name, version["version"] if versioned else None),
            "attributes": self.attributes(version),
        }
        if value:
            bundle["value"] = version["value"]
        return {**bundle, **{key: version[key] for key in ("contentType", "tags") if version.get(key) is not None}}


class StoredSecrets:
    """:class:`toolkit.sandbox.world.VaultSecrets`: the control plane's way to the same documents."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self, vault: Resource) -> set[str]:
        return {bundle["id"].rsplit("/", 1)[-1].lower() for bundle in Secrets(self._store, vault).all()}

    def write(self, vault: Resource, name: str, given: Json) -> Json:
        secrets = Secrets(self._store, vault)
        return secrets.update(name, None, given) if given.get("value") is None else secrets.set(name, given)

    def forget(self, vault_name: str) -> None:
        for key, _ in self._store.documents(Secrets.kind, f"{vault_name.lower()}/"):
            self._store.delete_document(Secrets.kind, key)
