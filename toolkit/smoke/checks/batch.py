"""The Batch account's own host: https://learn.microsoft.com/azure/batch/batch-aad-auth, …/public-network-access."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from email.utils import formatdate
from functools import partial

from azure.core.rest import HttpRequest

from toolkit.azure.api_versions import BATCH_SERVICE_API_VERSION
from toolkit.azure.clients import STORAGE_SCOPE
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.accounts import asking
from toolkit.smoke.checks.control_plane import fail_if, private_hosts
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denial, expect_denials

BATCH_SCOPE = "https://batch.core.windows.net/.default"
_LISTS = ("pools", "jobs")


def pool_is_shown(context: Context) -> Facts:
    """As the service that makes the nodes sees the pool, not as it was ordered."""
    pool = context.output("batch_pool_id").split("/")[-1]
    with context.actor.rest(BATCH_SCOPE) as client:
        response = client.send_request(HttpRequest("GET", _url(context, f"pools/{pool}")))
        response.raise_for_status()
        found = response.json()
    network = found.get("networkConfiguration") or {}
    addresses = (network.get("publicIPAddressConfiguration") or {}).get("provision")
    problems = []
    if str(addresses).lower() != "nopublicipaddresses":
        problems.append(f"the nodes of pool {pool} get public addresses ({addresses or 'by default'})")
    if not network.get("subnetId"):
        problems.append(f"the nodes of pool {pool} stand in no subnet")
    fail_if(problems, hint="toolkit plan shows the pool's difference; a pool is made again for another network")
    return {"pool": pool, "state": found.get("state"), "public_addresses": addresses}


def nobody_lists(context: Context) -> Facts:
    with context.actor.rest(BATCH_SCOPE) as client:
        return expect_denials(
            context,
            _listing(context, client),
            ("batch-role",),
            if_allowed="look for a role on the Batch account or above: rbac-probes-minimal names it",
        )


def outside_is_refused(context: Context) -> Facts:
    """The account's code for it is storage's."""
    with context.actor.rest(BATCH_SCOPE) as client:
        return expect_denials(
            context,
            _listing(context, client),
            ("storage-firewall",),
            if_allowed="set publicNetworkAccess to Disabled, or networkProfile.accountAccess to Deny (toolkit apply)",
            got_through=("batch-role", "token"),
        )


def keys_are_refused(context: Context) -> Facts:
    """A made-up key: an account that takes keys says that the signature is wrong (inferred)."""
    host = _host(context)
    signature = base64.b64encode(secrets.token_bytes(32)).decode()
    headers = {"Authorization": f"SharedKey {host.split('.')[0]}:{signature}", "ocp-date": formatdate(usegmt=True)}
    with context.actor.rest() as client:
        return expect_denial(
            context,
            asking(client, "GET", _url(context, "pools"), headers),
            ("shared-key",),
            "listing pools with an account key",
            if_allowed="set allowedAuthenticationModes to AAD alone: toolkit apply does",
            got_through=("token",),
        )


def other_audience_is_refused(context: Context) -> Facts:
    with context.actor.rest(STORAGE_SCOPE) as client:
        return expect_denials(
            context,
            _listing(context, client),
            ("token",),
            if_allowed="who takes such a token is not Azure Batch: see what the name resolves to",
            got_through=("batch-role",),
        )


def anonymous_is_refused(context: Context) -> Facts:
    with context.actor.rest() as client:
        return expect_denials(
            context,
            _listing(context, client),
            ("token",),
            if_allowed="who answers without a token is not Azure Batch: see what the name resolves to",
        )


def _listing(context: Context, client: RestClient) -> dict[str, Callable[[], None]]:
    return {f"listing {what} of the Batch account": asking(client, "GET", _url(context, what)) for what in _LISTS}


def _host(context: Context) -> str:
    return next(host for host in private_hosts(context, "batch_account_id"))


def _url(context: Context, path: str) -> str:
    return f"https://{_host(context)}/{path}?api-version={BATCH_SERVICE_API_VERSION}"


_batch = partial(
    Check,
    category="batch",
    feature="batch",
    outputs=("batch_account_id", "private_endpoints"),
    retry_seconds=ROLE_SECONDS,
)
_INSIDE = ("dns-batch-private",)

CHECKS: tuple[Check[Context], ...] = (
    _batch(
        id="batch-vnet-pool",
        title="Inside the network the Batch service shows a pool without public addresses, in the platform's subnet",
        function=pool_is_shown,
        vantage="vnet",
        outputs=("batch_account_id", "batch_pool_id", "private_endpoints"),
        depends=_INSIDE,
        controls=("NS-2", "SC-7"),
    ),
    _batch(
        id="batch-nobody-denied",
        title="An identity without a role lists neither pools nor jobs",
        function=nobody_lists,
        vantage="vnet",
        identity="nobody",
        outputs=("batch_account_id", "private_endpoints", "probe_identities"),
        expectation="denial",
        depends=_INSIDE,
        controls=("PA-7", "AC-3"),
    ),
    _batch(
        id="batch-internet-denied",
        title="Outside the network the Batch account refuses",
        function=outside_is_refused,
        vantage="internet",
        identity="writer",
        outputs=("batch_account_id", "private_endpoints", "probe_identities"),
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
    _batch(
        id="batch-shared-key-denied",
        title="The Batch account refuses shared keys",
        function=keys_are_refused,
        vantage="vnet",
        identity="anonymous",
        expectation="denial",
        depends=_INSIDE,
        controls=("IM-1", "IA-5"),
    ),
    _batch(
        id="batch-audience-denied",
        title="The Batch account refuses a token that is meant for storage",
        function=other_audience_is_refused,
        vantage="vnet",
        identity="reader",
        outputs=("batch_account_id", "private_endpoints", "probe_identities"),
        expectation="denial",
        depends=_INSIDE,
        controls=("IM-1", "IA-5"),
    ),
    _batch(
        id="batch-anonymous-denied",
        title="The Batch account refuses who does not sign in",
        function=anonymous_is_refused,
        vantage="vnet",
        identity="anonymous",
        expectation="denial",
        depends=_INSIDE,
        controls=("IM-1", "AC-3"),
    ),
)
