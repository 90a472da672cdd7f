"""Data Lake Storage's own endpoint, ``*.dfs.core.windows.net``: file systems and paths over the accounts in the store.

* https://learn.microsoft.com/rest/api/storageservices/data-lake-storage-gen2, and the REST specification
  (azure-rest-api-specs, Microsoft.StorageDataLake); codes: …/common-rest-api-error-codes and hadoop-azure's
  AzureServiceErrorCode (apache/hadoop)
* Accounts with a flat namespace are served, too; not while they have soft delete or event subscriptions
  (409 EndpointUnsupportedAccountFeatures: https://github.com/Azure/azure-sdk-for-python/issues/22775), and they have no
  access control lists (https://github.com/trinodb/trino/pull/29947).

Access control lists cannot be set here (501 by name): all that has been made is the superuser's, and roles decide. On
Azure whoever made a path owns it, and lists are asked when roles do not allow.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.storage import containers, encryption
from toolkit.sandbox.storage.authentication import Anonymous, Identity, authenticate, caller_of, challenge
from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.datalake_answers import error_answer, in_data_lakes_words
from toolkit.sandbox.storage.datalake_filesystems import FileSystems
from toolkit.sandbox.storage.datalake_paths import PathOperations
from toolkit.sandbox.storage.datalake_requests import Asked, operation_of
from toolkit.sandbox.storage.doors import Doors
from toolkit.sandbox.storage.errors import StorageError, not_served
from toolkit.sandbox.storage.operations import Operation, RequestPath, permission_mismatch, scope_of
from toolkit.sandbox.storage.sas import SharedAccess
from toolkit.sandbox.storage.signing import split_query
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import BlobsUnavailable, World

_SUFFIX: Final = ".dfs.core.windows.net"


class DataLakeService:
    """The Data Lake service's front door."""

    name = "storage-dfs"
    hosts: tuple[str, ...] = (f"*{_SUFFIX}",)

    def __init__(self, world: World, blobs: AzuriteBlobs) -> None:
        self._world = world
        self._doors = Doors(world, _SUFFIX)
        self._file_systems = FileSystems(world, blobs)
        self._paths = PathOperations(world, blobs)

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            return await self._decide(request, origin)
        except StorageError as error:
            return error_answer(in_data_lakes_words(error), request)
        except BlobsUnavailable as error:
            return error_answer(StorageError(503, "ServerBusy", f"The sandbox's blob storage: {error}."), request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    async def _decide(self, request: Request, origin: Origin) -> Response:
        """As the Blob service decides (service.py), and in the same order."""
        host = request.url.hostname or ""
        account = self._doors.account(host)
        self._doors.require_https(account, request)
        source_ip = self._doors.pass_firewall(account, origin, host, caller_of(self._world, request, host))
        asked = _asked(account, request)
        target = asked.target
        identity = authenticate(self._world, account, self._doors.tenant(account), request, target, source_ip)
        if isinstance(identity, Anonymous):
            raise challenge("NoAuthenticationInformation", self._doors.tenant(account))
        self._require_features(account)
        containers.require_visible(target.container)
        operation = operation_of(asked)
        for needed in operation.needs:
            self._authorise(account, identity, request, target, needed)
        if operation.name == "Rename Path":
            self._authorise_source(account, identity, request, asked)
        for needed in operation.needs:
            encryption.require_key(self._world, account, needed.name, request, {})
        if operation.of == "path":
            return await self._paths.carry_out(operation.name, asked)
        return await self._file_systems.carry_out(operation.name, asked)

    def _require_features(self, account: Resource) -> None:
        if account.properties.get("isHnsEnabled"):
            return
        service = self._world.store.get(f"{account.id}/blobServices/default")
        retention = (service.properties.get("deleteRetentionPolicy") if service is not None else None) or {}
        if retention.get("enabled") or self._world.blob_events.awaited(account.id):
            raise StorageError(
                409,
                "EndpointUnsupportedAccountFeatures",
                "This endpoint does not support BlobStorageEvents or SoftDelete. Please disable these account features "
                "if you would like to use this endpoint.",
            )

    def _authorise(
        self, account: Resource, identity: Identity, request: Request, target: RequestPath, needed: Operation
    ) -> None:
        if isinstance(identity, SharedAccess):
            identity.check(needed, target, request.method)
            identity = identity.delegator or identity
        if not isinstance(identity, Principal):
            return
        scope, access = scope_of(account.id, target), self._world.access
        for permission in needed.any_of or ():
            allows = access.allows_data_action if permission.data else access.allows_action
            if not permission.new_blob_only and allows(identity, scope, permission.action):
                return
        raise permission_mismatch()

    def _authorise_source(self, account: Resource, identity: Identity, request: Request, asked: Asked) -> None:
        if isinstance(identity, SharedAccess):
            raise not_served("renames with shared access signatures")
        source = asked.source
        containers.require_visible(source.container)
        for needed in operation_of(Asked(account, request, source, {"recursive": "true"}, "DELETE")).needs:
            self._authorise(account, identity, request, source, needed)


def _asked(account: Resource, request: Request) -> Asked:
    pairs = [(name.lower(), value) for name, value in split_query(request.url.query)]
    if len(dict(pairs)) != len(pairs):
        raise StorageError(400, "InvalidQueryParameterValue", "A query parameter was given more than once.")
    raw = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    return Asked(account, request, path_target(unquote(raw)), dict(pairs), request.method)


def path_target(path: str) -> RequestPath:
    """``/``, ``/FILESYSTEM`` or ``/FILESYSTEM/PATH``, decoded."""
    container, _, name = path.removeprefix("/").partition("/")
    if not container:
        return RequestPath("service", None, None)
    name = name.strip("/")
    if container in (".", "..") or (any(part in ("", ".", "..") for part in name.split("/")) and name):
        raise StorageError(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
    return RequestPath("blob" if name else "container", container, name or None)
