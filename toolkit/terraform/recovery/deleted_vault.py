"""Soft-deleted key vaults whose names a plan wants: recovered before the apply, and brought into the state.

A vault with purge protection cannot be purged, so after a destroy its name is free for nobody but itself. Recovering is
the safe way for any other soft-deleted vault of the plan, too: nothing is lost. Terraform's shared subset of azapi
cannot say it (``createMode`` is no property that stays), so it is a step of the toolkit's own, announced in the plan's
summary.
https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client, until_done
from toolkit.environment import Connection
from toolkit.errors import ToolkitError
from toolkit.records import Json
from toolkit.terraform.plan import azure_body, azure_type
from toolkit.terraform.recovery.looking import Looker, MayNotLookError
from toolkit.terraform.recovery.owed_purge import pending
from toolkit.terraform.recovery.past import Past
from toolkit.terraform.session import Session

_VAULT = "Microsoft.KeyVault/vaults"
_API = API_VERSIONS["microsoft.keyvault/vaults"]


@dataclass(frozen=True, slots=True)
class RecoverStep:
    """A vault that the plan creates at ``address`` and that exists soft-deleted."""

    address: str
    resource_id: str
    location: str
    tenant_id: str

    @property
    def name(self) -> str:
        return self.resource_id.rsplit("/", 1)[-1]

    @property
    def announcement(self) -> str:
        return f"recover the soft-deleted key vault {self.name} and bring it into the state, instead of creating it"


class DeletedVault(Past):
    def announcements(self, session: Session, document: dict[str, Any]) -> Sequence[str]:
        purged = {step.resource_id.lower() for step in pending(session.environment) if step.reserved_days is None}
        steps = steps_before_create(session.connection, document, purged)
        return [step.announcement for step in steps]

    def before_apply(self, session: Session, document: dict[str, Any]) -> Mapping[str, str]:
        steps = steps_before_create(session.connection, document, ())
        if steps:
            recover(session.connection, steps, session.observer.step)
        return {step.address: step.resource_id for step in steps}


def steps_before_create(
    connection: Connection, document: dict[str, Any], to_be_purged: Collection[str]
) -> list[RecoverStep]:
    """The vaults of a plan (its JSON document) that must be recovered; those that are about to be purged are not.

    Raises ToolkitError for a name that a deleted vault of another resource group keeps, and MayNotLookError for an
    identity that may not see deleted vaults.
    """
    created = [step for step in _created(document) if step.resource_id.lower() not in to_be_purged]
    if not created:
        return []
    with arm_client(connection) as client:
        looker = Looker(client, connection.environment.name)
        return [step for step in created if _is_soft_deleted(looker, step)]


def recover(connection: Connection, steps: Sequence[RecoverStep], say: Callable[[str], None]) -> None:
    """Do the steps. Raises ToolkitError when Azure refuses."""
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    if not steps:
        return
    with arm_client(connection) as client:
        for step in steps:
            say(f"recovering the soft-deleted key vault {step.name}")
            # https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/create-or-update#createmode
            body = {
                "location": step.location,
                "properties": {
                    "tenantId": step.tenant_id,
                    "sku": {"family": "A", "name": "standard"},
                    "createMode": "recover",
                },
            }
            request = HttpRequest("PUT", f"{ARM}{step.resource_id}?api-version={_API}", json=body)
            try:
                until_done(client, request, f"the recovery of {step.name}")
            except AzureError as error:
                raise ToolkitError(
                    f"the soft-deleted key vault {step.name} cannot be recovered: {error.message}",
                    hint=f"az keyvault recover --name {step.name}, by somebody who may",
                ) from error


def _created(document: dict[str, Any]) -> list[RecoverStep]:
    steps: list[RecoverStep] = []
    for item in document.get("resource_changes", []):
        after = item["change"].get("after") or {}
        if item["type"] != "azapi_resource" or azure_type(after) != _VAULT or "create" not in item["change"]["actions"]:
            continue
        resource_id = f"{after['parent_id']}/providers/{_VAULT}/{after['name']}"
        properties = azure_body(after).get("properties", {})
        location = str(after["location"]).replace(" ", "").lower()
        steps.append(RecoverStep(item["address"], resource_id, location, str(properties.get("tenantId", ""))))
    return steps


def _is_soft_deleted(looker: Looker, step: RecoverStep) -> bool:
    found = _found(looker, step)
    if found is None:
        return False
    deleted, location = str(found["vaultId"]), str(found.get("location", step.location)).replace(" ", "").lower()
    if location != step.location:
        raise ToolkitError(
            f"a deleted key vault of the region {location} keeps the name {step.name}, and cannot be recovered in "
            f"{step.location}",
            hint=f"purge it where that is allowed (az keyvault purge --name {step.name} --location {location}), or "
            "choose another name: name_overrides = { key_vault = … }",
        )
    if deleted.lower() != step.resource_id.lower():
        raise ToolkitError(
            f"a deleted key vault of another resource group keeps the name {step.name}: {deleted}",
            hint="purge it where that is allowed, or choose another name: name_overrides = { key_vault = … }",
        )
    return True


def _found(looker: Looker, step: RecoverStep) -> Json | None:
    """What Azure says of the deleted vault of that name, in any region of the subscription.

    In the plan's alone for an identity that may not list them, and may see that one.

    https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/list-deleted
    """
    what = f"whether the key vault {step.name} is soft-deleted"
    vaults = f"{step.resource_id.split('/resourceGroups/')[0]}/providers/Microsoft.KeyVault"
    try:
        listed = looker.all(f"{vaults}/deletedVaults?api-version={_API}", what, "Microsoft.KeyVault/deletedVaults/read")
    except MayNotLookError as denied:
        alone = f"{vaults}/locations/{step.location}/deletedVaults/{step.name}?api-version={_API}"
        try:
            found = looker.one(alone, what, "Microsoft.KeyVault/locations/deletedVaults/read")
        except MayNotLookError:
            raise denied from None
        listed = [found] if found else []
    named = [vault for vault in listed if str(vault["name"]).lower() == step.name.lower()]
    properties: Json | None = named[0]["properties"] if named else None
    return properties
