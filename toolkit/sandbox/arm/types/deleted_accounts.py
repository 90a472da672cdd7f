"""Deleted storage accounts: kept for 14 days with all that they held, or until their name is used again.

Whoever may write accounts gets one back, where its resource group stands. Private endpoints and role assignments went
with it and stay away.
https://learn.microsoft.com/azure/storage/common/storage-account-recover
https://learn.microsoft.com/rest/api/storagerp/deleted-accounts/list

Microsoft documents the portal's button only. The request behind it, a PUT whose properties name the
``deletedAccountCreationTime``, is in https://github.com/hashicorp/go-azure-sdk (storageaccounts,
StorageAccountPropertiesCreateParameters). (inferred): its refusals, and that containers which were soft-deleted before
come back so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError
from toolkit.sandbox.arm.resource_type import Call, ResourceType
from toolkit.sandbox.containers import forget_account
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import World

RESTORING = "deletedAccountCreationTime"
_KIND = "deleted-account"
_KEPT = timedelta(days=14)
_LISTED = "Microsoft.Storage/deletedAccounts"
_LOCATED = "Microsoft.Storage/locations/deletedAccounts"
_GONE_WITH_IT = "/privateEndpointConnections"


@dataclass(frozen=True, slots=True)
class DeletedAccount:
    """An account as it was, its ``children`` (containers, policies, services) with it."""

    deleted: str
    account: Json
    children: list[Json]

    @property
    def id(self) -> str:
        return str(self.account["id"])

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def location(self) -> str:
        return str(self.account["body"]["location"])

    @property
    def created(self) -> str:
        return str(self.account["body"]["properties"]["creationTime"])

    @property
    def is_kept(self) -> bool:
        return datetime.fromisoformat(self.deleted) + _KEPT > datetime.now(UTC)

    @property
    def resource(self) -> Resource:
        id_ = f"/subscriptions/{self.id.split('/')[2]}/providers/Microsoft.Storage/locations/{self.location}"
        id_ += f"/deletedAccounts/{self.name}"
        properties = {
            "storageAccountResourceId": self.id,
            "location": self.location,
            "restoreReference": f"{self.name}|{self.created}",
            "creationTime": self.created,
            "deletionTime": self.deleted,
        }
        return Resource(id_, _LISTED, {"id": id_, "name": self.name, "type": _LISTED, "properties": properties})


def _aside(name: str) -> str:
    """Whose blobs they are while they wait: no account can have this name."""
    return f"deleted/{name.lower()}"


async def set_aside(world: World, account: Resource) -> None:
    """Keep an account that is about to be removed; repeatable."""
    children = [
        asdict(child)
        for child in world.store.under(account.id)
        if child.type.startswith("Microsoft.Storage/") and not child.type.endswith(_GONE_WITH_IT)
    ]
    for other in _all(world.store):
        if not other.is_kept:
            await let_go(world, other.name)
    if world.blobs.holds(account.name.lower()):
        await world.blobs.delete_account(_aside(account.name))
    kept = DeletedAccount(datetime.now(UTC).isoformat(), asdict(account), children)
    with world.store.transaction():
        world.store.put_document(_KIND, account.name.lower(), asdict(kept))
        world.blobs.rename_account(account.name.lower(), _aside(account.name))


async def let_go(world: World, name: str) -> None:
    """The end of what was kept under a name; no error where nothing was."""
    if world.store.document(_KIND, name.lower()) is None:
        return
    await world.blobs.delete_account(_aside(name))
    forget_account(world.store, name.lower())
    world.store.delete_document(_KIND, name.lower())


def require(call: Call, resource: Resource) -> DeletedAccount:
    """The account that a PUT wants back; refused when there is none of that name and time in that resource group."""
    found = _find(call.resources.store, call.id.name)
    if found is None or found.id.lower() != resource.id.lower() or found.created != resource.internal[RESTORING]:
        raise ArmError(
            404,
            "DeletedAccountNotFound",
            f"The deleted storage account {call.id.name} created at {resource.internal[RESTORING]} was not found.",
        )
    return found


def bring_back(world: World, deleted: DeletedAccount, resource: Resource) -> None:
    """Make ``resource`` what the account was, and store its children; in the store's transaction."""
    kept: dict[str, Any] = deleted.account
    resource.body, resource.internal = kept["body"], kept["internal"]
    resource.properties["privateEndpointConnections"] = []
    for child in deleted.children:
        world.store.put(Resource(**child))
    world.blobs.rename_account(_aside(deleted.name), deleted.name.lower())
    world.store.delete_document(_KIND, deleted.name.lower())


def _find(store: Store, name: str) -> DeletedAccount | None:
    document = store.document(_KIND, name.lower())
    found = DeletedAccount(**document) if document else None
    return found if found and found.is_kept else None


def _all(store: Store) -> list[DeletedAccount]:
    return [DeletedAccount(**document) for _, document in store.documents(_KIND)]


def _list(call: Call) -> list[Json]:
    subscription = f"/subscriptions/{call.id.subscription_id}/".lower()
    kept = [each for each in _all(call.resources.store) if each.is_kept]
    return [each.resource.body for each in kept if each.id.lower().startswith(subscription)]


def _one(call: Call) -> Resource | None:
    found = _find(call.resources.store, call.id.name)
    return found.resource if found and found.resource.id.lower() == call.id.id.lower() else None


DELETED_ACCOUNTS: tuple[ResourceType, ...] = (
    ResourceType(
        _LISTED,
        first_api_version="2020-08-01-preview",
        place="subscription",
        location="none",
        methods=frozenset({"GET"}),
        list=_list,
    ),
    ResourceType(
        _LOCATED,
        first_api_version="2020-08-01-preview",
        place="subscription",
        parent="virtual",
        location="none",
        methods=frozenset({"GET"}),
        missing=("DeletedAccountNotFound", "The deleted storage account {name} was not found."),
        find=_one,
    ),
)
