"""What the Blob service says when it refuses, and the one place that puts it on the wire.

Codes, statuses and sentences: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes,
https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and …/sas-error-codes.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

SERVER = "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0"


class StorageError(Exception):
    """A refusal in Azure's words. ``detail`` becomes ``AuthenticationErrorDetail``."""

    def __init__(
        self, status: int, code: str, message: str, *, detail: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = headers or {}


def not_served(what: str) -> StorageError:
    """501 for a part of the Blob service that the sandbox does not have, by name."""
    return StorageError(501, "NotImplemented", f"The sandbox does not serve {what}.")


def container_not_found() -> StorageError:
    return StorageError(404, "ContainerNotFound", "The specified container does not exist.")


def serialise(error: StorageError, request: Request) -> Response:
    """The response of a refusal: Azure's headers, and its XML body unless the method is HEAD."""
    request_id = str(uuid.uuid4())
    headers = {"server": SERVER, "x-ms-request-id": request_id, "x-ms-error-code": error.code, **error.headers}
    for echoed in ("x-ms-version", "x-ms-client-request-id"):
        if value := request.headers.get(echoed):
            headers[echoed] = value
    if request.method == "HEAD":
        return Response(status_code=error.status, headers=headers)
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    message = escape(f"{error.message}\nRequestId:{request_id}\nTime:{time}")
    detail = f"<AuthenticationErrorDetail>{escape(error.detail)}</AuthenticationErrorDetail>" if error.detail else ""
    # The byte-order mark in front is what Azure Storage sends.
    body = (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{error.code}</Code><Message>{message}</Message>{detail}</Error>"
    )
    return Response(body.encode(), error.status, headers, "application/xml")
