"""``*.azurewebsites.net``: a function app's own two hosts, as far as their door: its access restrictions.

https://learn.microsoft.com/azure/app-service/overview-access-restrictions: the rules of ``sites/config/web`` decide in
the order of their priority, the first that fits counts, and a default action ends the list. A site without public
access answers through its private endpoint only. The refusal's words: https://github.com/projectkudu/kudu/issues/2945;
the header with the address, and what answers behind the door, are (inferred). Functions are refused by name.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from toolkit.records import Json
from toolkit.sandbox.model import Origin
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

_SITES: Final = "Microsoft.Web/sites"
_SUFFIX: Final = f".{suffix_of('sites')}"
_SCM: Final = ".scm"


class WebService:
    name = "web"
    hosts: tuple[str, ...] = (f"*{_SUFFIX}",)

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: Request, origin: Origin) -> Response:
        host = (request.url.hostname or "").lower()
        label = host.removesuffix(_SUFFIX)
        name, scm = label.removesuffix(_SCM), label.endswith(_SCM)
        site = next((s for s in self._world.store.of_type(_SITES) if s.name.lower() == name), None)
        if site is None:
            # On Azure the name would not resolve at all; a client of the sandbox deserves to be told which.
            return PlainTextResponse(f"The sandbox has no function app named {name}.\n", 404)
        route = self._world.network.route(origin, host)
        if route.unreachable:
            return PlainTextResponse(
                f"{host} cannot be reached from {origin.vantage.name}: {route.unreachable}.\n", 502
            )
        if not self._admitted(site, origin, host, scm=scm):
            return PlainTextResponse("Ip Forbidden\n", 403, {"x-ms-forbidden-ip": route.source_ip})
        if request.method == "GET" and request.url.path == "/":
            return PlainTextResponse(f"{name} is up and running.\n") if not scm else _sign_in()
        if scm and request.url.path.startswith("/api/"):
            return _sign_in()
        return PlainTextResponse(f"The sandbox does not model {request.method} {request.url.path} of {host}.\n", 501)

    def _admitted(self, site: Resource, origin: Origin, host: str, *, scm: bool) -> bool:
        route = self._world.network.route(origin, host)
        if route.private_endpoint_target is not None:
            return route.private_endpoint_target == site.id.lower()
        access = self._world.front_ends.properties(site).get("publicNetworkAccess")
        if str(access or "Enabled").lower() == "disabled":
            return False
        config = self._world.store.get(f"{site.id}/config/web")
        settings = self._world.front_ends.properties(config) if config else {}
        own = "scmIpSecurityRestrictions" if scm and not settings.get("scmIpSecurityRestrictionsUseMain") else None
        rules = settings.get(own or "ipSecurityRestrictions") or []
        return _decided(rules, route.source_ip)


def _decided(rules: list[Json], address: str) -> bool:
    for rule in sorted(rules, key=lambda rule: int(rule.get("priority") or 65000)):
        wanted = str(rule.get("ipAddress") or "")
        if wanted == "Any" or _names(wanted, address):
            return str(rule.get("action", "Allow")).lower() == "allow"
    return not rules


def _names(ranges: str, address: str) -> bool:
    try:
        return any(ip_address(address) in ip_network(one.strip(), strict=False) for one in ranges.split(","))
    except ValueError:
        return False


def _sign_in() -> Response:
    return PlainTextResponse("401 Unauthorized\n", 401, {"WWW-Authenticate": 'Basic realm="site"'})
