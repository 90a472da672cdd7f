"""What secrets and keys of a vault have in common: versions, attributes, and a soft-deleted state, as documents.

Shapes: https://learn.microsoft.com/rest/api/keyvault/secrets and https://learn.microsoft.com/rest/api/keyvault/keys.
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from toolkit.records import Json
from toolkit.sandbox.keyvault.errors import VaultError, not_found
from toolkit.sandbox.store import Resource, Store

_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class VaultObjects:
    """The objects of one kind in one vault. Methods answer what the REST API answers and raise :class:`VaultError`."""

    store: Store
    vault: Resource

    kind: ClassVar[str]  # of the documents in the store
    word: ClassVar[str]  # Secret, Key: as Azure's sentences and codes have it

    def all(self) -> list[Json]:
        """Every object that is not deleted, as its newest version without version and value, ordered by name."""
        return [
            self._bundle(document["name"], document["versions"][-1], versioned=False)
            for document in self._documents()
            if not document["deleted"]
        ]

    def versions(self, name: str) -> list[Json]:
        document, _ = self._version(name, None)
        return [self._bundle(document["name"], version) for version in document["versions"]]

    def update(self, name: str, version: str | None, given: Json) -> Json:
        """Change attributes, tags and the like of a version; answers it without its value."""
        with self.store.transaction():
            document, found = self._version(name, version)
            self._change(found, given)
            found["updated"] = int(time.time())
            self._keep(name, document)
        return self._bundle(document["name"], found)

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
        self.store.delete_document(self.kind, self._key(name))

    # -- documents -----------------------------------------------------------------------------------------------------

    def document(self, name: str) -> Json | None:
        return self.store.document(self.kind, self._key(name))

    def _key(self, name: str) -> str:
        return f"{self.vault.name}/{name}"  # vault names are unique in all of Azure; a purge in ARM empties "{vault}/"

    def _documents(self) -> list[Json]:
        return [document for _, document in self.store.documents(self.kind, self._key(""))]

    def _keep(self, name: str, document: Json) -> None:
        self.store.put_document(self.kind, self._key(name), document)

    def _add(self, name: str, version: Json, given: Json) -> Json:
        """A new version; the first one makes the object. The document that holds it."""
        if not _NAME.fullmatch(name):
            raise VaultError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        with self.store.transaction():
            document = self.document(name)
            if document is not None and document["deleted"]:
                raise VaultError(
                    409,
                    "Conflict",
                    f"{self.word} {name} is currently in a deleted but recoverable state, and its name cannot be "
                    "reused; in this state, the "
                    f"{self.word.lower()} can only be recovered or purged.",
                    "ObjectIsDeletedButRecoverable",
                )
            now = int(time.time())
            common = {"version": uuid.uuid4().hex, "created": now, "updated": now, "enabled": True}
            document = document or {"name": name, "versions": [], "deleted": None}
            document["versions"].append({**common, **version})
            self._change(document["versions"][-1], given)
            self._keep(name, document)
        return document

    def _version(self, name: str, version: str | None) -> tuple[Json, Json]:
        document = self.document(name)
        if document is None or document["deleted"]:
            raise not_found(self.word, name)
        versions: list[Json] = document["versions"]
        if version is None:
            return document, versions[-1]
        found = next((v for v in versions if v["version"] == version.lower()), None)
        if found is None:
            raise not_found(self.word, f"{name}/{version}")
        return document, found

    def _deleted(self, name: str) -> Json:
        document = self.document(name)
        if document is None or not document["deleted"]:
            raise not_found(self.word, name)
        return document

    def _change(self, version: Json, given: Json) -> None:
        attributes: dict[str, Any] = given.get("attributes") or {}
        version.update({key: attributes[key] for key in ("enabled", "nbf", "exp") if attributes.get(key) is not None})
        if "tags" in given:
            version["tags"] = given["tags"]

    # -- bundles -------------------------------------------------------------------------------------------------------

    def _bundle(self, name: str, version: Json, *, value: bool = False, versioned: bool = True) -> Json:
        raise NotImplementedError

    def url(self, name: str, version: str | None = None) -> str:
        url = f"https://{self.vault.name.lower()}.vault.azure.net/{self.word.lower()}s/{name}"
        return f"{url}/{version}" if version else url

    def attributes(self, version: Json) -> Json:
        own: Json = {key: version[key] for key in ("enabled", "nbf", "exp", "created", "updated") if key in version}
        return {**own, **self._recovery()}

    def _deleted_bundle(self, document: Json, *, versioned: bool = True) -> Json:
        name = document["name"]
        return {
            "recoveryId": f"https://{self.vault.name.lower()}.vault.azure.net/deleted{self.word.lower()}s/{name}",
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
