"""Blob containers as the control plane and the Blob service both see them, the soft-deleted ones included.

With a container retention on the account's blob service, a deleted container stands aside under a version: both planes
list it on demand, the Blob service restores it under its own name as long as nothing else has that, and it goes for
good with its account or when its days are over.
https://learn.microsoft.com/azure/storage/blobs/soft-delete-container-overview
https://learn.microsoft.com/rest/api/storagerp/blob-containers/list ($include=deleted)
https://learn.microsoft.com/rest/api/storageservices/restore-container

(inferred): the days are rounded up, and a restored container has no role assignments at its own scope any more.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from toolkit.records import Json
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import World

CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
DEFAULTS: Json = {
    "publicAccess": "None",
    "leaseStatus": "Unlocked",
    "leaseState": "Available",
    "defaultEncryptionScope": "$account-encryption-key",
    "denyEncryptionScopeOverride": False,
    "hasImmutabilityPolicy": False,
    "hasLegalHold": False,
}
_KIND = "deleted-container"
_ASIDE = "deleted-by-the-sandbox-"


@dataclass(frozen=True, slots=True)
class DeletedContainer:
    account: str
    name: str
    version: str
    deleted: datetime
    until: datetime
    body: Json

    @property
    def aside(self) -> str:
        """The name under which the blobs wait."""
        return f"{_ASIDE}{self.version.lower()}"

    @property
    def remaining_days(self) -> int:
        return max(0, math.ceil((self.until - datetime.now(UTC)) / timedelta(days=1)))

    @property
    def listed(self) -> Json:
        """As the control plane lists it."""
        properties = {
            **self.body["properties"],
            "version": self.version,
            "deleted": True,
            "deletedTime": self.deleted.isoformat(),
            "remainingRetentionDays": self.remaining_days,
        }
        return {**self.body, "properties": properties}

    @property
    def _key(self) -> str:
        return f"{self.account}/{self.name}/{self.version}"

    def keep(self, store: Store) -> None:
        times = {"deleted": self.deleted.isoformat(), "until": self.until.isoformat()}
        store.put_document(_KIND, self._key, {"name": self.name, "version": self.version, "body": self.body, **times})

    def forget(self, store: Store) -> None:
        store.delete_document(_KIND, self._key)


def stands_aside(name: str) -> bool:
    """Whether a name is the sandbox's own for a deleted container, which no client ever sees."""
    return name.startswith(_ASIDE)


def as_resource(account_id: str, name: str) -> Resource:
    """What the control plane knows of a container that the Blob service made."""
    id_ = f"{account_id}/blobServices/default/containers/{name}"
    properties = {**DEFAULTS, "lastModifiedTime": datetime.now(UTC).isoformat(), "deleted": False}
    resource = Resource(id_, CONTAINERS, {"id": id_, "name": name, "type": CONTAINERS, "properties": properties})
    resource.body["etag"] = resource.etag
    return resource


def deleted_containers(store: Store, account: str) -> list[DeletedContainer]:
    """Those of an account that can still be restored."""
    found = [
        DeletedContainer(
            account.lower(),
            body["name"],
            body["version"],
            datetime.fromisoformat(body["deleted"]),
            datetime.fromisoformat(body["until"]),
            body["body"],
        )
        for _, body in store.documents(_KIND, f"{account}/")
    ]
    return [container for container in found if container.until > datetime.now(UTC)]


async def delete_container(world: World, account: Resource, name: str) -> None:
    """Take a container's blobs away, or aside when the account keeps deleted containers; repeatable."""
    days = _retention_days(world.store, account)
    owner = account.name.lower()
    if days is None:
        await world.blobs.delete_container(owner, name)
        return
    now = datetime.now(UTC)
    standing = world.store.get(as_resource(account.id, name).id) or as_resource(account.id, name)
    version = secrets.token_hex(8).upper()
    deleted = DeletedContainer(owner, name, version, now, now + timedelta(days=days), standing.body)
    deleted.keep(world.store)  # before it is done: a sandbox that is killed in between loses no blobs
    if not await world.blobs.rename_container(owner, name, deleted.aside):
        deleted.forget(world.store)


async def restore_container(world: World, account: Resource, deleted: DeletedContainer) -> None:
    """Bring a deleted container back. Its name must be free."""
    await world.blobs.rename_container(deleted.account, deleted.aside, deleted.name)
    with world.store.transaction():
        world.store.put(Resource(deleted.body["id"], CONTAINERS, deleted.body))
        deleted.forget(world.store)


def forget_container(store: Store, account: Resource, name: str) -> None:
    """The control plane forgets a container that the Blob service deleted, and what hung on it."""
    id_ = as_resource(account.id, name).id
    with store.transaction():
        for each in reversed(store.under(id_)):
            store.delete(each.id)
        store.delete(id_)


def forget_account(store: Store, account: str) -> None:
    """Deleted containers go with their account."""
    for key, _ in store.documents(_KIND, f"{account}/"):
        store.delete_document(_KIND, key)


def _retention_days(store: Store, account: Resource) -> int | None:
    service = store.get(f"{account.id}/blobServices/default")
    policy: Json = (service.properties.get("containerDeleteRetentionPolicy") if service else None) or {}
    return int(policy["days"]) if policy.get("enabled") else None
