"""Microsoft.OperationalInsights: Log Analytics workspaces (https://learn.microsoft.com/rest/api/loganalytics/workspaces).

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from datetime import UTC, datetime, timedelta

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType
from toolkit.sandbox.store import Resource, Store

_DELETED = "deleted-log-workspaces"
_KEPT = timedelta(days=14)


def _checked(call: Call, resource: Resource) -> None:
    days = resource.properties["retentionInDays"]
    if not isinstance(days, int) or not (days == 7 or 30 <= days <= 730):
        raise bad_request(
            "InvalidParameter",
            f"'RetentionInDays' property doesn't match the SKU limits: {days}. It must be between 30 and 730.",
        )


def _workspace(call: Call, resource: Resource) -> None:
    now = datetime.now(UTC).isoformat()
    properties = resource.properties
    store = call.resources.store
    if call.creating and (kept := store.document(_DELETED, resource.id.lower())):
        # Made again in its group and region, it is the deleted one:
        # https://learn.microsoft.com/azure/azure-monitor/logs/delete-workspace#recover-a-workspace
        if _is_kept(kept):
            properties["customerId"] = kept["body"]["properties"]["customerId"]
            properties["createdDate"] = kept["body"]["properties"]["createdDate"]
        store.delete_document(_DELETED, resource.id.lower())
    properties.setdefault("customerId", str(uuid.uuid4()))
    properties.setdefault("createdDate", now)
    properties["modifiedDate"] = now
    keys = ("primarySharedKey", "secondarySharedKey")
    resource.internal.setdefault("keys", {name: base64.b64encode(secrets.token_bytes(64)).decode() for name in keys})


def _soft_delete(call: Call, resource: Resource) -> None:
    """Kept for 14 days, unless it is deleted with ``force``
    (https://learn.microsoft.com/rest/api/loganalytics/workspaces/delete)."""
    if call.query.get("force", "").lower() != "true":
        kept = {"body": resource.body, "deleted_at": datetime.now(UTC).isoformat()}
        call.resources.store.put_document(_DELETED, resource.id.lower(), kept)


def list_deleted(store: Store, scope: str) -> list[Json]:
    """Below a subscription or a group: https://learn.microsoft.com/rest/api/loganalytics/deleted-workspaces"""
    return [
        kept["body"]
        for key, kept in store.documents(_DELETED)
        if key.startswith(f"{scope.lower()}/") and _is_kept(kept)
    ]


def _is_kept(kept: Json) -> bool:
    return datetime.now(UTC) - datetime.fromisoformat(kept["deleted_at"]) < _KEPT


async def _shared_keys(call: Call, resource: Resource) -> Answer:
    return Answer(resource.internal["keys"])


OPERATIONALINSIGHTS: tuple[ResourceType, ...] = (
    ResourceType(
        "Microsoft.OperationalInsights/workspaces",
        first_api_version="2015-03-20",
        etag_in_body=True,
        defaults={
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 30,
            "features": {"legacy": 0, "searchVersion": 1, "enableLogAccessUsingOnlyResourcePermissions": True},
            "workspaceCapping": {"dailyQuotaGb": -1.0, "dataIngestionStatus": "RespectQuota"},
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
        },
        kept=("customerId", "createdDate"),
        long_running=LongRunning(create=30, running="Creating"),
        validate=_checked,
        on_put=_workspace,
        on_delete=_soft_delete,
        actions={"sharedKeys": _shared_keys},
    ),
    ResourceType(
        "Microsoft.OperationalInsights/workspaces/tables",
        first_api_version="2021-12-01-preview",
        place="child",
        location="none",
        create_status=200,
    ),
)
