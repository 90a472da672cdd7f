"""``NAME.azurecr.io``: who is let in, and what for; images are refused by name.

* the network: https://learn.microsoft.com/azure/container-registry/container-registry-access-selected-networks, the
  refusal's words: https://github.com/docker/build-push-action/issues/1214;
* tokens: https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md. A token of Entra ID is exchanged for a refresh
  token, and that for one that opens a scope; the admin user's password and, where it is allowed, nobody get one, too;
* the role: Microsoft.ContainerRegistry/registries/pull/read, of AcrPull and whoever may read or more
  (https://learn.microsoft.com/azure/container-registry/container-registry-roles). How the exchange is refused without
  it is (inferred).
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from toolkit.records import Json
from toolkit.sandbox.internal import password_of
from toolkit.sandbox.model import Origin, Principal
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken, World

_REGISTRIES: Final = "Microsoft.ContainerRegistry/registries"
_OWN_AUDIENCE: Final = "https://containerregistry.azure.net"
_ARM_AUDIENCE: Final = "https://management.azure.com"
_VERSION: Final = {"Docker-Distribution-Api-Version": "registry/2.0"}
_REFRESH_SECONDS: Final = 3 * 3600
_ACCESS_SECONDS: Final = 75 * 60


class RegistryError(Exception):
    """https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes"""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def response(self) -> Response:
        body = {"errors": [{"code": self.code, "message": str(self), "detail": None}]}
        return JSONResponse(body, self.status, {**_VERSION, **self.headers})


@dataclass(frozen=True, slots=True)
class _Issued:
    """What a token of the registry is good for. ``refresh``: for getting others."""

    registry: str
    until: float
    refresh: bool
    principal: Principal | None = None
    scope: str = ""


class RegistryService:
    name = "registry"
    hosts: tuple[str, ...] = (f"*.{suffix_of('registry')}",)

    def __init__(self, world: World) -> None:
        self._world = world
        self._issued: dict[str, _Issued] = {}  # lost with the daemon: clients exchange again

    async def handle(self, request: Request, origin: Origin) -> Response:
        try:
            return await self._decide(request, origin)
        except RegistryError as error:
            return error.response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    async def _decide(self, request: Request, origin: Origin) -> Response:
        host = (request.url.hostname or "").lower()
        registry = self._registry(host)
        self._pass_network(registry, origin, host)
        match request.method, request.url.path:
            case "POST", "/oauth2/exchange":
                return JSONResponse({"refresh_token": self._exchange(registry, await _form(request))})
            case "POST", "/oauth2/token":
                form = await _form(request)
                issued = self._known(registry, form.get("refresh_token", ""), refresh=True)
                return JSONResponse({"access_token": self._access(registry, issued.principal, form.get("scope", ""))})
            case "GET", "/oauth2/token":
                return JSONResponse({"access_token": self._without_entra(registry, request)})
            case "GET" | "HEAD", "/v2/" | "/v2":
                self._bearer(registry, request)
                return JSONResponse({})
            case "GET", "/v2/_catalog":
                if "registry:catalog:" not in self._bearer(registry, request).scope:
                    raise _unauthorised(registry, scope="registry:catalog:*")
                return JSONResponse({"repositories": []})
        raise RegistryError(501, "UNSUPPORTED", f"The sandbox does not model {request.method} {request.url.path}.")

    def _registry(self, host: str) -> Resource:
        for registry in self._world.store.of_type(_REGISTRIES):
            properties = registry.properties
            if host in (properties.get("loginServer"), *(properties.get("dataEndpointHostNames") or ())):
                return registry
        # On Azure the name would not resolve at all; a client of the sandbox deserves to be told which.
        raise RegistryError(404, "NAME_UNKNOWN", f"The sandbox has no registry at {host}.")

    def _pass_network(self, registry: Resource, origin: Origin, host: str) -> None:
        route = self._world.network.route(origin, host)
        if route.unreachable:
            text = f"{host} cannot be reached from {origin.vantage.name}: {route.unreachable}."
            raise RegistryError(502, "UNAVAILABLE", text)
        if route.private_endpoint_target == registry.id.lower():
            return
        properties = self._world.front_ends.properties(registry)
        enabled = str(properties.get("publicNetworkAccess", "Enabled")).lower() == "enabled"
        rules = properties.get("networkRuleSet")
        public = route.private_endpoint_target is None and enabled
        if public and self._world.network.admits(rules, route.source_ip, origin, _REGISTRIES):
            return
        message = f"client with IP '{route.source_ip}' is not allowed access. Refer https://aka.ms/acr/firewall to "
        raise RegistryError(403, "DENIED", f"{message}grant access.")

    # -- tokens --------------------------------------------------------------------------------------------------------

    def _exchange(self, registry: Resource, form: dict[str, str]) -> str:
        if form.get("grant_type") != "access_token":
            raise RegistryError(501, "UNSUPPORTED", f"The sandbox does not model {form.get('grant_type')!r} here.")
        # https://learn.microsoft.com/azure/container-registry/container-registry-disable-authentication-as-arm
        policy = (registry.properties.get("policies") or {}).get("azureADAuthenticationAsArmPolicy") or {}
        audiences = (_OWN_AUDIENCE,) if policy.get("status") == "disabled" else (_OWN_AUDIENCE, _ARM_AUDIENCE)
        try:
            principal = self._world.tokens.verify(f"Bearer {form.get('access_token', '')}", audiences)
        except InvalidToken as error:
            raise _unauthorised(registry) from error
        tenant = self._world.directory.tenant_of(registry.id.split("/")[2])
        if principal.tenant_id.lower() != str(tenant or "").lower():
            raise _unauthorised(registry)
        if not self._world.access.allows_action(principal, registry.id, f"{_REGISTRIES}/pull/read"):
            raise _unauthorised(registry)
        return self._issue(_Issued(registry.id, time.time() + _REFRESH_SECONDS, True, principal))

    def _without_entra(self, registry: Resource, request: Request) -> str:
        """The admin user with its password, or nobody. https://learn.microsoft.com/azure/container-registry/anonymous-pull-access"""
        scope = request.query_params.get("scope", "")
        authorization = request.headers.get("authorization", "")
        if not authorization:
            if registry.properties.get("anonymousPullEnabled") is not True:
                raise _unauthorised(registry, scope=scope)
            return self._access(registry, None, scope)
        try:
            user, _, password = base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _unauthorised(registry, scope=scope) from error
        known = registry.properties.get("adminUserEnabled") is True and user == registry.name
        if not (known and secrets.compare_digest(password, password_of(registry) or secrets.token_hex())):
            raise _unauthorised(registry, scope=scope)
        return self._access(registry, None, scope)

    def _access(self, registry: Resource, principal: Principal | None, scope: str) -> str:
        return self._issue(_Issued(registry.id, time.time() + _ACCESS_SECONDS, False, principal, scope))

    def _issue(self, issued: _Issued) -> str:
        now = time.time()
        self._issued = {token: one for token, one in self._issued.items() if one.until > now}
        token = secrets.token_urlsafe(32)
        self._issued[token] = issued
        return token

    def _bearer(self, registry: Resource, request: Request) -> _Issued:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._known(registry, token if scheme.lower() == "bearer" else "", refresh=False)

    def _known(self, registry: Resource, token: str, *, refresh: bool) -> _Issued:
        issued = self._issued.get(token)
        if issued is None or issued.until <= time.time() or issued.registry != registry.id or issued.refresh != refresh:
            raise _unauthorised(registry)
        return issued


def _unauthorised(registry: Resource, *, scope: str = "") -> RegistryError:
    server = registry.properties["loginServer"]
    challenge = f'Bearer realm="https://{server}/oauth2/token",service="{server}"' + (
        f',scope="{scope}"' if scope else ""
    )
    message = "authentication required, visit https://aka.ms/acr/authorization for more information."
    return RegistryError(401, "UNAUTHORIZED", message, {"www-authenticate": challenge})


async def _form(request: Request) -> Json:
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
