"""What a role on one container does not allow: each operation of the Blob service is tried, and none may get further.

Which permission each needs: https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from toolkit.azure.clients import STORAGE_SCOPE
from toolkit.azure.codes import ROLE_SECONDS, DenialKind
from toolkit.azure.pipeline import RestClient
from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.accounts import (
    CONTAINER_LISTS,
    CONTAINERS,
    INSIDE,
    LISTS,
    REACHED,
    asking,
    containers,
    inside,
)
from toolkit.smoke.context import Context
from toolkit.smoke.expect import expect_denials

_TOO_MANY = "rbac-probes-minimal names the role assignment that lets it: delete that"
# With the right role, a request about a blob that is not there gets this far.
_GOT_THROUGH: tuple[DenialKind, ...] = ("not-found", "condition")
# Holds for nothing that exists, and is looked at after the role: whoever is let in changes nothing.
# https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
_NEVER = {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}

# On a blob that does not exist: its operations, with the headers that each wants.
_CHANGES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "deleting a blob": ("DELETE", "", {}),
    "restoring a blob": ("PUT", "comp=undelete", {}),
    "setting a blob's tags": ("PUT", "comp=tags", {"Content-Type": "application/xml"}),
    "setting a blob's tier": ("PUT", "comp=tier", {"x-ms-access-tier": "Cool"}),
    "setting a blob's metadata": ("PUT", "comp=metadata", {"x-ms-meta-smoke": "1"}),
    "setting a blob's properties": ("PUT", "comp=properties", {"x-ms-blob-content-type": "text/plain"}),
    "making a snapshot": ("PUT", "comp=snapshot", {}),
    "leasing a blob": ("PUT", "comp=lease", {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "15"}),
}
_TAGS = b'<?xml version="1.0" encoding="utf-8"?><Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>'


def reader_changes_nothing(context: Context) -> Facts:
    url = f"{context.output('storage_blob_endpoint')}{context.output('smoke_container_name')}/{secrets.token_hex(8)}"
    with context.actor.rest(STORAGE_SCOPE) as client:
        calls = {
            what: asking(client, method, f"{url}?{query}", headers, _TAGS if query == "comp=tags" else b"")
            for what, (method, query, headers) in _CHANGES.items()
        }
        return _refused(context, calls)


def reader_sees_one_container(context: Context) -> Facts:
    """Its role is on the container ``smoke``: no other container of any account, and no account's list of them."""
    own = context.output("smoke_container_name")
    with context.actor.rest(STORAGE_SCOPE) as client:
        calls = {
            f"listing {host}/{container}": asking(client, "GET", f"https://{host}/{container}?{CONTAINER_LISTS[kind]}")
            for host, kind, container in containers(context)
            if (host.split(".")[0], container) != (context.output("storage_account_name"), own)
        }
        return _refused(context, {**calls, **_accounts(context, client)})


def containers_stay(context: Context) -> Facts:
    """Deleting any container but its own, and the access policy of its own.

    Storage Blob Data Contributor lets the writer delete the container that it is assigned on: ``smoke`` alone.
    """
    own = context.output("storage_account_name"), context.output("smoke_container_name")
    with context.actor.rest(STORAGE_SCOPE) as client:
        calls = {
            f"deleting {host}/{container}": asking(
                client,
                "DELETE",
                f"https://{host}/{container}?{'restype=container' if kind == 'blob' else 'resource=filesystem'}",
                _NEVER,
            )
            for host, kind, container in containers(context)
            if (host.split(".")[0], container) != own
        }
        smoke = f"{context.output('storage_blob_endpoint')}{own[1]}"
        calls[f"setting the access policy of {own[1]}"] = asking(
            client, "PUT", f"{smoke}?restype=container&comp=acl", {**_NEVER, "x-ms-blob-public-access": "container"}
        )
        return _refused(context, calls)


def no_key_to_delegate(context: Context) -> Facts:
    """A user delegation key is the account's: a role on one container is not enough for it, and so for no signature.

    https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key#permissions
    """
    end = datetime.now(UTC) + timedelta(minutes=1)  # nobody keeps it, where one is given
    start, expiry = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (end - timedelta(minutes=1), end))
    body = f"<KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>".encode()
    with context.actor.rest(STORAGE_SCOPE) as client:
        calls = {
            f"getting a user delegation key of {host}": asking(
                client,
                "POST",
                f"https://{host}/?restype=service&comp=userdelegationkey",
                {"Content-Type": "application/xml"},
                body,
            )
            for host, kind in inside(context)
            if kind == "blob"
        }
        return _refused(context, calls)


def nobody_sees_nothing(context: Context) -> Facts:
    with context.actor.rest(STORAGE_SCOPE) as client:
        calls = {
            f"listing {host}/{container}": asking(client, "GET", f"https://{host}/{container}?{CONTAINER_LISTS[kind]}")
            for host, kind, container in containers(context)
        }
        return _refused(context, {**calls, **_accounts(context, client)})


def nobody_changes_nothing(context: Context) -> Facts:
    """A new blob in each container, under a condition that no write fulfils."""
    with context.actor.rest(STORAGE_SCOPE) as client:
        calls: dict[str, Callable[[], None]] = {}
        for host, kind, container in containers(context):
            if kind == "blob":
                url = f"https://{host}/{container}/{secrets.token_hex(8)}"
                headers = {"x-ms-blob-type": "BlockBlob", "If-Match": '"0x0"'}
                calls[f"writing to {host}/{container}"] = asking(client, "PUT", url, headers, b"must not be written")
                calls[f"deleting from {host}/{container}"] = asking(client, "DELETE", url)
            else:
                url = f"https://{host}/{container}/{secrets.token_hex(8)}?resource=file"
                calls[f"writing to {host}/{container}"] = asking(client, "PUT", url, {"If-Match": '"0x0"'})
        return _refused(context, calls)


def _accounts(context: Context, client: RestClient) -> dict[str, Callable[[], None]]:
    return {
        f"listing the containers of {host}": asking(client, "GET", f"https://{host}{LISTS[kind]}")
        for host, kind in inside(context)
        if kind in CONTAINER_LISTS
    }


def _refused(context: Context, calls: Mapping[str, Callable[[], object]]) -> Facts:
    return expect_denials(context, calls, ("storage-role",), if_allowed=_TOO_MANY, got_through=_GOT_THROUGH)


_OUTPUTS = (*INSIDE, *CONTAINERS, "storage_blob_endpoint", "smoke_container_name", "probe_identities")
_role = partial(
    Check,
    category="storage",
    vantage="vnet",
    outputs=_OUTPUTS,
    retry_seconds=ROLE_SECONDS,
    expectation="denial",
    depends=REACHED,
    controls=("PA-7", "AC-6"),
)

CHECKS: tuple[Check[Context], ...] = (
    _role(
        id="storage-reader-change-denied",
        title="The reader may not delete, restore, tag, move, lease or describe a blob",
        function=reader_changes_nothing,
        identity="reader",
    ),
    _role(
        id="storage-reader-elsewhere-denied",
        title="The reader sees its own container and no other, of any account",
        function=reader_sees_one_container,
        identity="reader",
    ),
    _role(
        id="storage-writer-containers-denied",
        title="The writer may delete no other container, and set no access policy",
        function=containers_stay,
        identity="writer",
    ),
    _role(
        id="storage-delegation-key-denied",
        title="The writer gets no user delegation key of any account, and so makes no signatures",
        function=no_key_to_delegate,
        identity="writer",
    ),
    _role(
        id="storage-nobody-accounts-denied",
        title="An identity without a role sees nothing in any account",
        function=nobody_sees_nothing,
        identity="nobody",
    ),
    _role(
        id="storage-nobody-write-denied",
        title="An identity without a role writes and deletes nothing in any container",
        function=nobody_changes_nothing,
        identity="nobody",
    ),
)
