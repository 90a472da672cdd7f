"""Soft-deleted blob containers whose names a plan wants.

A container that was deleted by hand can be restored for the account's retention, under its own name and as long as no
other container has that. Terraform would make a new, empty one, and keep the old one's data out without a word.
Restoring is an operation of the data plane only, which this machine need not reach.
https://learn.microsoft.com/azure/storage/blobs/soft-delete-container-overview
https://learn.microsoft.com/azure/storage/blobs/soft-delete-container-enable (restoring, with its commands)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import arm_client
from toolkit.environment import Connection
from toolkit.records import Json
from toolkit.terraform.plan import azure_type
from toolkit.terraform.recovery.looking import Looker
from toolkit.terraform.recovery.restorable import Restorable

_CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers"
_API = API_VERSIONS["microsoft.storage/storageaccounts"]


def deleted_containers(connection: Connection, document: Json) -> list[Restorable]:
    """Those that a plan (its JSON document) creates in accounts that stand. Raises ToolkitError."""
    created = _created(document)
    if not created:
        return []
    with arm_client(connection) as client:
        looker = Looker(client, connection.environment.name)
        listed = {service: _listed(looker, service) for service in sorted({parent for _, parent, _ in created})}
    held = []
    for address, service, name in created:
        named = [each for each in listed[service] if each["name"].lower() == name.lower()]
        gone = [each["properties"] for each in named if each["properties"].get("deleted")]
        if not gone or len(gone) < len(named):  # nothing to restore, or the name is in use again
            continue
        newest = max(gone, key=lambda properties: _time(properties["deletedTime"]))
        account = service.split("/storageAccounts/")[1].split("/")[0]
        held.append(_restorable(address, account, name, newest))
    return held


def _restorable(address: str, account: str, name: str, newest: Json) -> Restorable:
    deleted = _time(newest["deletedTime"])
    return Restorable(
        address=address,
        kind="container",
        name=f"{account}/{name}",
        short_name=name,
        deleted=deleted,
        until=deleted + timedelta(days=int(newest.get("remainingRetentionDays", 0))),
        # https://learn.microsoft.com/cli/azure/storage/container#az-storage-container-restore
        restoring=(
            "from inside the network, with the right to write containers:",
            f"az storage container restore --account-name {account} --name {name} "
            f"--deleted-version {newest['version']} --auth-mode login",
        ),
    )


def _created(document: Json) -> list[tuple[str, str, str]]:
    """Address, blob service and name of the containers that a plan creates in accounts that stand."""
    found = []
    for item in document.get("resource_changes", []):
        after = item["change"].get("after") or {}
        if item["type"] != "azapi_resource" or azure_type(after) != _CONTAINER:
            continue
        # Without an id the parent is made by this very plan, and holds nothing yet.
        if item["change"]["actions"] == ["create"] and after.get("parent_id"):
            found.append((item["address"], str(after["parent_id"]), str(after["name"])))
    return found


def _listed(looker: Looker, service: str) -> list[Json]:
    """All containers of an account, the deleted ones included; none where there is no account."""
    return looker.all(
        f"{service}/containers?api-version={_API}&$include=deleted",
        f"which containers of {service.split('/storageAccounts/')[1].split('/')[0]} are deleted",
        f"{_CONTAINER}/read",
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
