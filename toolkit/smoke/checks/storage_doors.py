"""What every storage account refuses, whoever knocks and at whichever of its services: each is asked itself.

Order of Azure's decision: network rules, then authentication, then the data role
(https://learn.microsoft.com/azure/storage/common/storage-network-security).
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from functools import partial
from urllib.parse import urlencode

from azure.core.credentials import TokenCredential

from toolkit.azure.clients import STORAGE_SCOPE, VAULT_SCOPE
from toolkit.azure.codes import FIREWALL_SECONDS
from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.accounts import (
    CONTAINER_LISTS,
    CONTAINERS,
    INSIDE,
    LISTS,
    NAMES,
    REACHED,
    VERSION,
    asking,
    containers,
    inside,
    there,
)
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denials

_KINDS_WITH_SAS = ("blob", "dfs", "queue", "file")

_OPEN = "set networkAcls.defaultAction to Deny (toolkit apply does), and look for a rule that covers this address"
_KEYS = "set allowSharedKeyAccess to false: toolkit apply does"
_PUBLIC = "set allowBlobPublicAccess to false and the container's public access to None: toolkit apply does"
_TOKENS = (
    "an account that takes such a token is not Azure's: see which address its name resolves to, and who answers there"
)


def lists_as(
    context: Context, client: RestClient, headers: Mapping[str, str] | None = None, scheme: str = "https"
) -> dict[str, Callable[[], None]]:
    """Listing what is in each account, at each service that the network has an endpoint of."""
    return {
        f"listing {host}": asking(client, "GET", f"{scheme}://{host}{LISTS[kind]}", headers)
        for host, kind in inside(context)
    }


def firewall_refuses(context: Context, kind: str) -> Facts:
    """The service of each account, whether or not the platform uses it: Azure runs them all."""
    with context.actor.rest(STORAGE_SCOPE) as client:
        hosts = [f"{name}.{kind}.core.windows.net" for name in there(context, NAMES)]
        calls = {
            f"listing {host} from outside": asking(client, "GET", f"https://{host}{LISTS[kind]}") for host in hosts
        }
        return expect_denials(
            context, calls, ("storage-firewall",), if_allowed=_OPEN, got_through=("storage-role", "token", "anonymous")
        )


def shared_keys_are_refused(context: Context) -> Facts:
    """A made-up key: an account that takes keys at all would say that the signature is wrong (inferred)."""
    signature = base64.b64encode(secrets.token_bytes(32)).decode()
    with context.actor.rest() as client:
        calls = {
            f"a key at {host}": asking(
                client,
                "GET",
                f"https://{host}{LISTS[kind]}",
                {"Authorization": f"SharedKey {host.split('.')[0]}:{signature}", "x-ms-date": formatdate(usegmt=True)},
            )
            for host, kind in inside(context)
            if kind in _KINDS_WITH_SAS
        }
        return expect_denials(context, calls, ("shared-key",), if_allowed=_KEYS, got_through=("token",))


def account_signatures_are_refused(context: Context) -> Facts:
    """https://learn.microsoft.com/rest/api/storageservices/create-account-sas, signed with a made-up key."""
    query = urlencode({**_signed(), "ss": "bqtf", "srt": "sco", "sp": "rl"})
    with context.actor.rest() as client:
        calls = {
            f"an account SAS at {host}": asking(
                client, "GET", f"https://{host}{LISTS[kind]}{'&' if '?' in LISTS[kind] else '?'}{query}"
            )
            for host, kind in inside(context)
            if kind in _KINDS_WITH_SAS
        }
        return expect_denials(context, calls, ("shared-key",), if_allowed=_KEYS, got_through=("token",))


def service_signatures_are_refused(context: Context) -> Facts:
    """https://learn.microsoft.com/rest/api/storageservices/create-service-sas, signed with a made-up key."""
    query = urlencode({**_signed(), "sr": "c", "sp": "rl"})
    with context.actor.rest() as client:
        calls = {
            f"a SAS at {host}/{container}": asking(
                client, "GET", f"https://{host}/{container}?{CONTAINER_LISTS[kind]}&{query}"
            )
            for host, kind, container in containers(context)
        }
        return expect_denials(context, calls, ("shared-key",), if_allowed=_KEYS, got_through=("token",))


def anonymous_is_refused(context: Context) -> Facts:
    """Of each container, the list and a blob: a container may show its blobs and not their list.

    A blob that is not there is one that nobody keeps from being read.
    https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure
    """
    with context.actor.rest() as client:
        calls: dict[str, Callable[[], None]] = {}
        for host, kind, container in containers(context):
            calls[f"listing {host}/{container} without a token"] = asking(
                client, "GET", f"https://{host}/{container}?{CONTAINER_LISTS[kind]}"
            )
            calls[f"reading from {host}/{container} without a token"] = asking(
                client, "GET", f"https://{host}/{container}/{secrets.token_hex(8)}"
            )
        return expect_denials(context, calls, ("anonymous",), if_allowed=_PUBLIC, got_through=("not-found",))


def plain_http_is_refused(context: Context) -> Facts:
    """No token is sent: a client library refuses to put one on http, and the account has to refuse without it."""
    with context.actor.rest() as client:
        return expect_denials(
            context,
            lists_as(context, client, scheme="http"),
            ("plain-http",),
            if_allowed="set supportsHttpsTrafficOnly to true: toolkit apply does",
            got_through=("anonymous", "token"),
        )


def other_audience_is_refused(context: Context) -> Facts:
    """A token for Key Vault: whoever gets hold of one must not read data with it."""
    with context.actor.rest(VAULT_SCOPE) as client:
        return _tokens_refused(context, client, {})


def forged_token_is_refused(context: Context) -> Facts:
    """A good token in which somebody else's object id was written: its signature does not fit any more."""
    credential = context.actor.credential
    assert credential is not None  # the record's identity has one
    with context.actor.rest() as client:
        return _tokens_refused(context, client, {"Authorization": f"Bearer {forged(credential)}"})


def forged(credential: TokenCredential) -> str:
    """https://learn.microsoft.com/entra/identity-platform/access-tokens: header.payload.signature."""
    header, payload, signature = credential.get_token(STORAGE_SCOPE).token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    changed = json.dumps({**claims, "oid": "00000000-0000-0000-0000-000000000000"}).encode()
    return ".".join((header, base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), signature))


def _tokens_refused(context: Context, client: RestClient, headers: Mapping[str, str]) -> Facts:
    return expect_denials(
        context, lists_as(context, client, headers), ("token",), if_allowed=_TOKENS, got_through=("storage-role",)
    )


def _signed() -> dict[str, str]:
    end = datetime.now(UTC) + timedelta(hours=1)
    signature = base64.b64encode(secrets.token_bytes(32)).decode()
    return {"sv": VERSION, "se": f"{end:%Y-%m-%dT%H:%M:%SZ}", "spr": "https", "sig": signature}


_storage = partial(Check, category="storage", expectation="denial")
_at_the_door = partial(
    _storage, vantage="vnet", identity="anonymous", outputs=INSIDE, retry_seconds=FIREWALL_SECONDS, depends=REACHED
)


def _from_outside(kind: str, what: str) -> Check[Context]:
    return _storage(
        id=f"storage-internet-{kind}-denied",
        title=f"Outside the network every account refuses {what}",
        function=partial(firewall_refuses, kind=kind),
        vantage="internet",
        identity="writer",
        outputs=(*NAMES, "probe_identities"),
        retry_seconds=FIREWALL_SECONDS,
        controls=("NS-2", "SC-7"),
    )


CHECKS: tuple[Check[Context], ...] = (
    _from_outside("blob", "its blob service"),
    _from_outside("dfs", "its Data Lake service"),
    _from_outside("file", "its file service"),
    _from_outside("queue", "its queue service"),
    _from_outside("table", "its table service"),
    _at_the_door(
        id="storage-shared-key-denied",
        controls=("IM-1", "IA-5"),
        title="Every account refuses shared keys",
        function=shared_keys_are_refused,
    ),
    _at_the_door(
        id="storage-account-sas-denied",
        controls=("IM-1", "IA-5"),
        title="Every account refuses a shared access signature of the account",
        function=account_signatures_are_refused,
    ),
    _at_the_door(
        id="storage-service-sas-denied",
        controls=("IM-1", "IA-5"),
        title="Every container refuses a shared access signature made with a key",
        function=service_signatures_are_refused,
        outputs=(*INSIDE, *CONTAINERS),
    ),
    _at_the_door(
        id="storage-anonymous-denied",
        controls=("IM-1", "AC-3"),
        title="Every container refuses anonymous requests, for its list and for its blobs",
        function=anonymous_is_refused,
        outputs=(*INSIDE, *CONTAINERS),
    ),
    _at_the_door(
        id="storage-plain-http-denied",
        controls=("DP-3", "SC-8"),
        title="Every account refuses plain http",
        function=plain_http_is_refused,
    ),
    _at_the_door(
        id="storage-audience-denied",
        controls=("IM-1", "IA-5"),
        title="Every account refuses a token that is meant for the key vault",
        function=other_audience_is_refused,
        identity="reader",
        outputs=(*INSIDE, "probe_identities"),
    ),
    _at_the_door(
        id="storage-forged-token-denied",
        controls=("IM-1", "IA-5"),
        title="Every account refuses a token that was changed",
        function=forged_token_is_refused,
        identity="reader",
        outputs=(*INSIDE, "probe_identities"),
    ),
)
