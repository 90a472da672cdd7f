"""The Blob service's front door: decides as Azure does, then lets Azurite do the work."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.storage import containers, delegation, encryption, events
from toolkit.sandbox.storage.authentication import Anonymous, Identity, authenticate, caller_of, private_container
from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.doors import Doors
from toolkit.sandbox.storage.errors import SERVER, StorageError, not_served, serialise
from toolkit.sandbox.storage.operations import (
    READ_BLOB,
    READ_TAGS,
    WRITE_TAGS,
    Operation,
    Permission,
    RequestPath,
    operation_of,
    permission_mismatch,
    scope_of,
    target_of,
)
from toolkit.sandbox.storage.sas import PARAMETERS, SharedAccess
from toolkit.sandbox.storage.signing import split_query
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import BlobsUnavailable, World

_SUFFIX: Final = ".blob.core.windows.net"
_HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
    )
)
_OF_CONTAINERS: Final = ("Create Container", "Delete Container", "List Containers", "Restore Container")
_NOT_RETURNED: Final = frozenset(("connection", "date", "keep-alive", "server", "transfer-encoding"))
_INTERNAL_URL: Final = re.compile(rb"http://127\.0\.0\.1:\d+/slot\d{3}")


class StorageService:
    """``*.blob.core.windows.net`` over the storage accounts in the store; the other services are in unserved.py.

    Not as on Azure: metadata names come back in lower case (ASGI lower-cases header names); Blob Batch and copies
    between accounts are refused by name (501).
    """

    name = "storage"
    hosts: tuple[str, ...] = (f"*{_SUFFIX}",)

    def __init__(self, world: World, blobs: AzuriteBlobs) -> None:
        self._world = world
        self._blobs = blobs
        self._doors = Doors(world, _SUFFIX)

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            return await self._decide(request, origin)
        except StorageError as error:
            return serialise(error, request)
        except BlobsUnavailable as error:
            return serialise(StorageError(503, "ServerBusy", f"The sandbox's blob storage: {error}."), request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    async def _decide(self, request: Request, origin: Origin) -> Response:
        """Every step may refuse; the order is Azure's where it is known, and visible here."""
        host = request.url.hostname or ""
        account = self._doors.account(host)
        self._doors.require_https(account, request)
        source_ip = self._doors.pass_firewall(account, origin, host, caller_of(self._world, request, host))
        parameters = _parameters(request.url.query)
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        target = target_of(path, parameters.get("restype", "").lower())
        identity = authenticate(self._world, account, self._doors.tenant(account), request, target, source_ip)
        containers.require_visible(target.container)
        operation = operation_of(request.method, target, parameters)
        await self._authorise(account, identity, request, target, parameters, operation)
        encryption.require_key(self._world, account, operation.name, request, parameters)
        response = await self._carry_out(operation, account, identity, request, path, target, parameters)
        if response.status_code in (201, 202):
            await events.tell(self._world, self._blobs, account, operation.name, target, parameters, request)
        return response

    # -- the steps -----------------------------------------------------------------------------------------------------

    async def _authorise(
        self,
        account: Resource,
        identity: Identity,
        request: Request,
        target: RequestPath,
        parameters: dict[str, str],
        operation: Operation,
    ) -> None:
        if isinstance(identity, SharedAccess):
            letters = identity.check(operation, target, request.method)
            if operation.name == "Put Blob" and "w" not in letters and await self._exists(account, request):
                raise permission_mismatch()
            identity = identity.delegator or identity
        if not isinstance(identity, Principal):
            return
        if operation.any_of is None:
            raise permission_mismatch()
        required = [operation.any_of]
        if "x-ms-tags" in request.headers:
            required.append(WRITE_TAGS)
        if target.level == "container" and "tags" in parameters.get("include", "").split(","):
            required.append(READ_TAGS)
        for any_of in required:
            if not await self._holds_one(account, identity, target, any_of, request):
                raise permission_mismatch()

    async def _holds_one(
        self,
        account: Resource,
        principal: Principal,
        target: RequestPath,
        any_of: tuple[Permission, ...],
        request: Request,
    ) -> bool:
        scope = scope_of(account.id, target)
        access = self._world.access
        for permission in any_of:
            allows = access.allows_data_action if permission.data else access.allows_action
            if allows(principal, scope, permission.action) and not (
                permission.new_blob_only and await self._exists(account, request)
            ):
                return True
        return False

    async def _exists(self, account: Resource, request: Request) -> bool:
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        version = [(b"x-ms-version", request.headers.get("x-ms-version", "").encode())]
        response = await self._blobs.send(account.name.lower(), "HEAD", path, "", version, b"", signed=True)
        await response.aclose()
        return response.status_code != 404

    async def _carry_out(
        self,
        operation: Operation,
        account: Resource,
        identity: Identity,
        request: Request,
        path: str,
        target: RequestPath,
        parameters: dict[str, str],
    ) -> Response:
        """Azurite does most; what it does not know of containers, and what the control plane must see, is done here."""
        if operation.name == "Get User Delegation Key":
            return await self._delegation_key(account, identity, request)
        if isinstance(identity, Anonymous) or operation.name not in _OF_CONTAINERS:
            return await self._forward(account, identity, request, path, request.url.query)
        if operation.name == "List Containers":
            query = containers.without_deleted(request.url.query)
            response = await self._forward(account, identity, request, path, query)
            if response.status_code == 200:
                response.body = containers.listed(self._world, account, bytes(response.body), parameters)
                response.headers["content-length"] = str(len(response.body))
            return response
        assert target.container is not None
        if operation.name == "Delete Container":
            return await containers.delete(self._world, self._blobs, account, target.container, request)
        if operation.name == "Restore Container":
            return await containers.restore(self._world, self._blobs, account, target.container, request)
        response = await self._forward(account, identity, request, path, request.url.query)
        if response.status_code == 201:
            containers.made(self._world, account, target.container)
        return response

    async def _delegation_key(self, account: Resource, identity: Identity, request: Request) -> Response:
        """https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key: bearer tokens only."""
        if not isinstance(identity, Principal):
            raise permission_mismatch()
        start, end = delegation.times_of(await request.body())
        version = request.headers.get("x-ms-version", "")
        content = delegation.issue(self._world.store, account, identity, start, end, version)
        return Response(content, 200, {"x-ms-version": version, "server": SERVER}, "application/xml")

    # -- Azurite -------------------------------------------------------------------------------------------------------

    async def _forward(
        self, account: Resource, identity: Identity, request: Request, path: str, query: str
    ) -> Response:
        name = account.name.lower()
        headers = [(key, value) for key, value in request.scope["headers"] if key not in _HOP_BY_HOP]
        if source := request.headers.get("x-ms-copy-source"):
            rewritten = await self._copy_source(account, identity, source, request)
            headers = [(k, rewritten.encode("latin-1") if k == b"x-ms-copy-source" else v) for k, v in headers]
        if b"transfer-encoding" in dict(headers):
            raise StorageError(411, "MissingContentLengthHeader", "Content-Length header is required.")
        empty = request.headers.get("content-length", "0") == "0"
        response = await self._blobs.send(
            name,
            request.method,
            path,
            _without_signature(query) if isinstance(identity, SharedAccess) else query,
            headers,
            b"" if empty else request.stream(),
            signed=not isinstance(identity, Anonymous),
        )
        if isinstance(identity, Anonymous) and response.status_code == 403:
            await response.aclose()
            raise private_container(self._doors.tenant(account), request.headers.get("x-ms-version", ""))
        own_url = f"https://{name}{_SUFFIX}".encode()
        returned = [
            (key, _INTERNAL_URL.sub(own_url, value))
            for key, value in ((k.lower(), v) for k, v in response.headers.raw)
            if key.decode("latin-1") not in _NOT_RETURNED
        ]
        returned.append((b"server", SERVER.encode()))
        if b"comp=list" in request.scope["query_string"].lower() and request.method == "GET":
            return await _rewritten(response, returned, own_url)
        streaming = StreamingResponse(_content(response), response.status_code)
        streaming.raw_headers = returned
        return streaming

    async def _copy_source(self, account: Resource, identity: Identity, source: str, request: Request) -> str:
        """The source of a copy as Azurite knows it, after the caller's right to read it has been checked."""
        url = urlsplit(source)
        if (url.hostname or "") != f"{account.name.lower()}{_SUFFIX}":
            raise not_served(f"a copy from another account or host ({url.hostname})")
        if "sig=" in url.query or isinstance(identity, SharedAccess):
            raise not_served("copies with shared access signatures")
        target = target_of(url.path, "")
        if isinstance(identity, Principal) and not await self._holds_one(account, identity, target, READ_BLOB, request):
            raise permission_mismatch()
        base = await self._blobs.base_url(account.name.lower())
        return f"{base}{url.path}" + (f"?{url.query}" if url.query else "")


def _parameters(query: str) -> dict[str, str]:
    """The query by lower-cased name; a name given twice is refused: what was checked must be what Azurite acts on."""
    pairs = [(name.lower(), value) for name, value in split_query(query)]
    if len(dict(pairs)) != len(pairs):
        raise StorageError(400, "InvalidQueryParameterValue", "A query parameter was given more than once.")
    return dict(pairs)


def _without_signature(query: str) -> str:
    parts = query.split("&")
    return "&".join(part for part in parts if part.partition("=")[0].lower() not in PARAMETERS)


async def _content(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()


async def _rewritten(response: httpx.Response, headers: list[tuple[bytes, bytes]], own_url: bytes) -> Response:
    """A listing with Azurite's own address replaced by the account's (ServiceEndpoint, CopySource)."""
    try:
        body = _INTERNAL_URL.sub(own_url, await response.aread())
    finally:
        await response.aclose()
    # aread() has decoded the body, so its encoding and length are no longer Azurite's.
    kept = [(k, v) for k, v in headers if k not in (b"content-length", b"content-encoding")]
    result = Response(body, response.status_code)
    result.raw_headers = [*kept, (b"content-length", str(len(body)).encode())]
    return result
