"""Which operation of Data Lake Storage a request is, and what it needs: in operations of the Blob service.

https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-access-control-model: roles are the Blob service's.
Which of them a rename needs of its source is (inferred): to delete it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

from starlette.requests import Request

from toolkit.sandbox.storage import operations
from toolkit.sandbox.storage.errors import StorageError, not_served
from toolkit.sandbox.storage.operations import Operation, Permission, RequestPath
from toolkit.sandbox.store import Resource

_BLOBS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
# Lists of paths are read by the superuser, which Storage Blob Data Owner is: https://github.com/trinodb/trino/pull/29947
_SUPERUSER: Final = Operation("Get Blob", (Permission(f"{_BLOBS}/runAsSuperUser/action"),))
_ACLS: Final = ("setaccesscontrol", "setaccesscontrolrecursive")


@dataclass(frozen=True, slots=True)
class Asked:
    account: Resource
    request: Request
    target: RequestPath
    parameters: Mapping[str, str]  # names in lower case
    method: str

    @property
    def hierarchical(self) -> bool:
        return bool(self.account.properties.get("isHnsEnabled"))

    @property
    def path(self) -> str:
        return self.target.blob or ""

    @property
    def container(self) -> str:
        assert self.target.container is not None, "the service itself has operations of its own"
        return self.target.container

    @property
    def source(self) -> RequestPath:
        """What ``x-ms-rename-source`` names: ``/FILESYSTEM/PATH``, percent-encoded."""
        named, _, query = self.request.headers["x-ms-rename-source"].partition("?")
        if query:
            raise not_served("renames whose source has a query")
        container, _, name = unquote(named).removeprefix("/").partition("/")
        name = name.strip("/")
        if not container or not name or any(part in ("", ".", "..") for part in name.split("/")):
            raise StorageError(400, "InvalidHeaderValue", "The source of a rename is /FILESYSTEM/PATH.")
        return RequestPath("blob", container, name)


@dataclass(frozen=True, slots=True)
class DataLakeOperation:
    name: str
    of: Literal["filesystem", "path"]
    needs: tuple[Operation, ...]


def operation_of(asked: Asked) -> DataLakeOperation:
    """Raises :class:`StorageError`: 501 by name for what is not served."""
    parameters, method, level = asked.parameters, asked.method, asked.target.level
    resource, action = parameters.get("resource", "").lower(), parameters.get("action", "").lower()
    if level == "service" and method == "GET" and resource == "account":
        return DataLakeOperation("List Filesystems", "filesystem", _blob("GET", asked, comp="list"))
    if level == "container" and resource == "filesystem":
        name, comp = {
            "PUT": ("Create Filesystem", ""),
            "HEAD": ("Get Filesystem Properties", ""),
            "PATCH": ("Set Filesystem Properties", "metadata"),
            "DELETE": ("Delete Filesystem", ""),
            "GET": ("List Paths", "list"),
        }.get(method, ("", ""))
        if name:
            as_blob = "PUT" if method == "PATCH" else method
            return DataLakeOperation(name, "path" if comp == "list" else "filesystem", _blob(as_blob, asked, comp=comp))
    if method == "HEAD" and level != "service" and action == "getaccesscontrol":
        return DataLakeOperation("Get Access Control", "path", (_SUPERUSER,) if asked.hierarchical else ())
    if method == "PATCH" and action in _ACLS:
        if not asked.hierarchical:
            raise hierarchical_only()
        raise not_served(f"access control lists ({parameters['action']})")
    if level == "blob":
        return _of_path(asked, method, action)
    raise not_served(f"{method} with resource={resource!r}, action={action!r} on a {level} of Data Lake Storage")


def _of_path(asked: Asked, method: str, action: str) -> DataLakeOperation:
    match method, action:
        case "PUT", "" if "x-ms-rename-source" in asked.request.headers:
            return DataLakeOperation("Rename Path", "path", _blob("PUT", asked))
        case "PUT", "":
            return DataLakeOperation("Create Path", "path", _blob("PUT", asked))
        case "PATCH", "append":
            needs = _blob("PUT", asked, comp="block")
            also = _blob("PUT", asked, comp="blocklist") if asked.parameters.get("flush", "").lower() == "true" else ()
            return DataLakeOperation("Append Data", "path", (*needs, *also))
        case "PATCH", "flush":
            return DataLakeOperation("Flush Data", "path", _blob("PUT", asked, comp="blocklist"))
        case "PATCH", "setproperties":
            return DataLakeOperation("Set Path Properties", "path", _blob("PUT", asked, comp="metadata"))
        case "GET", "":
            return DataLakeOperation("Read Path", "path", _blob("GET", asked))
        case "HEAD", "" | "getstatus":
            return DataLakeOperation("Get Path Properties", "path", _blob("HEAD", asked))
        case "DELETE", "":
            return DataLakeOperation("Delete Path", "path", _blob("DELETE", asked))
        case "POST", _:
            raise not_served("leases of Data Lake Storage: the Blob service's are")
    raise not_served(f"{method} with action={action!r} on a path of Data Lake Storage")


def _blob(method: str, asked: Asked, **parameters: str) -> tuple[Operation, ...]:
    return (operations.operation_of(method, asked.target, dict(parameters)),)


def hierarchical_only() -> StorageError:
    return StorageError(
        400, "HierarchicalNamespaceNotEnabled", "This operation needs an account with a hierarchical namespace."
    )
