"""The function app's two hosts: the app itself, and the site that deployments go to.

https://learn.microsoft.com/azure/app-service/overview-private-endpoint: both names go through one private endpoint.
"""

from __future__ import annotations

import base64
from functools import partial
from urllib.parse import urlsplit

from azure.core.rest import HttpRequest

from toolkit.azure.api_versions import api_version
from toolkit.azure.arm import ARM
from toolkit.azure.codes import FIREWALL_SECONDS
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.smoke.checks.accounts import asking
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denial, expect_denials

_CLOSE = "set publicNetworkAccess of the app to Disabled (toolkit apply does): function_app in terraform.tfvars"


def app_is_reached(context: Context) -> Facts:
    """Whatever the app itself answers, its front end let the request through; code is deployed by somebody else."""
    url = context.output("function_app_url")
    with context.actor.rest() as client:
        response = client.send_request(HttpRequest("GET", f"{url}/"))
        if response.status_code == 403 or response.status_code == 502:
            response.raise_for_status()
    return {"status": response.status_code}


def outside_is_refused(context: Context) -> Facts:
    with context.actor.rest() as client:
        return expect_denials(
            context,
            {f"asking {host} from outside": asking(client, "GET", f"https://{host}/") for host in _hosts(context)},
            ("service-firewall",),
            if_allowed=_CLOSE,
            got_through=("token", "not-found"),
        )


def password_is_refused(context: Context) -> Facts:
    """With the right password, which Azure gives to whoever manages the app: a wrong one is refused in any case."""
    app = context.output("function_app_id")
    listing = f"{ARM}{app}/config/publishingcredentials/list?api-version={api_version(app)}"
    with context.runner().arm() as client:
        answer = client.send_request(HttpRequest("POST", listing))
        answer.raise_for_status()
        found = answer.json()["properties"]
    secret = base64.b64encode(f"{found['publishingUserName']}:{found['publishingPassword']}".encode()).decode()
    _, deployments = _hosts(context)
    with context.actor.rest() as client:
        return expect_denial(
            context,
            asking(client, "GET", f"https://{deployments}/", {"Authorization": f"Basic {secret}"}),
            ("token",),
            "signing in to the site of deployments with the app's password",
            if_allowed="set allow to false in basicPublishingCredentialsPolicies/scm: toolkit apply does",
        )


def _hosts(context: Context) -> tuple[str, str]:
    """https://learn.microsoft.com/azure/app-service/resources-kudu: NAME.scm.… beside NAME.…"""
    host = urlsplit(context.output("function_app_url")).hostname or ""
    name, _, rest = host.partition(".")
    if not rest:
        raise CheckFailed("the function app's address has no host name", cause="no-output", hint="toolkit apply")
    return host, f"{name}.scm.{rest}"


_function = partial(
    Check, category="function", feature="function_app", outputs=("function_app_url",), retry_seconds=FIREWALL_SECONDS
)
_INSIDE = ("dns-function-private",)

CHECKS: tuple[Check[Context], ...] = (
    _function(
        id="function-vnet-reached",
        title="Inside the network the function app's front end lets requests through",
        function=app_is_reached,
        vantage="vnet",
        identity="anonymous",
        depends=_INSIDE,
        controls=("NS-2",),
    ),
    _function(
        id="function-internet-denied",
        title="Outside the network the function app and its site of deployments refuse",
        function=outside_is_refused,
        vantage="internet",
        identity="anonymous",
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
    _function(
        id="function-password-denied",
        title="The site of deployments takes no password, not even the right one",
        function=password_is_refused,
        vantage="vnet",
        identity="anonymous",
        outputs=("function_app_url", "function_app_id"),
        expectation="denial",
        depends=_INSIDE,
        controls=("IM-1", "IA-5"),
    ),
)
