"""The account of Terraform's states, asked itself: what it says of the platform is nobody's but its makers'.

The outputs do not know it: envs/<env>/backend.hcl names it. Its firewall lets in the addresses of env.toml and open
leases alone, so that a runner elsewhere can prove that it is refused, and nothing of what would come after that.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from email.utils import formatdate
from functools import partial

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from toolkit.azure.clients import STORAGE_SCOPE
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS, DenialKind
from toolkit.checks.model import Check, CheckSkipped, Facts
from toolkit.smoke.checks.accounts import HEADERS, asking
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denials
from toolkit.terraform.state import Backend, read_backend

_LIST = "restype=container&comp=list"
_OPEN = "have the operator run toolkit bootstrap, which sets the states' account back, and look for what changed it"


def state_is_read(context: Context) -> Facts:
    backend = read_backend(context.environment)
    _require_way_in(context, backend)
    with context.actor.rest(STORAGE_SCOPE) as client:
        url = f"{_container(backend)}/{backend.key}"
        response = client.send_request(HttpRequest("HEAD", url, headers=dict(HEADERS)))
        response.raise_for_status()
        return {"bytes": int(response.headers["content-length"]), "version": response.headers.get("x-ms-version-id")}


def strangers_are_refused(context: Context) -> Facts:
    """A probe has no role there; where the firewall refuses it first, it is refused all the same."""
    backend = read_backend(context.environment)
    with context.actor.rest(STORAGE_SCOPE) as client:
        calls: dict[str, Callable[[], None]] = {
            f"listing the states as {context.check.identity}": asking(client, "GET", f"{_container(backend)}?{_LIST}"),
            f"reading the state as {context.check.identity}": asking(
                client, "GET", f"{_container(backend)}/{backend.key}"
            ),
        }
        return expect_denials(
            context, calls, ("storage-role", "storage-firewall"), if_allowed=_OPEN, got_through=("not-found",)
        )


def managed_network_is_refused(context: Context) -> Facts:
    backend = read_backend(context.environment)
    with context.actor.rest(STORAGE_SCOPE) as client:
        return expect_denials(
            context,
            {"listing the states from the factory's network": asking(client, "GET", f"{_container(backend)}?{_LIST}")},
            ("storage-firewall",),
            if_allowed=_OPEN,
            got_through=("storage-role",),
        )


def keys_are_refused(context: Context) -> Facts:
    backend = read_backend(context.environment)
    _require_way_in(context, backend)
    signature = base64.b64encode(secrets.token_bytes(32)).decode()
    signed = {
        "Authorization": f"SharedKey {backend.storage_account_name}:{signature}",
        "x-ms-date": formatdate(usegmt=True),
    }
    return _refused(
        context, {"listing the states with a key": (f"{_container(backend)}?{_LIST}", signed)}, "shared-key"
    )


def anonymous_is_refused(context: Context) -> Facts:
    backend = read_backend(context.environment)
    _require_way_in(context, backend)
    asked: dict[str, tuple[str, dict[str, str]]] = {
        "listing the states without a token": (f"{_container(backend)}?{_LIST}", {}),
        "reading the state without a token": (f"{_container(backend)}/{backend.key}", {}),
    }
    return _refused(context, asked, "anonymous")


def plain_http_is_refused(context: Context) -> Facts:
    backend = read_backend(context.environment)
    _require_way_in(context, backend)
    url = f"{_container(backend)}?{_LIST}".replace("https://", "http://", 1)
    return _refused(context, {"listing the states over plain http": (url, {})}, "plain-http")


def _refused(context: Context, asked: dict[str, tuple[str, dict[str, str]]], kind: DenialKind) -> Facts:
    with context.actor.rest() as client:
        calls = {what: asking(client, "GET", url, headers) for what, (url, headers) in asked.items()}
        return expect_denials(
            context, calls, (kind,), if_allowed=_OPEN, got_through=("token", "anonymous", "not-found")
        )


def _require_way_in(context: Context, backend: Backend) -> None:
    """Raises CheckSkipped where the firewall refuses this runner: what it would be told behind that is not known."""
    runner = context.runner()
    with runner.rest(STORAGE_SCOPE) as client:
        try:
            asking(client, "GET", f"{_container(backend)}?{_LIST}&maxresults=1")()
        except AzureError as error:
            if context.explain(error).kind != "storage-firewall":
                return
            raise CheckSkipped(
                "vantage:state",
                f"the firewall of {backend.storage_account_name} refuses this runner: run it under toolkit firewall "
                "run ENV --target state, or from an address of state_ip_rules (env.toml)",
            ) from error


def _container(backend: Backend) -> str:
    return f"https://{backend.storage_account_name}.blob.core.windows.net/{backend.container_name}"


_state = partial(
    Check,
    category="state",
    retry_seconds=FIREWALL_SECONDS,
    outputs=("environment",),
    depends=("state-groups", "state-account", "state-container"),
)
_denied = partial(_state, expectation="denial")


def _stranger(identity: str) -> Check[Context]:
    return _denied(
        id=f"state-{identity}-denied",
        title=f"The probe {identity} neither lists nor reads the states",
        function=strangers_are_refused,
        identity=identity,
        outputs=("environment", "probe_identities"),
        retry_seconds=ROLE_SECONDS,
        depends=("state-account", "state-container", "rbac-exact", "rbac-probes-minimal"),
        controls=("PA-7", "AC-3"),
    )


CHECKS: tuple[Check[Context], ...] = (
    _state(
        id="state-readable",
        title="The state of the platform is where the backend says, and the runner reads it",
        function=state_is_read,
        controls=("BR-2", "CP-9"),
    ),
    _stranger("writer"),
    _stranger("nobody"),
    _denied(
        id="state-managed-denied",
        title="The factory's managed network does not reach the states",
        function=managed_network_is_refused,
        vantage="adf-managed",
        identity="writer",
        outputs=("environment", "probe_identities"),
        depends=("state-account", "network-exceptions"),
        controls=("NS-2", "SC-7"),
    ),
    _denied(
        id="state-shared-key-denied",
        title="The account of the states refuses shared keys",
        function=keys_are_refused,
        identity="anonymous",
        controls=("IM-1", "IA-5"),
    ),
    _denied(
        id="state-anonymous-denied",
        title="The account of the states refuses who does not sign in",
        function=anonymous_is_refused,
        identity="anonymous",
        controls=("IM-1", "AC-3"),
    ),
    _denied(
        id="state-plain-http-denied",
        title="The account of the states refuses plain http",
        function=plain_http_is_refused,
        identity="anonymous",
        controls=("DP-3", "SC-8"),
    ),
)
