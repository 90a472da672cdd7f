"""Files, queues and tables: names, network rules and sign-in as on Azure; what is behind them is refused by name.

Batch endpoints and parallel jobs of Azure Machine Learning keep their work lists there
(https://learn.microsoft.com/azure/machine-learning/how-to-managed-network#scenario-use-batch-endpoint-or-parallelrunstep),
so that whether a machine gets that far is worth knowing. A file share takes a token from whoever says what for
(https://learn.microsoft.com/rest/api/storageservices/authorize-oauth-rest: x-ms-file-request-intent).
"""

from __future__ import annotations

from typing import Final, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.sandbox.model import Origin
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.storage.authentication import bearer_of, caller_of, challenge, require_keys
from toolkit.sandbox.storage.doors import Doors
from toolkit.sandbox.storage.errors import StorageError, not_served, serialise
from toolkit.sandbox.world import World

KINDS: Final = ("file", "queue", "table")


class UnservedStorage:
    """One service of the storage accounts in the store (``*.queue.core.windows.net``), up to its own work: 501."""

    def __init__(self, world: World, kind: str) -> None:
        suffix = f".{suffix_of(kind)}"
        self.name = f"storage-{kind}"
        self.hosts: tuple[str, ...] = (f"*{suffix}",)
        self._kind = kind
        self._world = world
        self._doors = Doors(world, suffix)

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            self._refuse(request, origin)
        except StorageError as error:
            return _in_json(error, request) if self._kind == "table" else serialise(error, request)

    def _refuse(self, request: Request, origin: Origin) -> NoReturn:
        host = request.url.hostname or ""
        account = self._doors.account(host)
        self._doors.require_https(account, request)
        self._doors.pass_firewall(account, origin, host, caller_of(self._world, request, host))
        authorization = request.headers.get("authorization")
        if authorization is None and "sig=" not in request.url.query:
            raise challenge("NoAuthenticationInformation", self._doors.tenant(account))
        if (authorization or "").lower().startswith("bearer "):
            bearer_of(self._world, account, self._doors.tenant(account), request, host)
            if self._kind == "file" and request.headers.get("x-ms-file-request-intent", "").lower() != "backup":
                message = "An HTTP header that's mandatory for this request is not specified."
                raise StorageError(400, "MissingRequiredHeader", message)
        else:
            require_keys(account)
        raise not_served(f"{self._kind}s")


def _in_json(error: StorageError, request: Request) -> Response:
    """As tables answer: https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes"""
    answer = serialise(error, request)
    headers = {name: value for name, value in answer.headers.items() if name not in ("content-length", "content-type")}
    headers.pop("x-ms-error-code", None)
    message = f"{error.message}\nRequestId:{headers['x-ms-request-id']}"
    body = {"odata.error": {"code": error.code, "message": {"lang": "en-US", "value": message}}}
    return JSONResponse(body, error.status, headers, "application/json;odata=minimalmetadata;charset=utf-8")
