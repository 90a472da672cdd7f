"""``*.azurecr.io``: a container registry's own host, as far as its door: who may ask, and where a token is to be had.

Sentence and code of the refusal: https://github.com/docker/build-push-action/issues/1214; the challenge:
https://distribution.github.io/distribution/spec/auth/token. Images are refused by name.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from toolkit.sandbox.model import Origin
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

_REGISTRIES: Final = "Microsoft.ContainerRegistry/registries"
_SUFFIX: Final = f".{suffix_of('registry')}"
_VERSION: Final = {"Docker-Distribution-Api-Version": "registry/2.0"}


class RegistryService:
    name = "registry"
    hosts: tuple[str, ...] = (f"*{_SUFFIX}",)

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: Request, origin: Origin) -> Response:
        host = (request.url.hostname or "").lower()
        name = host.removesuffix(_SUFFIX)
        registry = next((r for r in self._world.store.of_type(_REGISTRIES) if r.name.lower() == name), None)
        if registry is None:
            # On Azure the name would not resolve at all; a client of the sandbox deserves to be told which.
            return _error(404, "NAME_UNKNOWN", f"The sandbox has no container registry named {name}.")
        route = self._world.network.route(origin, host)
        if route.unreachable:
            return _error(502, "BAD_GATEWAY", f"{host} cannot be reached from {origin.vantage.name}.")
        if not self._admitted(registry, origin, host):
            return _error(
                403,
                "DENIED",
                f"client with IP '{route.source_ip}' is not allowed access. Refer https://aka.ms/acr/firewall to grant "
                "access.",
            )
        if request.method in ("GET", "HEAD") and request.url.path in ("/v2", "/v2/"):
            answer = _error(
                401,
                "UNAUTHORIZED",
                "authentication required, visit https://aka.ms/acr/authorization for more information.",
            )
            answer.headers["WWW-Authenticate"] = f'Bearer realm="https://{host}/oauth2/token",service="{host}"'
            return answer
        return _error(501, "UNSUPPORTED", f"The sandbox does not model {request.method} {request.url.path} of {host}.")

    def _admitted(self, registry: Resource, origin: Origin, host: str) -> bool:
        route = self._world.network.route(origin, host)
        if route.private_endpoint_target is not None:
            return route.private_endpoint_target == registry.id.lower()
        properties = self._world.front_ends.properties(registry)
        if str(properties.get("publicNetworkAccess") or "Enabled").lower() == "disabled":
            return False
        return self._world.network.admits(properties.get("networkRuleSet"), route.source_ip, origin, _REGISTRIES)


def _error(status: int, code: str, message: str) -> Response:
    """https://distribution.github.io/distribution/spec/api/#errors"""
    body = {"errors": [{"code": code, "message": message, "detail": None}]}
    return JSONResponse(body, status, dict(_VERSION))
