"""The secrets of every vault, with their versions and their soft-deleted state, as documents in the store.

Shapes: https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret/set-secret (SecretBundle, DeletedSecretBundle).
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.keyvault.errors import VaultError, secret_not_found
from toolkit.sandbox.store import Resource, Store

_KIND: Final = "keyvault-secret"
_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LONGEST: Final = 25600  # bytes: https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one vault. Methods answer what the REST API answers and raise :class:`VaultError`."""

    store: Store
    vault: Resource

    def set(self, name: str, given: Json) -> Json:
        """A new version; the first one makes the secret. ``given``: value, contentType, tags, attributes."""
        if not _NAME.fullmatch(name):
            raise VaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        value = given.get("value")
        if not isinstance(value, str):
            raise VaultError(400, "BadParameter", "Property  has invalid value\r\n")
        if len(value.encode()) > _LONGEST:
            raise VaultError(400, "BadParameter", f"Secret value must not exceed {_LONGEST} bytes.")
        with self.store.transaction():
            document = self._document(name)
            if document is not None and document["deleted"]:
                raise VaultError(
                    409,
                    "Conflict",
                    f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in "
                    "this state, the secret can only be recovered or purged.",
                    "ObjectIsDeletedButRecoverable",
                )
            now = int(time.time())
            version = {"version": uuid.uuid4().hex, "value": value, "created": now, "updated": now, "enabled": True}
            document = document or {"name": name, "versions": [], "deleted": None}
            document["versions"].append(_changed(version, given))
            self._keep(name, document)
        return self._bundle(document["name"], document["versions"][-1], value=True)

    def get(self, name: str, version: str | None) -> Json:
        document, found = self._version(name, version)
        if not found["enabled"]:
            raise VaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return self._bundle(document["name"], found, value=True)

    def update(self, name: str, version: str | None, given: Json) -> Json:
        """Change attributes, content type and tags of a version; answers it without its value."""
        with self.store.transaction():
            document, found = self._version(name, version)
            _changed(found, given)
            found["updated"] = int(time.time())
            self._keep(name, document)
        return self._bundle(document["name"], found)

    def all(self) -> list[Json]:
        """Every secret that is not deleted, as its newest version without version and value, ordered by name."""
        return [
            self._bundle(document["name"], document["versions"][-1], versioned=False)
            for document in self._documents()
            if not document["deleted"]
        ]

    def versions(self, name: str) -> list[Json]:
        document, _ = self._version(name, None)
        return [self._bundle(document["name"], version) for version in document["versions"]]

    def delete(self, name: str) -> Json:
        with self.store.transaction():
            document, _ = self._version(name, None)
            document["deleted"] = int(time.time())
            self._keep(name, document)
        return self._deleted_bundle(document)

    def list_deleted(self) -> list[Json]:
        return [
            self._deleted_bundle(document, versioned=False) for document in self._documents() if document["deleted"]
        ]

    def get_deleted(self, name: str) -> Json:
        return self._deleted_bundle(self._deleted(name))

    def recover(self, name: str) -> Json:
        with self.store.transaction():
            document = self._deleted(name)
            document["deleted"] = None
            self._keep(name, document)
        return self._bundle(document["name"], document["versions"][-1])

    def purge(self, name: str) -> None:
        self._deleted(name)
        if self.vault.properties.get("enablePurgeProtection"):
            raise VaultError(
                403,
                "Forbidden",
                'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault '
                "service will automatically purge it after the retention period has passed.",
                "PurgeProtectionEnabled",  # (inferred: no trace with this inner code was found)
            )
        self.store.delete_document(_KIND, self._key(name))

    # -- documents -----------------------------------------------------------------------------------------------------

    def _key(self, name: str) -> str:
        return f"{self.vault.name}/{name}"  # vault names are unique in all of Azure; a purge in ARM empties "{vault}/"

    def _document(self, name: str) -> Json | None:
        return self.store.document(_KIND, self._key(name))

    def _documents(self) -> list[Json]:
        return [document for _, document in self.store.documents(_KIND, self._key(""))]

    def _keep(self, name: str, document: Json) -> None:
        self.store.put_document(_KIND, self._key(name), document)

    def _version(self, name: str, version: str | None) -> tuple[Json, Json]:
        document = self._document(name)
        if document is None or document["deleted"]:
            raise secret_not_found(name)
        versions: list[Json] = document["versions"]
        if version is None:
            return document, versions[-1]
        found = next((v for v in versions if v["version"] == version.lower()), None)
        if found is None:
            raise secret_not_found(f"{name}/{version}")
        return document, found

    def _deleted(self, name: str) -> Json:
        document = self._document(name)
        if document is None or not document["deleted"]:
            raise secret_not_found(name)
        return document

    # -- bundles -------------------------------------------------------------------------------------------------------

    def _bundle(self, name: str, version: Json, *, value: bool = False, versioned: bool = True) -> Json:
        url = f"https://{self.vault.name.lower()}.vault.azure.net/secrets/{name}"
        attributes = {key: version[key] for key in ("enabled", "nbf", "exp", "created", "updated") if key in version}
        bundle: Json = {
            "id": f"{url}/{version['version']}" if versioned else url,
            "attributes": {**attributes, **self._recovery()},
        }
        if value:
            bundle["value"] = version["value"]
        return {**bundle, **{key: version[key] for key in ("contentType", "tags") if version.get(key) is not None}}

    def _deleted_bundle(self, document: Json, *, versioned: bool = True) -> Json:
        name = document["name"]
        return {
            "recoveryId": f"https://{self.vault.name.lower()}.vault.azure.net/deletedsecrets/{name}",
            "deletedDate": document["deleted"],
            "scheduledPurgeDate": document["deleted"] + self._retention() * _DAY,
            **self._bundle(name, document["versions"][-1], versioned=versioned),
        }

    def _retention(self) -> int:
        return int(self.vault.properties.get("softDeleteRetentionInDays") or 90)

    def _recovery(self) -> Json:
        # https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret#deletionrecoverylevel
        level = "Recoverable" if self._retention() == 90 else "CustomizedRecoverable"
        purgeable = "" if self.vault.properties.get("enablePurgeProtection") else "+Purgeable"
        return {"recoveryLevel": f"{level}{purgeable}", "recoverableDays": self._retention()}


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
        for key, _ in self._store.documents(_KIND, f"{vault_name.lower()}/"):
            self._store.delete_document(_KIND, key)


def _changed(version: Json, given: Json) -> Json:
    attributes: dict[str, Any] = given.get("attributes") or {}
    version.update({key: attributes[key] for key in ("enabled", "nbf", "exp") if attributes.get(key) is not None})
    version.update({key: given[key] for key in ("contentType", "tags") if key in given})
    return version
