"""Microsoft.Insights: components, private link scopes, diagnostic settings, action groups and alerts.

https://learn.microsoft.com/rest/api/application-insights/, https://learn.microsoft.com/rest/api/monitor/

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request, conflict
from toolkit.sandbox.arm.resource_type import Call, Location, ResourceType
from toolkit.sandbox.store import Resource

_DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
_DESTINATIONS = ("workspaceId", "storageAccountId")


def _component_checked(call: Call, resource: Resource) -> None:
    workspace = resource.properties.get("WorkspaceResourceId")
    if workspace:
        call.referenced(workspace, resource.id)


def _component(call: Call, resource: Resource) -> None:
    properties, location = resource.properties, resource.body["location"]
    for name in ("AppId", "InstrumentationKey"):
        properties.setdefault(name, str(uuid.uuid4()))
    properties["ApplicationId"] = resource.name
    properties["Name"] = resource.name
    properties.setdefault("CreationDate", datetime.now(UTC).isoformat())
    properties["TenantId"] = call.id.subscription_id
    properties["ConnectionString"] = (
        f"InstrumentationKey={properties['InstrumentationKey']};IngestionEndpoint=https://{location}-0.in.applicationinsights.azure.com/;"
        f"LiveEndpoint=https://{location}.livediagnostics.monitor.azure.com/;ApplicationId={properties['AppId']}"
    )


def _scoped_checked(call: Call, resource: Resource) -> None:
    call.referenced(str(resource.properties.get("linkedResourceId", "")), resource.id)


def _setting_checked(call: Call, resource: Resource) -> None:
    properties = resource.properties
    named = [properties[key] for key in _DESTINATIONS if properties.get(key)]
    if not named and not properties.get("eventHubAuthorizationRuleId"):
        raise bad_request(
            "BadRequest",
            "At least one data sink needs to be specified: a workspace, a storage account or an event hub.",
        )
    for destination in named:
        call.referenced(destination, resource.id)
    for entry in [*(properties.get("logs") or []), *(properties.get("metrics") or [])]:
        if not entry.get("category") and not entry.get("categoryGroup"):
            raise bad_request("BadRequest", "A diagnostic setting's entry needs a category or a category group.")
    for other in call.resources.store.under(call.id.scope, _DIAGNOSTICS):
        beside = other.id.lower().startswith(f"{call.id.scope}/providers/{_DIAGNOSTICS}/".lower())
        if not beside or other.id.lower() == resource.id.lower():
            continue
        for sink in _DESTINATIONS:
            if (
                properties.get(sink)
                and str(other.properties.get(sink) or "").lower() == properties[sink].lower()
                and _same_categories(other.properties, properties)
            ):
                raise conflict(
                    "Conflict",
                    f"Data sink '{properties[sink]}' is already used in diagnostic setting '{other.name}' for category "
                    f"'{_categories(properties)[0]}'. Data sinks can't be reused in different settings on the same "
                    "category for the same resource.",
                )


def _categories(properties: Json) -> list[str]:
    return [
        str(e.get("category") or e.get("categoryGroup"))
        for e in [*(properties.get("logs") or []), *(properties.get("metrics") or [])]
    ]


def _same_categories(left: Json, right: Json) -> bool:
    return bool(set(_categories(left)) & set(_categories(right)))


def _setting(call: Call, resource: Resource) -> None:
    for name in (
        "storageAccountId",
        "serviceBusRuleId",
        "workspaceId",
        "eventHubAuthorizationRuleId",
        "eventHubName",
        "logAnalyticsDestinationType",
    ):
        resource.properties.setdefault(name, None)
    resource.properties.setdefault("logs", [])
    resource.properties.setdefault("metrics", [])
    for entry in [*resource.properties["logs"], *resource.properties["metrics"]]:
        entry.setdefault("retentionPolicy", {"enabled": False, "days": 0})


def _scopes_checked(call: Call, resource: Resource) -> None:
    for scope in resource.properties.get("scopes") or []:
        if "/providers/" in scope:
            call.referenced(scope, resource.id)


def _group_checked(call: Call, resource: Resource) -> None:
    """https://learn.microsoft.com/rest/api/monitor/action-groups/create-or-update: a short name of 1 to 12 characters,
    receivers whose names are unique in the group."""
    short = str(resource.properties.get("groupShortName") or "")
    if not 1 <= len(short) <= 12:
        raise bad_request("BadRequest", f"The group short name '{short}' must have between 1 and 12 characters.")
    receivers = [r for kind, some in resource.properties.items() if kind.endswith("Receivers") for r in some or []]
    names = [str(receiver.get("name")) for receiver in receivers]
    if len(set(names)) != len(names):
        raise bad_request("BadRequest", "The names of the receivers of an action group must be unique in it.")
    for receiver in resource.properties.get("emailReceivers") or []:
        if not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", str(receiver.get("emailAddress"))):
            raise bad_request("BadRequest", f"The email address '{receiver.get('emailAddress')}' is not valid.")


def _group(call: Call, resource: Resource) -> None:
    """Azure says of each address whether it is told; somebody who unsubscribes is Disabled."""
    for kind in ("emailReceivers", "smsReceivers"):
        for receiver in resource.properties.get(kind) or []:
            receiver.setdefault("status", "Enabled")


def _alert_checked(call: Call, resource: Resource) -> None:
    _scopes_checked(call, resource)
    groups = [str(action.get("actionGroupId")) for action in resource.properties.get("actions") or []]
    if len(groups) > 5:  # https://learn.microsoft.com/azure/azure-monitor/service-limits#alerts
        raise bad_request("BadRequest", f"An alert rule has up to 5 action groups, and {len(groups)} were sent.")
    for group in groups:
        if group.lower().startswith(f"/subscriptions/{call.id.subscription_id}/".lower()):
            call.referenced(group, resource.id)


def _alert(
    kind: str,
    first_api_version: str,
    location: Location = "region",
    create_status: int = 200,
) -> ResourceType:
    return ResourceType(
        f"Microsoft.Insights/{kind}",
        first_api_version=first_api_version,
        location=location,
        create_status=create_status,
        provisioning_state=False,
        defaults={"enabled": True},
        validate=_alert_checked,
    )


INSIGHTS: tuple[ResourceType, ...] = (
    ResourceType(
        "Microsoft.Insights/components",
        first_api_version="2014-04-01",
        create_status=200,
        etag_in_body=True,
        defaults={
            "Application_Type": "web",
            "Flow_Type": "Bluefield",
            "IngestionMode": "LogAnalytics",
            "RetentionInDays": 90,
            "SamplingPercentage": None,
            "DisableIpMasking": False,
            "DisableLocalAuth": False,
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
        },
        kept=("AppId", "InstrumentationKey", "CreationDate"),
        validate=_component_checked,
        on_put=_component,
    ),
    ResourceType(
        "Microsoft.Insights/privateLinkScopes",
        first_api_version="2019-10-17-preview",
        location="global",
        create_status=200,
        kept=("privateEndpointConnections",),
        defaults={"accessModeSettings": {"ingestionAccessMode": "Open", "queryAccessMode": "Open", "exclusions": []}},
    ),
    ResourceType(
        "Microsoft.Insights/privateLinkScopes/scopedResources",
        first_api_version="2019-10-17-preview",
        place="child",
        location="none",
        create_status=200,
        validate=_scoped_checked,
    ),
    ResourceType(
        _DIAGNOSTICS,
        first_api_version="2015-07-01",
        place="extension",
        location="none",
        create_status=200,
        provisioning_state=False,
        validate=_setting_checked,
        on_put=_setting,
    ),
    ResourceType(
        "Microsoft.Insights/actionGroups",
        first_api_version="2017-04-01",
        location="anywhere",
        provisioning_state=False,
        defaults={"enabled": True},
        validate=_group_checked,
        on_put=_group,
    ),
    _alert("metricAlerts", "2018-03-01", "global"),
    _alert("scheduledQueryRules", "2018-04-16", create_status=201),
    _alert("activityLogAlerts", "2017-03-01-preview", "anywhere", 201),
)
