"""Faults on order: what goes wrong between a client and Azure, at the requests that a test names.

Throttling, an overloaded or restarting service, a token not taken any more, a policy, and a connection that breaks
before a request is carried out or after it was, which a client cannot tell apart. Said over the control API, forgotten
when the daemon ends.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.sandbox.chain import ABORT_KEY, Exchange, Next, Receive, Send, loggable_url

Kind = Literal["throttled", "unavailable", "expired", "disallowed", "broken", "committed"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
_CLOSED = 499
_EXPIRED = "The access token expiry UTC time is earlier than current UTC time."


@dataclass(slots=True)
class Fault:
    """Happens to requests with this method ("" for any) whose url ``url`` (a regular expression) is found in.

    The first ``skip`` of them pass, then it happens ``times`` times. ``retry_after`` is the header's value where the
    kind has one.
    """

    kind: Kind
    url: str
    method: str = ""
    skip: int = 0
    times: int = 1
    retry_after: int = 1
    happened: int = 0

    def due(self, request: Request) -> bool:
        if (self.method and request.method != self.method) or not re.search(self.url, loggable_url(request)):
            return False
        if self.happened >= self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.happened += 1
        return True


class Faults:
    """The handler of the chain that lets them happen, to clients only: the sandbox's own requests are spared."""

    def __init__(self) -> None:
        self._faults: Sequence[Fault] = ()

    def order(self, faults: Sequence[Fault]) -> None:
        """These instead of those before."""
        self._faults = list(faults)

    @property
    def happened(self) -> list[int]:
        """How often each of them has, in their order."""
        return [fault.happened for fault in self._faults]

    async def __call__(self, exchange: Exchange, following: Next) -> Response:
        if ABORT_KEY not in exchange.request.scope:
            return await following(exchange)
        for fault in self._faults:
            if fault.due(exchange.request):
                return await _happen(fault, exchange, following)
        return await following(exchange)


async def _happen(fault: Fault, exchange: Exchange, following: Next) -> Response:
    match fault.kind:
        case "throttled":
            after = {"Retry-After": str(fault.retry_after)}
            return _error(429, "TooManyRequests", "The request is being throttled.", after)
        case "unavailable":
            return _error(503, "ServerTimeout", "The request timed out. Try again later.")
        case "expired":
            challenge = f'Bearer error="invalid_token", error_description="{_EXPIRED}"'
            return _error(401, "ExpiredAuthenticationToken", _EXPIRED, {"WWW-Authenticate": challenge})
        case "disallowed":
            message = "Resource was disallowed by policy. Reasons: 'no rules for addresses here'."
            return _error(403, "RequestDisallowedByPolicy", message)
        case "broken":
            return _Broken()
        case "committed":
            answer = await following(exchange)
            return _Broken() if answer.status_code < 400 else answer


class _Broken(Response):
    """The connection is reset instead of an answer."""

    def __init__(self) -> None:
        super().__init__(status_code=_CLOSED)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        scope[ABORT_KEY]()
        while (await receive())["type"] != "http.disconnect":
            pass


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """In ARM's form; clients of other hosts go by the status.

    https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    """
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status, {**(headers or {}), "x-ms-error-code": code})
