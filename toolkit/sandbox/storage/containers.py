"""Create, delete, list and restore containers: the operations of the Blob service that the control plane sees, too."""

from __future__ import annotations

import uuid
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import Response

from toolkit.sandbox import containers
from toolkit.sandbox.containers import DeletedContainer
from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.errors import SERVER, StorageError, container_not_found
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

_CONDITIONAL = ("x-ms-lease-id", "x-ms-version")


def require_visible(name: str | None) -> None:
    """Raises :class:`StorageError` for a name that only the sandbox itself uses."""
    if name is not None and containers.stands_aside(name):
        raise container_not_found()


def made(world: World, account: Resource, name: str) -> None:
    """A container was made here: the control plane shows it."""
    resource = containers.as_resource(account.id, name)
    if world.store.get(resource.id) is None:
        world.store.put(resource)


async def delete(world: World, blobs: AzuriteBlobs, account: Resource, name: str, request: Request) -> Response:
    """202, or a refusal: no such container, a lease, a condition. https://learn.microsoft.com/rest/api/storageservices/delete-container"""
    sent = [(key.encode(), value.encode()) for key in _CONDITIONAL if (value := request.headers.get(key))]
    path = f"/{quote(name)}"
    found = await blobs.send(account.name.lower(), "HEAD", path, "restype=container", sent, b"", signed=True)
    await found.aclose()
    if found.status_code == 404:
        raise container_not_found()
    if found.status_code != 200:  # a lease id that is not the container's
        code = found.headers.get("x-ms-error-code", "LeaseIdMismatchWithContainerOperation")
        message = "The lease ID specified did not match the lease ID for the container."
        raise StorageError(found.status_code, code, message)
    if not _conditions_hold(found.headers["last-modified"], request):
        message = "The condition specified using HTTP conditional header(s) is not met."
        raise StorageError(412, "ConditionNotMet", message)
    if found.headers.get("x-ms-lease-state") == "leased" and "x-ms-lease-id" not in request.headers:
        message = "There is currently a lease on the container and no lease ID was specified in the request."
        raise StorageError(412, "LeaseIdMissing", message)
    await containers.delete_container(world, account, name)
    containers.forget_container(world.store, account, name)
    return _empty(202, request)


async def restore(world: World, blobs: AzuriteBlobs, account: Resource, name: str, request: Request) -> Response:
    """201, or 404 for a version that is not there, or 409 for a name that is in use.

    The name in the URL must be the deleted one's, says the client's reference:
    https://learn.microsoft.com/java/api/com.azure.storage.blob.options.undeleteblobcontaineroptions; which code answers
    another one is (inferred).
    """
    wanted = request.headers.get("x-ms-deleted-container-name"), request.headers.get("x-ms-deleted-container-version")
    deleted = next(
        (
            each
            for each in containers.deleted_containers(world.store, account.name)
            if (each.name, each.version) == wanted
        ),
        None,
    )
    if deleted is None:
        raise container_not_found()
    if name != deleted.name:
        message = "The destination container must have the name of the deleted one."
        raise StorageError(400, "InvalidHeaderValue", message)
    standing = await blobs.send(
        account.name.lower(), "HEAD", f"/{quote(name)}", "restype=container", [], b"", signed=True
    )
    await standing.aclose()
    if standing.status_code != 404:
        raise StorageError(409, "ContainerAlreadyExists", "The specified container already exists.")
    await containers.restore_container(world, account, deleted)
    return _empty(201, request)


def listed(world: World, account: Resource, body: bytes, parameters: dict[str, str]) -> bytes:
    """Azurite's page of containers without those that stand aside; the deleted ones with ``include=deleted``.

    https://learn.microsoft.com/rest/api/storageservices/list-containers2
    """
    page = ElementTree.fromstring(body)  # noqa: S314
    parent = page.find("Containers")
    if parent is None:
        return body
    for entry in list(parent):
        if containers.stands_aside(entry.findtext("Name") or ""):
            parent.remove(entry)
    if "deleted" in parameters.get("include", "").lower().split(",") and not parameters.get("marker"):
        prefix = parameters.get("prefix", "")
        deleted = containers.deleted_containers(world.store, account.name)
        parent.extend(_entry(each) for each in deleted if each.name.startswith(prefix))
        parent[:] = sorted(parent, key=lambda entry: entry.findtext("Name") or "")
    return b'<?xml version="1.0" encoding="utf-8"?>' + ElementTree.tostring(page)


def without_deleted(query: str) -> str:
    """The query of a list for Azurite, which knows no deleted containers."""
    parts = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name.lower() == "include":
            kept = [item for item in value.lower().replace("%2c", ",").split(",") if item != "deleted"]
            part = f"{name}={','.join(kept)}" if kept else ""
        parts.append(part)
    return "&".join(part for part in parts if part)


def _entry(deleted: DeletedContainer) -> ElementTree.Element:
    entry = ElementTree.Element("Container")
    for tag, text in (("Name", deleted.name), ("Deleted", "true"), ("Version", deleted.version)):
        ElementTree.SubElement(entry, tag).text = text
    properties = ElementTree.SubElement(entry, "Properties")
    time = format_datetime(deleted.deleted, usegmt=True)
    for tag, text in (
        ("Last-Modified", time),
        ("Etag", str(deleted.body.get("etag", ""))),
        ("LeaseStatus", "unlocked"),
        ("LeaseState", "expired"),
        ("HasImmutabilityPolicy", "false"),
        ("HasLegalHold", "false"),
        ("DeletedTime", time),
        ("RemainingRetentionDays", str(deleted.remaining_days)),
    ):
        ElementTree.SubElement(properties, tag).text = text
    return entry


def _conditions_hold(last_modified: str, request: Request) -> bool:
    """https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations"""
    changed = parsedate_to_datetime(last_modified)
    since, until = (request.headers.get(key) for key in ("if-modified-since", "if-unmodified-since"))
    return not (since and changed <= parsedate_to_datetime(since)) and not (
        until and changed > parsedate_to_datetime(until)
    )


def _empty(status: int, request: Request) -> Response:
    headers = {"server": SERVER, "x-ms-request-id": str(uuid.uuid4()), "content-length": "0"}
    for echoed in ("x-ms-version", "x-ms-client-request-id"):
        if value := request.headers.get(echoed):
            headers[echoed] = value
    return Response(status_code=status, headers=headers)
