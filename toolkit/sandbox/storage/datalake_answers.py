"""Data Lake Storage's answers: JSON errors, its own codes, and the headers that every answer has.

Codes: https://learn.microsoft.com/rest/api/storageservices/datalakestoragegen2/path/create (and its neighbours'
"Known limitations"), hadoop-azure's AzureServiceErrorCode (apache/hadoop). The server's name is from
https://github.com/oleewere/fluent-plugin-azurestorage-gen2/issues/14.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.sandbox.storage.errors import StorageError

SERVER: Final = "Windows-Azure-HDFS/1.0 Microsoft-HTTPAPI/2.0"
SUPERUSER: Final = {"x-ms-owner": "$superuser", "x-ms-group": "$superuser", "x-ms-permissions": "rwxr-x---"}
ACL: Final = {"x-ms-acl": "user::rwx,group::r-x,other::---"}
_META: Final = "x-ms-meta-"
_HIDDEN: Final = ("hdi_isfolder",)
# (the Blob service's code) -> Data Lake's code and sentence
_WORDS: Final = {
    "ContainerNotFound": ("FilesystemNotFound", "The specified filesystem does not exist."),
    "ContainerAlreadyExists": ("FilesystemAlreadyExists", "The specified filesystem already exists."),
    "ContainerBeingDeleted": ("FilesystemBeingDeleted", "The specified filesystem is being deleted."),
    "BlobNotFound": ("PathNotFound", "The specified path does not exist."),
    "BlobAlreadyExists": ("PathAlreadyExists", "The specified path already exists."),
}


def path_not_found() -> StorageError:
    return StorageError(404, "PathNotFound", "The specified path does not exist.")


def path_conflict() -> StorageError:
    return StorageError(
        409,
        "PathConflict",
        "The specified path, or an element of the path, exists and its resource type is invalid for this operation.",
    )


def in_data_lakes_words(error: StorageError) -> StorageError:
    if error.code not in _WORDS:
        return error
    code, message = _WORDS[error.code]
    return StorageError(error.status, code, message, detail=error.detail, headers=error.headers)


def headers_of(request: Request, more: Mapping[str, str] | None = None) -> dict[str, str]:
    headers = {"server": SERVER, "x-ms-request-id": str(uuid.uuid4()), **(more or {})}
    for echoed in ("x-ms-version", "x-ms-client-request-id"):
        if value := request.headers.get(echoed):
            headers[echoed] = value
    return headers


def empty(request: Request, status: int, more: Mapping[str, str] | None = None) -> Response:
    return Response(status_code=status, headers=headers_of(request, more))


def listing(request: Request, body: Any, continuation: str) -> Response:
    return JSONResponse(body, headers=headers_of(request, {"x-ms-continuation": continuation} if continuation else {}))


def error_answer(error: StorageError, request: Request) -> Response:
    headers = headers_of(request, {"x-ms-error-code": error.code, **error.headers})
    if request.method == "HEAD":
        return Response(status_code=error.status, headers=headers)
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    said = f"{error.message}\nRequestId:{headers['x-ms-request-id']}\nTime:{time}"
    content: dict[str, Any] = {"code": error.code, "message": said}
    if error.detail:
        content["detail"] = {"AuthenticationErrorDetail": error.detail}
    return JSONResponse({"error": content}, error.status, headers)


# -- x-ms-properties: name=base64(value), name=base64(value) -----------------------------------------------------------


def metadata_of(request: Request) -> dict[str, str]:
    """As headers of the Blob service. Raises :class:`StorageError`."""
    found: dict[str, str] = {}
    for part in filter(None, request.headers.get("x-ms-properties", "").split(",")):
        name, _, value = part.strip().partition("=")
        try:
            found[_META + name] = base64.b64decode(value, validate=True).decode("latin-1")
        except ValueError:
            raise StorageError(
                400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format."
            ) from None
    return found


def properties_of(headers: Mapping[str, str]) -> str:
    pairs = ((name.removeprefix(_META), value) for name, value in headers.items() if name.startswith(_META))
    return ",".join(
        f"{name}={base64.b64encode(value.encode('latin-1')).decode()}" for name, value in pairs if name not in _HIDDEN
    )
