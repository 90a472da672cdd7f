"""The activity log: who wrote or deleted what, and when.

GET /subscriptions/{id}/providers/Microsoft.Insights/eventtypes/management/values, whose $filter must begin with
``eventTimestamp ge '…'``: https://learn.microsoft.com/rest/api/monitor/activity-logs/list. Events are kept for 90 days,
and reads and the data plane leave none: https://learn.microsoft.com/azure/azure-monitor/platform/activity-log. Of a
service principal the caller is its object id (inferred from exported logs, which show a GUID and the claim ``appid``).
Refusals are not kept here, although Azure keeps those, too. Whoever may read a resource group may read its part
(inferred from the portal's page of a group).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, bad_request, not_modelled
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.arm.resources import Resources
from toolkit.sandbox.model import Principal

KIND = "activity"
DAYS = 90
READ = "Microsoft.Insights/eventtypes/values/read"
_PAGE = 1000
_TERM = re.compile(r"\s*(\w+)\s+(eq|ge|le)\s+'([^']*)'\s*", re.IGNORECASE)
_FIELDS = {"resourcegroupname": "resourceGroupName", "resourceuri": "resourceId", "correlationid": "correlationId"}
_VERBS = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}


def record(resources: Resources, call: Call, action: str, headers: Mapping[str, str]) -> None:
    """Keep what this request has changed; nothing for a read, or what only asks although it is posted."""
    if call.id.is_collection or call.method not in (*_VERBS, "POST"):
        return
    if call.method == "POST" and action in call.type.reading:
        return
    verb = _VERBS.get(call.method) or f"{action}/action"
    operation = f"{call.type.type}/{verb}"
    if call.type.type.lower() == "microsoft.resources/resourcegroups":
        operation = f"Microsoft.Resources/subscriptions/resourceGroups/{verb}"
    who = call.principal
    at = datetime.fromtimestamp(resources.now(), UTC)
    claims = {"http://schemas.microsoft.com/identity/claims/objectidentifier": who.object_id}
    event = {
        "eventTimestamp": _stamp(at),
        "eventDataId": str(uuid.uuid4()),
        "correlationId": headers.get("x-ms-correlation-request-id") or str(uuid.uuid4()),
        "caller": who.object_id if who.kind != "User" else who.display_name or who.object_id,
        "claims": {**claims, **({"appid": who.client_id} if who.client_id else {})},
        "operationName": {"value": operation, "localizedValue": operation},
        "status": {"value": "Succeeded", "localizedValue": "Succeeded"},
        "category": {"value": "Administrative", "localizedValue": "Administrative"},
        "level": "Informational",
        "resourceId": call.id.id,
        "resourceType": {"value": call.type.type, "localizedValue": call.type.type},
        "resourceGroupName": call.id.resource_group or "",
        "subscriptionId": call.id.subscription_id or "",
    }
    resources.store.put_document(KIND, f"{event['eventTimestamp']}:{event['eventDataId']}", event)


def list_events(
    resources: Resources, who: Principal, subscription_id: str, path: str, query: Mapping[str, str]
) -> Json:
    wanted = _filter(query.get("$filter", ""))
    _require_right(resources, who, subscription_id, wanted)
    oldest = _stamp(datetime.fromtimestamp(resources.now(), UTC) - timedelta(days=DAYS))
    since, until = max(wanted.pop("ge"), oldest), wanted.pop("le", "9999")
    events = [
        body
        for _, body in reversed(resources.store.documents(KIND))
        if since <= body["eventTimestamp"] <= until
        and body["subscriptionId"].lower() == subscription_id.lower()
        and all(str(body[field]).lower() == value.lower() for field, value in wanted.items())
    ]
    start = int(query.get("$skipToken") or 0)
    page: Json = {"value": events[start : start + _PAGE]}
    if start + _PAGE < len(events):
        following = urlencode({**query, "$skipToken": str(start + _PAGE)})
        page["nextLink"] = f"https://management.azure.com{path}?{following}"
    return page


def _filter(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for term in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else []:
        match = _TERM.fullmatch(term)
        if match is None:
            raise not_modelled(f"the filter '{term}' on the activity log", "activity_log.py")
        name, operator, value = match[1].lower(), match[2].lower(), match[3]
        if name == "eventtimestamp" and operator in ("ge", "le"):
            try:
                at = datetime.fromisoformat(value)
            except ValueError as error:
                raise bad_request("BadRequest", f"'{value}' is no time.") from error
            found[operator] = _stamp(at if at.tzinfo else at.replace(tzinfo=UTC))
        elif name in _FIELDS and operator == "eq":
            found[_FIELDS[name]] = value
        else:
            raise not_modelled(f"the filter '{term}' on the activity log", "activity_log.py")
    if "ge" not in found:
        raise bad_request("BadRequest", "The $filter needs a start: eventTimestamp ge '…'.")
    return found


def _require_right(resources: Resources, who: Principal, subscription_id: str, wanted: Mapping[str, str]) -> None:
    scope = f"/subscriptions/{subscription_id}"
    scopes = [scope]
    if group := wanted.get("resourceGroupName"):
        scopes.append(f"{scope}/resourceGroups/{group}")
    if resource_id := wanted.get("resourceId"):
        scopes.append(resource_id)
    if not any(resources.world.access.allows_action(who, one, READ) for one in scopes):
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{who.client_id or who.object_id}' with object id '{who.object_id}' does not have "
            f"authorization to perform action '{READ}' over scope '{scopes[-1]}' or the scope is invalid.",
        )


def _stamp(at: datetime) -> str:
    """As the log writes it, and as texts are compared: always with the same number of digits."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
