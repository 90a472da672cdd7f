"""Names that stay taken after a destroy: soft-deleted workspaces and vaults, and their purge.

Terraform's shared subset of azapi cannot say it, so these are steps of the toolkit's own, announced in the plan's
summary.
Purging is for good; a vault with purge protection cannot be purged before its retention has passed (deleted_vault.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from toolkit.azure.api_versions import API_VERSIONS, WORKSPACE_PURGE_API_VERSION
from toolkit.azure.arm import ARM, arm_client, until_done
from toolkit.environment import Connection, Environment
from toolkit.errors import ToolkitError
from toolkit.files import disk_errors, write_atomically
from toolkit.terraform.plan import azure_body, azure_type
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.session import Session

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

_WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
_VAULT = "Microsoft.KeyVault/vaults"
_WORKSPACE_API, _VAULT_API = WORKSPACE_PURGE_API_VERSION, API_VERSIONS["microsoft.keyvault/vaults"]


@dataclass(frozen=True, slots=True)
class PurgeStep:
    """One soft-deleted name. ``reserved_days`` is how long a vault with purge protection keeps it; None when purged."""

    kind: Literal["workspace", "vault"]
    resource_id: str
    location: str
    reserved_days: int | None = None

    @property
    def name(self) -> str:
        return self.resource_id.rsplit("/", 1)[-1]

    @property
    def announcement(self) -> str:
        what = "machine learning workspace" if self.kind == "workspace" else "key vault"
        if self.reserved_days is None:
            return f"purge the soft-deleted {what} {self.name}, so that its name is free again"
        until = (datetime.now(UTC) + timedelta(days=self.reserved_days)).date()
        return (
            f"the {what} {self.name} has purge protection: until {until} it can be recovered, which the next apply does"
        )


class OwedPurge(Past):
    def announcements(self, session: Session, document: dict[str, Any]) -> Sequence[str]:
        owed = pending(session.environment)
        if owed:
            # A destroy that failed owes the purge of what it did not come to delete, too: that lives on.
            with arm_client(session.connection) as client:
                owed = [step for step in owed if not _exists(client, step)]
        return [step.announcement for step in (*owed, *steps_after_destroy(document))]

    def before_apply(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        settle_purges(session)
        return {}


def settle_purges(session: Session) -> None:
    """Purge what destroys on this machine owe. Raises ToolkitError; what is owed is then kept for the next run."""
    purge(session.connection, pending(session.environment), session.observer.step)
    remember(session.environment, [])


def steps_after_destroy(document: dict[str, Any]) -> list[PurgeStep]:
    """What a plan (its JSON document) leaves soft-deleted: every workspace and vault that it deletes for good."""
    steps: list[PurgeStep] = []
    for item in document.get("resource_changes", []):
        before = item["change"].get("before") or {}
        if item["type"] != "azapi_resource" or item["change"]["actions"] != ["delete"]:
            continue
        if azure_type(before) == _WORKSPACE:
            steps.append(PurgeStep("workspace", before["id"], before.get("location", "")))
        elif azure_type(before) == _VAULT:
            properties = azure_body(before).get("properties", {})
            days = properties.get("softDeleteRetentionInDays", 90)  # Azure's default
            steps.append(
                PurgeStep(
                    "vault", before["id"], before["location"], days if properties.get("enablePurgeProtection") else None
                )
            )
    return steps


def purge(connection: Connection, steps: Sequence[PurgeStep], say: Callable[[str], None]) -> None:
    """Do the steps. Raises ToolkitError when Azure refuses; what is already gone is fine."""
    todo = [step for step in steps if step.reserved_days is None]
    for step in steps:
        if step.reserved_days is not None:
            say(step.announcement)
    if not todo:
        return
    from azure.core.exceptions import AzureError, ResourceNotFoundError
    from azure.core.rest import HttpRequest

    with arm_client(connection) as client:
        for step in todo:
            if _exists(client, step):
                say(f"the {step.kind} {step.name} is there again: left alone")
                continue
            say(f"purging the soft-deleted {step.kind} {step.name}")
            method, url = _request(step)
            try:
                until_done(client, HttpRequest(method, url), f"the purge of {step.name}")
            except ResourceNotFoundError:
                continue
            except AzureError as error:
                raise _refused(step, error) from error


def _exists(client: Any, step: PurgeStep) -> bool:
    """Whether somebody has made it again since: the workspace's purge is a DELETE, which would destroy that one."""
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    version = _WORKSPACE_API if step.kind == "workspace" else _VAULT_API
    try:
        response = client.send_request(HttpRequest("GET", f"{ARM}{step.resource_id}?api-version={version}"))
        if response.status_code == 404:
            return False
        response.raise_for_status()
    except AzureError as error:
        raise _refused(step, error) from error
    return True


def _request(step: PurgeStep) -> tuple[str, str]:
    if step.kind == "workspace":
        # https://learn.microsoft.com/rest/api/azureml/workspaces/delete: forceToPurge purges a workspace; that it does
        # so for one that is soft-deleted already is (inferred).
        return "DELETE", f"{ARM}{step.resource_id}?api-version={_WORKSPACE_API}&forceToPurge=true"
    # https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/purge-deleted
    subscription = step.resource_id.split("/resourceGroups/")[0]
    location = step.location.replace(" ", "").lower()
    return "POST", (
        f"{ARM}{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{step.name}/purge"
        f"?api-version={_VAULT_API}"
    )


def _refused(step: PurgeStep, error: AzureError) -> ToolkitError:
    return ToolkitError(
        f"the soft-deleted {step.kind} {step.name} cannot be purged: {error.message}",
        hint="its name stays taken until it is purged or its retention has passed",
    )


def pending(environment: Environment) -> list[PurgeStep]:
    """What a destroy on this machine still owes: it was killed, or Azure refused the purge."""
    try:
        return [PurgeStep(**item) for item in json.loads(_pending_path(environment).read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise ToolkitError(f"{_pending_path(environment)} is damaged: {error}", hint="delete it") from error


def remember(environment: Environment, steps: Sequence[PurgeStep]) -> None:
    """Keep what is owed before it is: written before Terraform deletes, emptied after the purge."""
    with disk_errors("the names to be purged"):
        if steps:
            write_atomically(_pending_path(environment), json.dumps([asdict(step) for step in steps], indent=2) + "\n")
        else:
            _pending_path(environment).unlink(missing_ok=True)


def _pending_path(environment: Environment) -> Path:
    return environment.state_dir / "purge.json"
