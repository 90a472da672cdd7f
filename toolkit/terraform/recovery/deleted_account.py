"""Deleted storage accounts whose names a plan wants.

Azure keeps a deleted account for 14 days with all that it held, as long as no other account has its name: Terraform
would make a new, empty one, and end that without a word. Getting it back is a button of the portal.
https://learn.microsoft.com/azure/storage/common/storage-account-recover
https://learn.microsoft.com/rest/api/storagerp/deleted-accounts/list

The REST request of the button is not in Microsoft's reference; its body is in https://github.com/hashicorp/go-azure-sdk
(storageaccounts, StorageAccountPropertiesCreateParameters). So it is offered beside the button, and not done here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client
from toolkit.environment import Connection
from toolkit.records import Json
from toolkit.terraform.plan import azure_type
from toolkit.terraform.recovery.looking import Looker
from toolkit.terraform.recovery.restorable import Restorable

_ACCOUNT = "Microsoft.Storage/storageAccounts"
_API = API_VERSIONS["microsoft.storage/storageaccounts"]
_KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class _Created:
    """``group`` is None for a resource group that the same plan makes."""

    address: str
    group: str | None
    name: str

    def was(self, deleted: Json) -> bool:
        """Names of accounts are unique in Azure, but the deleted one may have been another team's before."""
        id_ = str(deleted["storageAccountResourceId"]).lower()
        mine = id_ == f"{self.group}/providers/{_ACCOUNT}/{self.name}".lower()
        return mine or (self.group is None and id_.rsplit("/", 1)[-1] == self.name.lower())


def deleted_accounts(connection: Connection, document: Json) -> list[Restorable]:
    """Those that a plan (its JSON document) creates. Raises ToolkitError, MayNotLookError for want of a role."""
    created = _created(document)
    if not created:
        return []
    known = _listed(connection)
    found = []
    for one in created:
        for deleted in known:
            if one.was(deleted) and _time(deleted["deletionTime"]) + _KEPT > datetime.now(UTC):
                found.append(_restorable(one, deleted))
    return found


def _restorable(one: _Created, deleted: Json) -> Restorable:
    at = _time(deleted["deletionTime"])
    properties = {"deletedAccountCreationTime": deleted["creationTime"]}
    body = json.dumps({"location": deleted["location"], "properties": properties}, separators=(",", ":"))
    url = f"{ARM}{deleted['storageAccountResourceId']}?api-version={_API}"
    return Restorable(
        address=one.address,
        kind="storage account",
        name=one.name,
        short_name=one.name,
        deleted=at,
        until=at + _KEPT,
        restoring=(
            "in the portal: Storage accounts, Restore; or, what the portal sends:",
            f"az rest --method put --url '{url}' --body '{body}'",
        ),
    )


def _created(document: Json) -> list[_Created]:
    found = []
    for item in document.get("resource_changes", []):
        after = item["change"].get("after") or {}
        if item["type"] != "azapi_resource" or azure_type(after) != _ACCOUNT:
            continue
        if item["change"]["actions"] == ["create"] and after.get("name"):
            found.append(_Created(item["address"], after.get("parent_id"), str(after["name"])))
    return found


def _listed(connection: Connection) -> list[Json]:
    """The properties of the subscription's deleted accounts."""
    subscription = f"/subscriptions/{connection.environment.subscription_id}"
    path = f"{subscription}/providers/Microsoft.Storage/deletedAccounts?api-version={_API}"
    with arm_client(connection) as client:
        found = Looker(client, connection.environment.name).all(
            path, "which storage accounts are deleted", "Microsoft.Storage/deletedAccounts/read"
        )
    return [entry["properties"] for entry in found]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
