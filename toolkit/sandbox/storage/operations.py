"""Which operation of the Blob service a request is, and what a Microsoft Entra principal needs for it.

The permissions are Microsoft's table "Permissions for Blob service operations":
https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

from toolkit.sandbox.storage.errors import StorageError, not_served

_SERVICE: Final = "Microsoft.Storage/storageAccounts/blobServices"
_CONTAINERS: Final = f"{_SERVICE}/containers"
_BLOBS: Final = f"{_CONTAINERS}/blobs"

Level = Literal["service", "container", "blob"]


@dataclass(frozen=True, slots=True)
class Permission:
    """One action of a role definition. ``new_blob_only``: it does as long as the blob is not there yet."""

    action: str
    data: bool = True
    new_blob_only: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """``any_of`` names the permissions of which one is needed; None: not available with Microsoft Entra ID."""

    name: str
    any_of: tuple[Permission, ...] | None


@dataclass(frozen=True, slots=True)
class RequestPath:
    """What the path of a request names."""

    level: Level
    container: str | None
    blob: str | None


_READ: Final = (Permission(f"{_BLOBS}/read"),)
_WRITE: Final = (Permission(f"{_BLOBS}/write"),)
_WRITE_OR_CREATE: Final = (*_WRITE, Permission(f"{_BLOBS}/add/action", new_blob_only=True))
_WRITE_OR_ADD: Final = (*_WRITE, Permission(f"{_BLOBS}/add/action"))
_FILTER: Final = (Permission(f"{_BLOBS}/filter/action"),)
_READ_CONTAINER: Final = (Permission(f"{_CONTAINERS}/read", data=False),)
_WRITE_CONTAINER: Final = (Permission(f"{_CONTAINERS}/write", data=False),)
_READ_SERVICE: Final = (Permission(f"{_SERVICE}/read", data=False),)
_WRITE_SERVICE: Final = (Permission(f"{_SERVICE}/write", data=False),)
_DELEGATE: Final = (Permission(f"{_SERVICE}/generateUserDelegationKey/action", data=False),)

READ_TAGS: Final = (Permission(f"{_BLOBS}/tags/read"),)
WRITE_TAGS: Final = (Permission(f"{_BLOBS}/tags/write"),)
READ_BLOB: Final = _READ

# (level, method, comp) -> operation; HEAD is looked up as GET.
_OPERATIONS: Final[dict[tuple[Level, str, str], Operation]] = {
    ("service", "GET", "list"): Operation("List Containers", _READ_CONTAINER),
    ("service", "GET", "properties"): Operation("Get Blob Service Properties", _READ_SERVICE),
    ("service", "PUT", "properties"): Operation("Set Blob Service Properties", _WRITE_SERVICE),
    ("service", "GET", "stats"): Operation("Get Blob Service Stats", _READ_SERVICE),
    ("service", "POST", "userdelegationkey"): Operation("Get User Delegation Key", _DELEGATE),
    ("service", "GET", "blobs"): Operation("Find Blobs by Tags", _FILTER),
    ("container", "PUT", ""): Operation("Create Container", _WRITE_CONTAINER),
    ("container", "GET", ""): Operation("Get Container Properties", _READ_CONTAINER),
    ("container", "GET", "metadata"): Operation("Get Container Metadata", _READ_CONTAINER),
    ("container", "PUT", "metadata"): Operation("Set Container Metadata", _WRITE_CONTAINER),
    ("container", "GET", "acl"): Operation("Get Container ACL", None),
    ("container", "PUT", "acl"): Operation("Set Container ACL", None),
    ("container", "PUT", "lease"): Operation("Lease Container", _WRITE_CONTAINER),
    ("container", "DELETE", ""): Operation("Delete Container", (Permission(f"{_CONTAINERS}/delete", data=False),)),
    ("container", "PUT", "undelete"): Operation("Restore Container", _WRITE_CONTAINER),
    ("container", "GET", "list"): Operation("List Blobs", _READ),
    ("container", "GET", "blobs"): Operation("Find Blobs by Tags in Container", _FILTER),
    ("blob", "PUT", ""): Operation("Put Blob", _WRITE_OR_CREATE),
    ("blob", "GET", ""): Operation("Get Blob", _READ),
    ("blob", "GET", "metadata"): Operation("Get Blob Metadata", _READ),
    ("blob", "PUT", "properties"): Operation("Set Blob Properties", _WRITE),
    ("blob", "PUT", "metadata"): Operation("Set Blob Metadata", _WRITE),
    ("blob", "GET", "tags"): Operation("Get Blob Tags", READ_TAGS),
    ("blob", "PUT", "tags"): Operation("Set Blob Tags", WRITE_TAGS),
    ("blob", "PUT", "lease"): Operation("Lease Blob", _WRITE),
    ("blob", "PUT", "snapshot"): Operation("Snapshot Blob", _WRITE_OR_ADD),
    ("blob", "PUT", "copy"): Operation("Abort Copy Blob", _WRITE),
    ("blob", "DELETE", ""): Operation("Delete Blob", (Permission(f"{_BLOBS}/delete"),)),
    ("blob", "PUT", "undelete"): Operation("Undelete Blob", _WRITE_CONTAINER),
    ("blob", "PUT", "tier"): Operation("Set Blob Tier", _WRITE),
    ("blob", "PUT", "block"): Operation("Put Block", _WRITE),
    ("blob", "PUT", "blocklist"): Operation("Put Block List", _WRITE),
    ("blob", "GET", "blocklist"): Operation("Get Block List", _READ),
    ("blob", "POST", "query"): Operation("Query Blob Contents", _READ),
    ("blob", "PUT", "page"): Operation("Put Page", _WRITE),
    ("blob", "GET", "pagelist"): Operation("Get Page Ranges", _READ),
    ("blob", "PUT", "incrementalcopy"): Operation("Incremental Copy Blob", _WRITE_OR_CREATE),
    ("blob", "PUT", "appendblock"): Operation("Append Block", _WRITE_OR_ADD),
    ("blob", "PUT", "seal"): Operation("Append Blob Seal", _WRITE),
    ("blob", "PUT", "expiry"): Operation("Set Blob Expiry", _WRITE),
}
_DELETE_VERSION: Final = Operation("Delete Blob Version", (Permission(f"{_BLOBS}/deleteBlobVersion/action"),))
_DELETE_FOR_GOOD: Final = Operation("Delete Blob permanently", (Permission(f"{_BLOBS}/permanentDelete/action"),))
_ACCOUNT_INFORMATION: Final = Operation("Get Account Information", None)


def target_of(path: str, restype: str) -> RequestPath:
    """What ``path`` (percent-encoded, with its leading slash) names; one segment is a container or in ``$root``."""
    # Decoded before it is split, as Azurite does: else a role could be checked on another container than it acts on.
    container, slash, blob = unquote(path)[1:].partition("/")
    if not container and not slash:
        return RequestPath("service", None, None)
    if not container or container in (".", ".."):
        raise StorageError(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
    if blob:
        return RequestPath("blob", container, blob)
    return (
        RequestPath("container", container, None) if restype == "container" else RequestPath("blob", "$root", container)
    )


def operation_of(method: str, target: RequestPath, parameters: dict[str, str]) -> Operation:
    """The operation that a request asks for; raises :class:`StorageError`, 501 by name for one that is not served."""
    comp, restype = parameters.get("comp", "").lower(), parameters.get("restype", "").lower()
    if restype == "account" and comp == "properties":
        return _ACCOUNT_INFORMATION
    if comp == "batch":
        raise not_served("Blob Batch")
    operation = _OPERATIONS.get((target.level, "GET" if method == "HEAD" else method, comp))
    if operation is None:
        raise not_served(f"{method} with comp={comp!r} on a {target.level}")
    if method == "DELETE" and parameters.get("deletetype", "").lower() == "permanent":
        return _DELETE_FOR_GOOD
    if method == "DELETE" and target.level == "blob" and "versionid" in parameters:
        return _DELETE_VERSION
    return operation


def scope_of(account_id: str, target: RequestPath) -> str:
    """The scope at which roles are looked up: the container, or the account for the service's own operations."""
    return f"{account_id}/blobServices/default/containers/{target.container}" if target.container else account_id


def permission_mismatch() -> StorageError:
    return StorageError(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )
