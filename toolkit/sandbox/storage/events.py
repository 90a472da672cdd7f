"""What Event Grid hears of blobs, for those who subscribed (world.BlobEvents).

https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage: which operations of which endpoint raise what,
and of which kinds of account. Nothing of ``$logs`` and ``$blobchangefeed`` is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.operations import RequestPath
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import BlobEvent, World

CREATED: Final = "Microsoft.Storage.BlobCreated"
DELETED: Final = "Microsoft.Storage.BlobDeleted"
_KINDS: Final = ("storagev2", "blockblobstorage", "blobstorage")
_SILENT: Final = ("$logs", "$blobchangefeed")
_VERSION: Final = b"2021-12-02"


async def tell(
    world: World,
    blobs: AzuriteBlobs,
    account: Resource,
    operation: str,
    target: RequestPath,
    parameters: Mapping[str, str],
    request: Request,
) -> None:
    """Of an operation of the Blob service that was carried out."""
    if operation == "Put Blob":
        api = "PutBlob"
        if "x-ms-copy-source" in request.headers and "x-ms-blob-type" not in request.headers:
            api = "CopyBlob"
        await created(world, blobs, account, target, api)
    elif operation == "Put Block List":
        await created(world, blobs, account, target, "PutBlockList")
    elif operation == "Delete Blob" and "snapshot" not in parameters:
        deleted(world, account, target, "DeleteBlob")


async def created(world: World, blobs: AzuriteBlobs, account: Resource, target: RequestPath, api: str) -> None:
    if not _awaited(world, account, target):
        return
    path = f"/{target.container}/{quote(target.blob or '')}"
    version = [(b"x-ms-version", _VERSION)]
    response = await blobs.send(account.name.lower(), "HEAD", path, "", version, b"", signed=True)
    await response.aclose()
    if response.status_code == 200:  # else it is gone again
        size = int(response.headers.get("content-length", 0))
        world.blob_events.happened(_event(account, CREATED, api, target, size))


def deleted(world: World, account: Resource, target: RequestPath, api: str) -> None:
    if _awaited(world, account, target):
        world.blob_events.happened(_event(account, DELETED, api, target, None))


def _awaited(world: World, account: Resource, target: RequestPath) -> bool:
    told = str(account.body.get("kind", "")).lower() in _KINDS and target.container not in _SILENT
    return told and world.blob_events.awaited(account.id)


def _event(account: Resource, type_: str, api: str, target: RequestPath, size: int | None) -> BlobEvent:
    container, blob = target.container or "", target.blob or ""
    url = f"https://{account.name.lower()}.blob.core.windows.net/{container}/{quote(blob)}"
    return BlobEvent(account.id, type_, api, container, blob, url, size)
