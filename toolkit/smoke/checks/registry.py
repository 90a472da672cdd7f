"""The container registry's own host: who gets a token of it, and from where.

https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md: a token of Entra ID is exchanged for a refresh token, and that
for one that opens a scope.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from azure.core.rest import HttpRequest, HttpResponse

from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import ARM
from toolkit.azure.clients import Actor
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.smoke.checks.accounts import asking
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denial

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_SCOPE = "registry:catalog:*"
_OPEN = "set publicNetworkAccess to what the environment says (toolkit apply does), and look for rules of addresses"


def catalog_is_read(context: Context) -> Facts:
    """What every pull begins with: exchange, token, request. Reads the list of repositories, no image."""
    server = _server(context)
    with context.actor.rest() as client:
        refresh = _exchange(client, server, context.actor)["refresh_token"]
        form = {"grant_type": "refresh_token", "service": server, "scope": _SCOPE, "refresh_token": refresh}
        access = _sent(client, "POST", f"https://{server}/oauth2/token", form)["access_token"]
        request = HttpRequest("GET", f"https://{server}/v2/_catalog?n=1", headers={"Authorization": f"Bearer {access}"})
        return {"repositories_on_first_page": len(_json(client.send_request(request)).get("repositories") or [])}


def nobody_gets_a_token(context: Context) -> Facts:
    with context.actor.rest() as client:
        return expect_denial(
            context,
            lambda: _exchange(client, _server(context), context.actor),
            ("registry-token",),
            "exchanging the token of an identity without a role",
            if_allowed="look for AcrPull, Reader or more on the registry or above it: rbac-probes-minimal names it",
        )


def anonymous_gets_no_token(context: Context) -> Facts:
    """Where anonymous pull is on, nobody gets a token for any repository, whether or not it is there."""
    server = _server(context)
    query = urlencode({"service": server, "scope": "repository:toolkit-smoke:pull"})
    with context.actor.rest() as client:
        return expect_denial(
            context,
            asking(client, "GET", f"https://{server}/oauth2/token?{query}"),
            ("registry-token",),
            "getting a token to pull without signing in",
            if_allowed="set anonymousPullEnabled to false: toolkit apply does",
        )


def outside_is_refused(context: Context) -> Facts:
    with context.actor.rest() as client:
        return expect_denial(
            context,
            asking(client, "GET", f"https://{_server(context)}/v2/"),
            ("service-firewall",),
            "asking the registry from outside the network",
            if_allowed=_OPEN,
            got_through=("registry-token",),
        )


def admin_has_no_password(context: Context) -> Facts:
    """Asked for at Azure Resource Manager, which gives it out while the admin user is on; it is not kept."""
    registry = context.output("container_registry_id")
    with context.actor.arm() as client:
        return expect_denial(
            context,
            asking(client, "POST", f"{ARM}{registry}/listCredentials?api-version={api_version(registry)}"),
            ("admin-user-off",),
            "getting the admin user's password",
            if_allowed="set adminUserEnabled to false (toolkit apply does); who has the password needs no identity",
        )


def _server(context: Context) -> str:
    return str(context.output("container_registry_login_server"))


def _exchange(client: RestClient, server: str, actor: Actor) -> dict[str, Any]:
    assert actor.credential is not None  # the records' identities have one
    token = actor.credential.get_token(f"{ARM}/.default").token
    form = {"grant_type": "access_token", "service": server, "access_token": token}
    return _sent(client, "POST", f"https://{server}/oauth2/exchange", form)


def _sent(client: RestClient, method: str, url: str, form: dict[str, str]) -> dict[str, Any]:
    return _json(client.send_request(HttpRequest(method, url, headers=_FORM, content=urlencode(form))))


def _json(response: HttpResponse) -> dict[str, Any]:
    response.raise_for_status()
    body = response.json()
    if not isinstance(body, dict):
        raise CheckFailed(
            f"{response.request.url.split('?')[0]} answered no JSON object",
            cause="unexpected",
            hint="see what the registry's name resolves to, and who answers there",
        )
    return body


_registry = partial(Check, category="registry", retry_seconds=ROLE_SECONDS)
_LOGIN = ("container_registry_login_server",)
_INSIDE = ("dns-registry-private",)

CHECKS: tuple[Check[Context], ...] = (
    _registry(
        id="registry-vnet-catalog",
        title="Inside the network the runner's token is exchanged, and the registry shows its repositories",
        function=catalog_is_read,
        vantage="vnet",
        outputs=_LOGIN,
        depends=_INSIDE,
        controls=("NS-2", "IA-9"),
    ),
    _registry(
        id="registry-nobody-denied",
        title="An identity without a role gets no token of the registry",
        function=nobody_gets_a_token,
        vantage="vnet",
        identity="nobody",
        outputs=(*_LOGIN, "probe_identities"),
        expectation="denial",
        depends=_INSIDE,
        controls=("PA-7", "AC-3"),
    ),
    _registry(
        id="registry-anonymous-denied",
        title="Nobody pulls an image without signing in",
        function=anonymous_gets_no_token,
        vantage="vnet",
        identity="anonymous",
        outputs=_LOGIN,
        expectation="denial",
        depends=_INSIDE,
        controls=("IM-1", "AC-3", "DS-2"),
    ),
    _registry(
        id="registry-internet-denied",
        title="Outside the network the registry refuses even to be asked",
        function=outside_is_refused,
        vantage="internet",
        identity="anonymous",
        outputs=_LOGIN,
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
    _registry(
        id="registry-admin-denied",
        title="The registry has no admin user whose password could be got",
        function=admin_has_no_password,
        outputs=("container_registry_id",),
        expectation="denial",
        controls=("IM-1", "IM-8", "IA-5"),
    ),
)
