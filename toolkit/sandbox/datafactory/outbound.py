"""Requests that leave through an integration runtime: as the factory, from where the runtime stands in the network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from toolkit.records import Json
from toolkit.sandbox.datafactory.failures import ActivityFailed, not_modelled
from toolkit.sandbox.model import Origin, vantage
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import HostedIdentities, NoIdentity, World

AUTO_RESOLVE = "AutoResolveIntegrationRuntime"


class App(Protocol):
    """The sandbox's own request path (chain.py), and which hosts it answers for."""

    def serves(self, host: str) -> bool: ...

    async def __call__(self, origin: Origin, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Runtime:
    """An integration runtime: its name, and the vantage that it is at."""

    name: str
    origin: Origin

    @property
    def shown(self) -> str:
        return self.name


class Unanswered(Exception):
    """No response: ``str()`` says why."""


def runtime_of(store: Store, factory: Resource, reference: Any) -> Runtime:
    """The runtime that ``connectVia`` names, else the default Azure runtime."""
    name = str((reference or {}).get("referenceName") or AUTO_RESOLVE)
    resource = store.get(f"{factory.id}/integrationRuntimes/{name}")
    place = "adf-public"
    if resource is not None:
        if resource.properties.get("type") != "Managed":
            raise not_modelled(f"anything on the self-hosted integration runtime '{name}'")
        if resource.properties.get("managedVirtualNetwork"):
            place = "adf-managed"
    elif name != AUTO_RESOLVE:
        raise ActivityFailed("BadRequest", f"The integration runtime '{name}' could not be found in '{factory.name}'.")
    return Runtime(name, Origin(vantage(place), factory.id.split("/")[2]))


class Outbound:
    """HTTP requests of one factory."""

    def __init__(self, app: App, world: World, identities: HostedIdentities) -> None:
        self._app = app
        self._world = world
        self._identities = identities

    async def send(
        self,
        runtime: Runtime,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        timeout: float,
    ) -> httpx.Response:
        """Raises :class:`Unanswered`; TimeoutError after ``timeout`` seconds."""
        host = (urlsplit(url).hostname or "").lower()
        if not self._app.serves(host):
            raise Unanswered(f"the sandbox does not serve {host or url!r}, and never dials out")
        route = self._world.network.route(runtime.origin, host)
        if route.unreachable:
            raise Unanswered(f"{host} cannot be reached from {runtime.origin.vantage.name}: {route.unreachable}")

        async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            await self._app(runtime.origin, scope, receive, send)

        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, follow_redirects=True, timeout=timeout) as client:
            try:
                request = client.build_request(method, url, headers=dict(headers), content=content)
            except (httpx.InvalidURL, ValueError, UnicodeError) as error:
                raise Unanswered(f"the request cannot be sent: {error}") from None
            return await asyncio.wait_for(client.send(request), timeout)

    def token(self, factory: Resource, resource: str, credential: Any) -> str:
        """An access token of the factory's own identity, or of the user-assigned one that a credential names."""
        identity_id: str | None = None
        if credential:
            name = str(credential.get("referenceName", ""))
            found = self._world.store.get(f"{factory.id}/credentials/{name}")
            if found is None:
                raise ActivityFailed("BadRequest", f"The credential '{name}' could not be found in '{factory.name}'.")
            identity_id = str((found.properties.get("typeProperties") or {}).get("resourceId", ""))
        try:
            return self._identities.token(factory, resource, identity_id)
        except NoIdentity as error:
            raise ActivityFailed("2103", f"The factory gets no token for '{resource}': {error}.") from None


def global_parameters(store: Store, factory: Resource) -> Json:
    """By name. They are the factory's own property, or children of it (``globalParameters/default``)."""
    found: Json = dict(factory.properties.get("globalParameters") or {})
    for child in store.under(factory.id, "Microsoft.DataFactory/factories/globalParameters"):
        found.update(child.properties)
    return {name: given.get("value") for name, given in found.items() if isinstance(given, dict)}
