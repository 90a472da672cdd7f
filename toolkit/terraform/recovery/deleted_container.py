"""Soft-deleted blob containers whose names a plan wants: a person restores them, an apply does not make them empty.

A container that was deleted by hand can be restored for the account's retention, under its own name and as long as no
other container has that. Terraform would make a new, empty one, and keep the old one's data out without a word.
Restoring is an operation of the data plane only, which this machine need not reach, and whether what was deleted is
wanted back is for a person to say: the plan says it, and the apply leaves the container out and ends with what to do.
https://learn.microsoft.com/azure/storage/blobs/soft-delete-container-overview
https://learn.microsoft.com/azure/storage/blobs/soft-delete-container-enable (restoring, with its commands)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client
from toolkit.errors import ToolkitError, UsageError
from toolkit.records import Json
from toolkit.terraform.plan import azure_type
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.session import Session

if TYPE_CHECKING:
    from toolkit.azure.pipeline import RestClient

_CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers"
_API = API_VERSIONS["microsoft.storage/storageaccounts"]


@dataclass(frozen=True, slots=True)
class HeldContainer:
    """A container that the plan creates at ``address``, and that stands soft-deleted (its newest version)."""

    address: str
    account: str
    name: str
    version: str
    deleted: datetime
    remaining_days: int

    @property
    def when(self) -> str:
        until = self.deleted + timedelta(days=self.remaining_days)
        return (
            f"the container {self.account}/{self.name} was deleted on {self.deleted:%Y-%m-%d %H:%M} UTC, and can be "
            f"restored until {until:%Y-%m-%d}"
        )

    @property
    def announcement(self) -> str:
        return (
            f"{self.when}: it is not made anew, which would be empty and keep the old one out; all that does not need "
            "it is applied, and apply ends by saying how it is restored"
        )

    @property
    def command(self) -> str:
        """https://learn.microsoft.com/cli/azure/storage/container#az-storage-container-restore"""
        return (
            f"az storage container restore --account-name {self.account} --name {self.name} "
            f"--deleted-version {self.version} --auth-mode login"
        )

    def is_named(self, wanted: str) -> bool:
        return wanted in (self.name, f"{self.account}/{self.name}")


class DeletedContainer(Past):
    def announcements(self, session: Session, document: dict[str, Any]) -> Sequence[str]:
        held = _deleted(session, document)
        for name in sorted(session.recreate_empty):
            if not any(container.is_named(name) for container in held):
                known = ", ".join(f"{container.account}/{container.name}" for container in held) or "none"
                raise UsageError(
                    f"--recreate-empty {name}: this plan makes no container of that name that could be restored",
                    hint=f"those are: {known}",
                )
        return [
            f"make the container {each.account}/{each.name} anew and empty, as --recreate-empty says: the deleted one "
            "cannot be restored while the new one has its name"
            if _recreated(session, each)
            else each.announcement
            for each in held
        ]

    def to_hold(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        environment = session.environment.name
        return {
            each.address: f"{each.when}:\n    {each.command}\n    or, to have it empty and lose what it held: "
            f"toolkit apply {environment} --recreate-empty {each.account}/{each.name}"
            for each in _deleted(session, document)
            if not _recreated(session, each)
        }


def _recreated(session: Session, container: HeldContainer) -> bool:
    return any(container.is_named(name) for name in session.recreate_empty)


def _deleted(session: Session, document: Json) -> list[HeldContainer]:
    created = _created(document)
    if not created:
        return []
    with arm_client(session.connection) as client:
        listed = {service: _listed(client, service) for service in sorted({parent for _, parent, _ in created})}
    held = []
    for address, service, name in created:
        named = [each for each in listed[service] if each["name"].lower() == name.lower()]
        gone = [each["properties"] for each in named if each["properties"].get("deleted")]
        if not gone or len(gone) < len(named):  # nothing to restore, or the name is in use again
            continue
        newest = max(gone, key=lambda properties: _time(properties["deletedTime"]))
        account = service.split("/storageAccounts/")[1].split("/")[0]
        deleted, days = _time(newest["deletedTime"]), int(newest.get("remainingRetentionDays", 0))
        held.append(HeldContainer(address, account, name, str(newest["version"]), deleted, days))
    return held


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


def _listed(client: RestClient, service: str) -> list[Json]:
    """All containers of an account, the deleted ones included; none where there is no account, or nothing to see."""
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    found: list[Json] = []
    url: str | None = f"{ARM}{service}/containers?api-version={_API}&$include=deleted"
    try:
        while url:
            response = client.send_request(HttpRequest("GET", url))
            if response.status_code in (403, 404):
                return []
            response.raise_for_status()
            found += response.json()["value"]
            url = response.json().get("nextLink")
    except AzureError as error:
        raise ToolkitError(f"cannot see which containers of {service} are deleted: {error.message}") from error
    return found


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
