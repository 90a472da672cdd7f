"""The way of every request: one ordered list of handlers, which reads from top to bottom in :func:`build_chain`.

access log ▸ control API ▸ faults on order ▸ host routing ▸ service
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from toolkit.sandbox.model import Origin
from toolkit.sandbox.world import Service

log = logging.getLogger("toolkit.sandbox")

ORIGIN_KEY = "toolkit.origin"  # in the ASGI scope: where the connection comes from; absent on the control port
ABORT_KEY = "toolkit.abort"  # in the scope of a client's request: breaks its connection off
_CLIENT_CLOSED_REQUEST = 499  # nginx's number for "the client went away"; only ever seen in the access log


@dataclass(slots=True)
class Exchange:
    """One request on its way. ``origin`` is None for what arrives on the control port."""

    request: Request
    origin: Origin | None


Next = Callable[[Exchange], Awaitable[Response]]
Handler = Callable[[Exchange, Next], Awaitable[Response]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Router:
    """Which service answers for a host name: an exact name, or ``*.suffix`` for one or more labels in front."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._exact: dict[str, Service] = {}
        self._suffixes: list[tuple[str, Service]] = []
        for service in services:
            for host in service.hosts:
                if host.startswith("*."):
                    self._suffixes.append((host[1:], service))
                else:
                    self._exact[host] = service

    def service(self, host: str) -> Service | None:
        host = host.lower()
        if found := self._exact.get(host):
            return found
        return next((s for suffix, s in self._suffixes if host.endswith(suffix) and len(host) > len(suffix)), None)

    def serves(self, host: str) -> bool:
        return self.service(host) is not None

    @property
    def hosts(self) -> list[str]:
        return [*self._exact, *(f"*{suffix}" for suffix, _ in self._suffixes)]


def not_served(host: str, router: Router) -> tuple[str, str]:
    """(reason, help): what is said about a host that no service serves, on a CONNECT and on a plain request alike."""
    reason = f"The sandbox does not serve {host}"
    known = "\n".join(f"  {name}" for name in router.hosts)
    return reason, (
        f"{reason}.\n"
        f"It answers for a local Azure and never dials out. It serves:\n{known}\n"
        "To reach the internet, run the command without HTTPS_PROXY and HTTP_PROXY.\n"
        "To add a service, see toolkit/sandbox/README.md.\n"
    )


class HostRouting:
    """The last step: the service whose host was asked for."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def __call__(self, exchange: Exchange, following: Next) -> Response:
        assert exchange.origin is not None
        host = request_host(exchange.request)
        service = self._router.service(host)
        if service is None:
            _, text = not_served(host or "a request without a Host header", self._router)
            return PlainTextResponse(text, status_code=403)
        try:
            return await service.handle(exchange.request, exchange.origin)
        except ClientDisconnect:
            raise
        except Exception as error:
            log.exception("unhandled exception in the %s service: %s %s", service.name, exchange.request.method, host)
            return _fault(error, f"the {service.name} service")


class AccessLog:
    """One JSON line for each request in logs/requests.jsonl: time, vantage, subscription, identity, method, url,
    status, milliseconds, and the error's code where there is one.

    Never headers or bodies; the signature of a SAS is dropped from the url. The identity is whom a token speaks for, by
    its own words: whether they are true is what the status says.
    """

    LIMIT_BYTES = 20_000_000

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > self.LIMIT_BYTES:
            path.replace(path.with_suffix(".1.jsonl"))
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, exchange: Exchange, status: int, seconds: float, code: str | None = None) -> None:
        request, origin = exchange.request, exchange.origin
        line: dict[str, object] = {
            "time": round(time.time(), 3),
            "vantage": origin.vantage.name if origin else "control",
            "subscription": origin.subscription_id if origin else None,
            "identity": identity_of(request) if origin else None,
            "method": request.method,
            "url": loggable_url(request),
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        if code is not None:
            line["code"] = code
        with contextlib.suppress(OSError):  # a full disk costs the line, not the answer
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        os.close(self._descriptor)


class Chain:
    """The ASGI application: runs the handlers in order and sends what comes back, then writes the access log."""

    def __init__(self, access_log: AccessLog, handlers: Sequence[Handler]) -> None:
        self._access_log = access_log
        self.clock_ahead = 0.0  # of the Date that clients compare their own clock with
        self._first = _compose(handlers)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        exchange = Exchange(Request(scope, receive), scope.get(ORIGIN_KEY))
        status, code = _CLIENT_CLOSED_REQUEST, None
        try:
            try:
                response = await self._first(exchange)
            except ClientDisconnect:
                return
            except Exception as error:
                log.exception("unhandled exception in the handler chain: %s", exchange.request.method)
                response = _fault(error, "the handler chain")
            response.headers.setdefault("date", formatdate(time.time() + self.clock_ahead, usegmt=True))
            await response(scope, receive, send)
            status, code = response.status_code, error_code(response)
        except (ClientDisconnect, ConnectionError):
            log.info("client went away during %s", exchange.request.method)
        finally:
            self._access_log.write(exchange, status, time.perf_counter() - started, code)


def build_chain(access_log: AccessLog, control: Handler, faults: Handler, router: Router) -> Chain:
    """The whole request path."""
    return Chain(access_log, (control, faults, HostRouting(router)))


def request_host(request: Request) -> str:
    """The host name asked for, lower case, without a port."""
    host = request.headers.get("host", "").lower()
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0]


def identity_of(request: Request) -> str:
    """Whom a request says it comes from: a name or an object id of a token, else how it was signed."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _named_in(value)
    if scheme.lower() in ("sharedkey", "sharedkeylite"):
        return "shared key"
    return "shared access signature" if b"sig=" in request.scope["query_string"] else "anonymous"


@lru_cache(maxsize=256)
def _named_in(token: str) -> str:
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get("app_displayname") or claims.get("oid") or claims.get("sub") or "token")
    except (IndexError, ValueError, AttributeError):
        return "token"


def error_code(response: Response) -> str | None:
    """The code of an error: of a header, as storage has it, or of the body, as all others do."""
    if response.status_code < 400:
        return None
    if header := response.headers.get("x-ms-error-code"):
        return header
    try:
        answer = json.loads(getattr(response, "body", b""))
    except (ValueError, TypeError):
        return None
    error = answer.get("error") or answer.get("odata.error") or answer if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else error
    return str(code) if isinstance(code, str) else None


_SECRET_PARAMETER = re.compile(r"(?i)(^|&)(sig|client_secret|client_assertion|code|access_token)=[^&]*")


def loggable_url(request: Request) -> str:
    """The url without the values of query parameters that grant access."""
    url = f"{request.scope['scheme']}://{request_host(request)}{request.scope['raw_path'].decode('latin-1')}"
    query = request.scope["query_string"].decode("latin-1")
    return url + "?" + _SECRET_PARAMETER.sub(r"\1\2=REDACTED", query) if query else url


def _compose(handlers: Sequence[Handler]) -> Next:
    async def end(exchange: Exchange) -> Response:
        raise AssertionError("the last handler of the chain must answer")

    following: Next = end
    for handler in reversed(handlers):
        following = _bind(handler, following)
    return following


def _bind(handler: Handler, following: Next) -> Next:
    def bound(exchange: Exchange) -> Awaitable[Response]:
        return handler(exchange, following)

    return bound


def _fault(error: Exception, where: str) -> Response:
    """The answer to an exception that nobody expected: its type, not its text, which might hold a secret.

    What the operating system and SQLite say (disk full, too many files) is shown: it is the user's to repair.
    """
    kind = type(error).__name__
    if isinstance(error, OSError | sqlite3.OperationalError):
        message = f"{kind} in {where} of the sandbox: {error}. The traceback is in logs/server.log."
    else:
        message = f"{kind} in {where} of the sandbox: this is a bug. The traceback is in logs/server.log."
    return JSONResponse({"error": {"code": "SandboxFault", "message": message}}, status_code=500)
