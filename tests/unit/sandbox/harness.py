"""A data-plane service on a loopback port, with small stand-ins for the parts that other folders own (Entra, RBAC)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
import uvicorn
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from toolkit.sandbox.keyvault.keys import StoredKeys
from toolkit.sandbox.keyvault.secrets import StoredSecrets
from toolkit.sandbox.model import Origin, Principal, Standing, vantage
from toolkit.sandbox.network.routing import PrivateNetwork
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import BlobBackend, InvalidToken, Service, ServicePrincipal, World

T = TypeVar("T")

TENANT = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"


class OneTenant:
    """A directory with one subscription in one tenant."""

    def create_managed_identity(self, resource_id: str, tenant_id: str) -> ServicePrincipal:
        raise NotImplementedError

    def delete_managed_identity(self, resource_id: str) -> None:
        raise NotImplementedError

    def principal(self, object_id: str) -> Principal | None:
        return None

    def tenant_of(self, subscription_id: str) -> str | None:
        return TENANT if subscription_id.lower() == SUBSCRIPTION else None

    def subscriptions(self) -> Mapping[str, str]:
        return {SUBSCRIPTION: TENANT}

    def standing(self, subscription_id: str, vantage: str) -> Standing:
        return Standing()


class KnownTokens:
    """Tokens that a test handed out: text -> (audience, principal)."""

    def __init__(self) -> None:
        self.issued: dict[str, tuple[str, Principal]] = {}

    def issue(self, name: str, audience: str, tenant_id: str = TENANT) -> str:
        principal = Principal(name, tenant_id, "ServicePrincipal", client_id=f"client-of-{name}")
        self.issued[f"token-of-{name}-for-{audience}"] = (audience, principal)
        return f"token-of-{name}-for-{audience}"

    def verify(self, authorization: str | None, audiences: tuple[str, ...]) -> Principal:
        audience, principal = self.issued.get((authorization or "").removeprefix("Bearer "), ("", None))
        if principal is None:
            raise InvalidToken("the token was not issued here")
        if audience not in audiences:
            raise InvalidToken(f"the token is for {audience}")
        return principal


@dataclass
class Grants:
    """(principal, scope or below, action) triples; the actions of roles are listed out, without wildcards."""

    actions: set[tuple[str, str, str]] = field(default_factory=set)
    data_actions: set[tuple[str, str, str]] = field(default_factory=set)

    def allows_action(
        self, principal: Principal, scope: str, action: str, facts: Mapping[str, str] | None = None
    ) -> bool:
        return self._allows(self.actions, principal, scope, action)

    def on_condition(self, principal: Principal, scope: str, action: str) -> bool:
        return False

    def allows_data_action(self, principal: Principal, scope: str, data_action: str) -> bool:
        return self._allows(self.data_actions, principal, scope, data_action)

    def _allows(self, grants: set[tuple[str, str, str]], principal: Principal, scope: str, action: str) -> bool:
        return any(
            who == principal.object_id and what == action and f"{scope}/".lower().startswith(f"{where}/".lower())
            for who, where, what in grants
        )


class NoBlobs:
    async def create_container(self, account: str, container: str) -> None:
        raise NotImplementedError

    async def set_public_access(self, account: str, container: str, level: str) -> None:
        raise NotImplementedError

    async def delete_container(self, account: str, container: str) -> None:
        raise NotImplementedError

    async def rename_container(self, account: str, container: str, new: str) -> bool:
        raise NotImplementedError

    async def delete_account(self, account: str) -> None:
        raise NotImplementedError

    def container_access(self, account: Resource, container: str, letters: str, delegator: Principal | None) -> str:
        raise NotImplementedError

    def holds(self, account: str) -> bool:
        raise NotImplementedError

    def rename_account(self, account: str, new: str) -> None:
        raise NotImplementedError


def world(state_dir: Path, store: Store, blobs: BlobBackend | None = None) -> World:
    return World(
        state_dir=state_dir,
        store=store,
        directory=OneTenant(),
        tokens=KnownTokens(),
        access=Grants(),
        network=PrivateNetwork(store),
        blobs=blobs or NoBlobs(),
        secrets=StoredSecrets(store),
        keys=StoredKeys(store),
    )


class Loop:
    """An event loop in a thread of its own, for tests that use blocking clients."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    def close(self) -> None:
        self.run(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def served(loop: Loop, service: Service) -> Iterator[Callable[[str], RequestsTransport]]:
    """Serve a service; yields a maker of SDK transports that reach it from a vantage as if through the proxy."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        scope["scheme"] = dict(scope["headers"]).get(b"x-test-scheme", b"https").decode()
        headers = scope["headers"]
        origin = Origin(vantage(dict(headers)[b"x-test-vantage"].decode()), SUBSCRIPTION)
        scope["headers"] = [(k, v) for k, v in headers if not k.startswith(b"x-test-")]
        response = await service.handle(Request(scope, receive), origin)
        await response(scope, receive, send)

    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="warning", server_header=False)
    server = uvicorn.Server(config)
    serving = asyncio.run_coroutine_threadsafe(server.serve(), loop.loop)
    while not server.started:
        if serving.done():
            serving.result()
    port = server.servers[0].sockets[0].getsockname()[1]

    def transport(vantage_name: str) -> RequestsTransport:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", _ToLoopback(port, vantage_name))
        session.mount("http://", _ToLoopback(port, vantage_name))
        return RequestsTransport(session=session, session_owner=True)

    try:
        yield transport
    finally:
        server.should_exit = True
        serving.result(10)


class _ToLoopback(HTTPAdapter):
    """Sends a request for a production host name to the test's port, as the proxy's TLS end would hand it on."""

    def __init__(self, port: int, vantage_name: str) -> None:
        super().__init__(pool_maxsize=16)
        self._port = port
        self._vantage = vantage_name

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        url = urlsplit(request.url or "")
        request.headers.update({"Host": url.netloc, "x-test-vantage": self._vantage, "x-test-scheme": url.scheme})
        request.url = urlunsplit(("http", f"127.0.0.1:{self._port}", url.path, url.query, ""))
        return super().send(request, *args, **kwargs)


class FixedToken:
    """A credential that always has the same token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken(self._token, 4102444800)


def resource(kind: str, name: str, properties: dict[str, Any], internal: dict[str, Any] | None = None) -> Resource:
    """A resource of the test's group, e.g. ``resource("Microsoft.Storage/storageAccounts", "acct", {...})``."""
    id_ = f"{GROUP}/providers/{kind}/{name}"
    body = {"id": id_, "name": name, "type": kind, "properties": properties}
    return Resource(id=id_, type=kind, body=body, internal=internal or {})
