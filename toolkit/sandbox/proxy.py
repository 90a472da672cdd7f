"""The CONNECT proxy: one loopback listener per (subscription, vantage), which is how a client says where it stands.

A tunnel's far end is the sandbox itself: TLS with a certificate of the private authority, then uvicorn's HTTP protocol
running the handler chain. Plain http requests to a proxy (absolute form, RFC 9112 3.2.2) run the same chain. Nothing
dials out.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, MutableMapping
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from toolkit.sandbox.chain import ABORT_KEY, ORIGIN_KEY, Chain, Router, not_served
from toolkit.sandbox.model import Origin
from toolkit.sandbox.ports import Listen
from toolkit.sandbox.tls import CertificateAuthority

log = logging.getLogger("toolkit.sandbox.proxy")

_MAX_HEADER_BYTES = 32_768
_HEADER_SECONDS = 60.0
# Pooled SDK connections stay idle between calls, and a server that closes first makes clients race.
_KEEP_ALIVE_SECONDS = 180


class HttpEngine:
    """uvicorn's HTTP/1.1 implementation without its server: what all connections of the daemon share."""

    def __init__(self, chain: Chain) -> None:
        self.config = Config(
            chain,
            interface="asgi3",
            lifespan="off",
            ws="none",
            http=HttpToolsProtocol,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self.config.load()
        self.state = ServerState()

    def protocol(self, origin: Origin | None) -> OriginHttpProtocol:
        return OriginHttpProtocol(self, origin)

    async def close(self, grace_seconds: float = 3.0) -> None:
        """Let running requests end, then drop what is left."""
        for connection in list(self.state.connections):
            connection.shutdown()
        if self.state.tasks:
            await asyncio.wait(set(self.state.tasks), timeout=grace_seconds)
        for task in list(self.state.tasks):
            task.cancel()
        await asyncio.gather(*self.state.tasks, return_exceptions=True)


class OriginHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which notes in each request's scope where its connection comes from, and how to break it."""

    def __init__(self, engine: HttpEngine, origin: Origin | None) -> None:
        super().__init__(engine.config, engine.state, {})
        self._origin = origin

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._origin is not None:
            scope: MutableMapping[str, Any] = self.scope  # type: ignore[assignment]  # a TypedDict with our key added
            scope[ORIGIN_KEY] = self._origin
            scope[ABORT_KEY] = self.transport.abort


class ProxyProtocol(asyncio.Protocol):
    """One connection to a proxy port, until it is handed to :class:`OriginHttpProtocol`."""

    def __init__(self, proxy: Proxy, origin: Origin) -> None:
        self._proxy = proxy
        self._origin = origin
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timeout: asyncio.TimerHandle | None = None
        self._tunnelling = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclass of asyncio.Transport
        self._timeout = asyncio.get_running_loop().call_later(_HEADER_SECONDS, transport.close)
        self._proxy.waiting.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._tunnelling:
            return  # the first request, decrypted before the tunnel was handed over: kept for it
        if not self._buffer[:8].startswith(b"CONNECT "[: len(self._buffer)]):
            self._hand_over_plain()
        elif b"\r\n\r\n" in self._buffer:
            self._connect()
        elif len(self._buffer) > _MAX_HEADER_BYTES:
            self._answer(b"431 Request Header Fields Too Large", "the CONNECT request's header is too long\n")

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _forget(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
        self._proxy.waiting.discard(self)

    def _hand_over_plain(self) -> None:
        assert self._transport is not None
        self._forget()
        http = self._proxy.engine.protocol(self._origin)
        self._transport.set_protocol(http)
        http.connection_made(self._transport)
        http.data_received(bytes(self._buffer))

    def _connect(self) -> None:
        header, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        target = header.split(b"\r\n", 1)[0].split(b" ")[1].decode("latin-1")
        host = target.rpartition(":")[0].strip("[]").lower()
        if not host or rest:
            self._answer(b"400 Bad Request", "expected CONNECT host:port and then to wait for the answer\n")
        elif not self._proxy.router.serves(host):
            log.info("refused a tunnel to %s at the vantage %s", host, self._origin.vantage.name)
            reason, text = not_served(host, self._proxy.router)
            self._answer(b"403 " + reason.encode("latin-1", "replace"), text)
        else:
            assert self._transport is not None
            self._buffer.clear()
            self._tunnelling = True
            self._transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._proxy.spawn(self._start_tls(self._transport, host))

    async def _start_tls(self, transport: asyncio.Transport, host: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            context = self._proxy.authority.context(host)
            secure = await loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=_HEADER_SECONDS
            )
        except (ssl.SSLError, OSError) as error:
            # A client that does not trust the authority ends the handshake with an alert; it reports that itself.
            log.info("TLS handshake for %s failed: %s", host, error)
            transport.close()
            return
        if secure is None or secure.is_closing():
            return  # the client left between the handshake and now
        self._forget()
        http = self._proxy.engine.protocol(self._origin)
        secure.set_protocol(http)
        http.connection_made(secure)
        if self._buffer:
            http.data_received(bytes(self._buffer))

    def _answer(self, status: bytes, text: str) -> None:
        assert self._transport is not None
        body = text.encode()
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%b" % (status, len(body), body)
        )
        self._transport.close()


class Proxy:
    """All proxy listeners of the daemon."""

    def __init__(self, engine: HttpEngine, router: Router, authority: CertificateAuthority) -> None:
        self.engine = engine
        self.router = router
        self.authority = authority
        self.waiting: set[ProxyProtocol] = set()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def listener(self, origin: Callable[[], Origin], host: str) -> Listen:
        """Opens the proxy of a vantage on a port (0: a free one) and answers the port; OSError when it is taken.

        ``origin`` is asked at each connection: it shows one of the vantage's addresses for as long as it lives.
        """

        async def listen(port: int) -> int:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: ProxyProtocol(self, origin()), host, port)
            self._servers.append(server)
            bound: int = server.sockets[0].getsockname()[1]
            return bound

        return listen

    def spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self.waiting):
            connection.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
