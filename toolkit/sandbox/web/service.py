"""``*.azurewebsites.net``: a function app's own two hosts, as far as their door: its access restrictions.

https://learn.microsoft.com/azure/app-service/overview-access-restrictions: the rules of ``sites/config/web`` decide in
the order of their priority, the first that fits counts, and a default action ends the list. A site without public
access answers through its private endpoint only. The refusal's words: https://github.com/projectkudu/kudu/issues/2945,
its header with the address: https://github.com/Azure/static-web-apps/issues/1666; http is redirected where httpsOnly is
set: https://learn.microsoft.com/azure/app-service/configure-ssl-bindings. The site of deployments takes the app's
password while its policy says so: https://learn.microsoft.com/azure/app-service/configure-basic-auth-disable. What an
app answers that is switched off (``enabled``), and what answers behind the door, are (inferred). Functions are refused
by name.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from ipaddress import ip_address, ip_network
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from toolkit.records import Json
from toolkit.sandbox.model import Origin
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken, World

_SITES: Final = "Microsoft.Web/sites"
_SUFFIX: Final = f".{suffix_of('sites')}"
_SCM: Final = ".scm"
_AUDIENCES: Final = ("https://management.azure.com", "https://management.core.windows.net")


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
        if request.url.scheme != "https" and (scm or site.properties.get("httpsOnly")):
            return RedirectResponse(str(request.url.replace(scheme="https")), 301)
        if scm and not self._signed_in(site, request.headers.get("authorization", "")):
            return _sign_in()
        if not scm and (site.properties.get("enabled") is False or site.properties.get("state") == "Stopped"):
            return PlainTextResponse("Error 403 - This web app is stopped.\n", 403)
        if request.method == "GET" and request.url.path == "/":
            return PlainTextResponse(f"{name} is up and running.\n")
        return PlainTextResponse(f"The sandbox does not model {request.method} {request.url.path} of {host}.\n", 501)

    def _signed_in(self, site: Resource, authorization: str) -> bool:
        """With a token and the right to publish, or with the app's password where that is allowed."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            try:
                caller = self._world.tokens.verify(authorization, _AUDIENCES)
            except InvalidToken:
                return False
            return self._world.access.allows_action(caller, site.id, f"{_SITES}/publish/action")
        policy = self._world.store.get(f"{site.id}/basicPublishingCredentialsPolicies/scm")
        known = self._world.store.get(f"{site.id}/config/publishingcredentials")
        if known is None or (policy is not None and policy.properties.get("allow") is False):
            return False
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        right = str(known.properties["publishingPassword"])
        return user == known.properties["publishingUserName"] and secrets.compare_digest(password, right)

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
