"""Blobs: who may read and write, from where, and how nobody may.

Order of Azure's decision: network rules, then authentication, then the data role
(https://learn.microsoft.com/azure/storage/common/storage-network-security).
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import ResourceNotFoundError

from toolkit.azure.clients import Actor
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.smoke.context import BLOB_PREFIX, Context
from toolkit.smoke.expect import expect_denial

# Blobs of a run that was killed elsewhere are nobody's any more after this time: no attempt of a check lasts that long
# (its deadline). Those of a run on this machine are known at once (toolkit/smoke/marks.py).
LEFTOVER_AGE = timedelta(minutes=10)

_OUTPUTS = ("storage_account_name", "storage_blob_endpoint", "smoke_container_name", "probe_identities")
_POINTERS = ("pointer_storage_blob_endpoint", "pointer_container_name", "probe_identities")
_TOO_MANY = "rbac-probes-minimal names the role assignment that lets it: delete that, or find anonymous access"
_OPEN = "set networkAcls.defaultAction to Deny (toolkit apply does), and look for a rule that covers this address"


def round_trip(context: Context) -> Facts:
    """Write, read back, delete, and see that it is gone; then sweep what killed runs left."""
    actor, payload = context.actor, secrets.token_bytes(256)
    name = _upload(context, actor, payload)
    if _download(context, actor, name) != payload:
        raise CheckFailed(f"the blob {name} came back with other bytes than were written")
    _delete(context, actor, name)
    try:
        _download(context, actor, name)
    except ResourceNotFoundError:
        return {"blob": name, "bytes": len(payload), "swept": _sweep(context, actor)}
    raise CheckFailed(f"the blob {name} can still be read after it was deleted")


def read_as_reader(context: Context) -> Facts:
    payload = secrets.token_bytes(256)
    name = _upload(context, context.at(identity="writer"), payload)
    if _download(context, context.actor, name) != payload:
        raise CheckFailed(f"the reader got other bytes from {name} than the writer wrote")
    return {"blob": name, "bytes": len(payload)}


def write_is_refused_for_the_role(context: Context) -> Facts:
    actor = context.actor
    return expect_denial(
        context,
        lambda: _upload(context, actor, b"must not be written"),
        ("storage-role",),
        "a write by the reader",
        if_allowed=_TOO_MANY,
    )


def read_is_refused_for_the_role(context: Context) -> Facts:
    actor = context.actor
    return expect_denial(
        context,
        lambda: _list(context, actor),
        ("storage-role",),
        "listing the container without a role",
        if_allowed=_TOO_MANY,
    )


def write_is_refused_by_the_firewall(context: Context) -> Facts:
    actor = context.actor
    return expect_denial(
        context,
        lambda: _upload(context, actor, b"must not be written"),
        ("storage-firewall",),
        "a write from outside the network",
        if_allowed=_OPEN,
    )


def lake_is_refused_by_the_firewall(context: Context) -> Facts:
    """The lake's blob endpoint: the firewall decides before any role does, and the probe has none there."""
    return _firewall_refuses(
        context, f"https://{context.output('lake_storage_account_name')}.blob.core.windows.net/", "data lake"
    )


def pointers_are_refused_by_the_firewall(context: Context) -> Facts:
    return _firewall_refuses(context, context.output("pointer_storage_blob_endpoint"), "code pointers")


def _firewall_refuses(context: Context, url: str, what: str) -> Facts:
    actor = context.actor

    def read() -> None:
        with actor.blobs(url) as service:
            next(iter(service.list_containers(results_per_page=1)), None)

    return expect_denial(
        context,
        read,
        ("storage-firewall",),
        f"reading the {what} from outside the network",
        if_allowed=_OPEN,
        got_through=("storage-role",),
    )


def pointers_are_refused_for_the_role(context: Context) -> Facts:
    """Who writes the workspace's account must not choose the code that production runs. Refused for the role, so that
    the firewall let it through: from the factory's network this proves the way to the pointers, too."""
    actor = context.actor
    name = f"{BLOB_PREFIX}{context.run.id}/{context.check.id}"

    def write() -> None:
        with actor.blobs(context.output("pointer_storage_blob_endpoint")) as service:
            blob = service.get_blob_client(context.output("pointer_container_name"), name)
            blob.upload_blob(b"must not be written", overwrite=True)
            context.defer(blob.delete_blob)

    return expect_denial(
        context, write, ("storage-role",), "writing code pointers as one who writes other data", if_allowed=_TOO_MANY
    )


def _upload(context: Context, actor: Actor, payload: bytes) -> str:
    """The name of a new blob that the attempt deletes when it ends."""
    name = f"{BLOB_PREFIX}{context.run.id}/{context.check.id}-{secrets.token_hex(4)}"
    context.run.mark()
    with actor.blobs(context.output("storage_blob_endpoint")) as service:
        service.get_blob_client(context.output("smoke_container_name"), name).upload_blob(payload, overwrite=True)
    # Whoever wrote it can delete it: the data role that allows one allows the other.
    context.defer(lambda: _delete(context, actor, name))
    return name


def _download(context: Context, actor: Actor, name: str) -> bytes:
    with actor.blobs(context.output("storage_blob_endpoint")) as service:
        return service.get_blob_client(context.output("smoke_container_name"), name).download_blob().readall()


def _delete(context: Context, actor: Actor, name: str) -> None:
    with actor.blobs(context.output("storage_blob_endpoint")) as service:
        try:
            service.get_blob_client(context.output("smoke_container_name"), name).delete_blob()
        except ResourceNotFoundError:
            return


def _list(context: Context, actor: Actor) -> None:
    with actor.blobs(context.output("storage_blob_endpoint")) as service:
        container = service.get_container_client(context.output("smoke_container_name"))
        next(iter(container.list_blobs(results_per_page=1)), None)


def _sweep(context: Context, actor: Actor) -> int:
    """How many blobs of killed runs were deleted. Several runs may sweep at once: a blob that is gone is no error."""
    old, dead = datetime.now(UTC) - LEFTOVER_AGE, context.run.dead()
    with actor.blobs(context.output("storage_blob_endpoint")) as service:
        container = service.get_container_client(context.output("smoke_container_name"))
        leftovers = [
            blob.name
            for blob in container.list_blobs(name_starts_with=BLOB_PREFIX)
            if blob.last_modified < old or blob.name.removeprefix(BLOB_PREFIX).split("/")[0] in dead
        ]
    for name in leftovers:
        _delete(context, actor, name)
    context.run.buried(dead)
    return len(leftovers)


CHECKS: tuple[Check[Context], ...] = (
    Check(
        id="storage-vnet-write",
        category="storage",
        title="Inside the network the writer writes, reads and deletes a blob",
        function=round_trip,
        vantage="vnet",
        identity="writer",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        depends=("dns-storage-private",),
        controls=("NS-2", "AC-3"),
    ),
    Check(
        id="storage-vnet-read",
        category="storage",
        title="Inside the network the reader reads what the writer wrote",
        function=read_as_reader,
        vantage="vnet",
        identity="reader",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        depends=("dns-storage-private",),
        controls=("NS-2", "AC-3"),
    ),
    Check(
        id="storage-adf-managed-write",
        category="storage",
        title="The factory's managed network reaches the storage account through its approved endpoint",
        function=round_trip,
        vantage="adf-managed",
        identity="writer",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        depends=("adf-endpoints-approved",),
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="storage-aml-managed-write",
        category="storage",
        title="The workspace's managed network reaches the default storage account through an outbound rule",
        function=round_trip,
        vantage="aml-managed",
        identity="writer",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        depends=("workspace-outbound-endpoints",),
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="storage-reader-write-denied",
        category="storage",
        title="The reader may not write, for its role",
        function=write_is_refused_for_the_role,
        vantage="vnet",
        identity="reader",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-storage-private",),
        controls=("PA-7", "AC-6"),
    ),
    Check(
        id="storage-nobody-read-denied",
        category="storage",
        title="An identity without a role may not read, even inside the network",
        function=read_is_refused_for_the_role,
        vantage="vnet",
        identity="nobody",
        outputs=_OUTPUTS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-storage-private",),
        controls=("PA-7", "AC-3"),
    ),
    Check(
        id="storage-internet-write-denied",
        category="storage",
        title="Outside the network the firewall refuses even the writer",
        function=write_is_refused_by_the_firewall,
        vantage="internet",
        identity="writer",
        outputs=_OUTPUTS,
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="storage-internet-lake-denied",
        category="storage",
        title="Outside the network the firewall refuses the data lake",
        function=lake_is_refused_by_the_firewall,
        vantage="internet",
        identity="writer",
        outputs=("lake_storage_account_name", "probe_identities"),
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="storage-internet-pointers-denied",
        category="storage",
        title="Outside the network the firewall refuses the code pointers",
        function=pointers_are_refused_by_the_firewall,
        vantage="internet",
        identity="writer",
        outputs=("pointer_storage_blob_endpoint", "probe_identities"),
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        controls=("NS-2", "SC-7"),
    ),
    Check(
        id="storage-pointers-writer-denied",
        category="storage",
        title="Who writes the workspace's account may not write code pointers, for its role",
        function=pointers_are_refused_for_the_role,
        vantage="vnet",
        identity="writer",
        outputs=_POINTERS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("dns-pointers-private",),
        controls=("PA-7", "AC-6", "SI-7"),
    ),
    Check(
        id="storage-adf-managed-pointers",
        category="storage",
        title="The factory's managed network reaches the code pointers: only the role refuses a probe there",
        function=pointers_are_refused_for_the_role,
        vantage="adf-managed",
        identity="writer",
        outputs=_POINTERS,
        retry_seconds=ROLE_SECONDS,
        expectation="denial",
        depends=("adf-endpoints-approved",),
        controls=("NS-2", "AC-6"),
    ),
)
