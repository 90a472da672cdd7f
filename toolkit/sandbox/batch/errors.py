"""How the Batch service refuses: a code, a sentence, and named values.

Shape and codes: https://learn.microsoft.com/rest/api/batchservice/batch-status-and-error-codes
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json

CONTENT_TYPE = "application/json; odata=minimalmetadata"


class BatchError(Exception):
    def __init__(self, status: int, code: str, message: str, values: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.values = dict(values or {})

    def body(self, host: str, request_id: str) -> Json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        container = "Microsoft.Azure.Batch.Protocol.Entities.Container"
        return {
            "odata.metadata": f"https://{host}/$metadata#{container}.errors/@Element",
            "code": self.code,
            "message": {"lang": "en-US", "value": f"{self}\nRequestId:{request_id}\nTime:{now}"},
            **({"values": [{"key": key, "value": value} for key, value in self.values.items()]} if self.values else {}),
        }


def serialise(error: BatchError, request: Request) -> Response:
    request_id = str(uuid.uuid4())
    headers = {"request-id": request_id, "content-type": CONTENT_TYPE}
    body = error.body(request.url.hostname or "", request_id)
    return JSONResponse(body, status_code=error.status, headers=headers)


def not_modelled(what: str) -> BatchError:
    return BatchError(501, "SandboxNotModelled", f"The sandbox's Batch does not model {what}: toolkit/sandbox/batch.")


def unauthenticated(detail: str) -> BatchError:
    """403 and not 401, with the reason among the values: https://github.com/Azure/BatchExplorer/issues/239"""
    return BatchError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature.",
        {"AuthenticationErrorDetail": detail},
    )


def invalid(name: str, value: str, reason: str) -> BatchError:
    return BatchError(
        400,
        "InvalidPropertyValue",
        "The value provided for one of the properties in the request body is invalid.",
        {"PropertyName": name, "PropertyValue": value, "Reason": reason},
    )


def missing(name: str) -> BatchError:
    return BatchError(
        400,
        "MissingRequiredProperty",
        "A required property was not specified in the request body.",
        {"PropertyName": name, "Reason": "Required property cannot be null"},
    )


def invalid_query(name: str, value: str, reason: str) -> BatchError:
    return BatchError(
        400,
        "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid",
        {"QueryParameterName": name, "QueryParameterValue": value, "Reason": reason},
    )
