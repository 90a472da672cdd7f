"""Requests that are not about one resource: tenants, subscriptions, providers, operations, lists, preflight."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from toolkit.records import Json
from toolkit.sandbox.arm import names
from toolkit.sandbox.arm import usages as usages_of
from toolkit.sandbox.arm.access import RoleBasedAccess
from toolkit.sandbox.arm.activity_log import list_events
from toolkit.sandbox.arm.advisor import list_recommendations
from toolkit.sandbox.arm.compute_skus import list_skus
from toolkit.sandbox.arm.errors import not_found, not_modelled
from toolkit.sandbox.arm.locations import list_locations, require_available
from toolkit.sandbox.arm.operations import failure
from toolkit.sandbox.arm.policies import check_restrictions
from toolkit.sandbox.arm.providers import Providers
from toolkit.sandbox.arm.quotas import list_usages, list_vm_sizes
from toolkit.sandbox.arm.registry import lookup
from toolkit.sandbox.arm.resource_type import Answer
from toolkit.sandbox.arm.resources import Resources
from toolkit.sandbox.arm.service_tags import list_service_tags
from toolkit.sandbox.arm.types.operationalinsights import list_deleted
from toolkit.sandbox.arm.zones import list_geo_regions
from toolkit.sandbox.conditions import conditions_of
from toolkit.sandbox.model import Principal


@dataclass(frozen=True, slots=True)
class RouteCall:
    """A verified request; ``action`` (see Route) has been allowed before the handler runs."""

    resources: Resources
    providers: Providers
    principal: Principal
    match: Mapping[str, str]
    path: str
    query: Mapping[str, str]
    body: Json

    @property
    def subscription_id(self) -> str:
        return self.match["subscription"]


Handler = Callable[[RouteCall], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """``action`` is what the principal must be allowed on the route's scope; None where having a token is enough."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    action: str | None = None


def _route(method: str, pattern: str, handler: Handler, action: str | None = None) -> Route:
    return Route(method, re.compile(pattern, re.IGNORECASE), handler, action)


async def tenants(call: RouteCall) -> Answer:
    tenant = call.principal.tenant_id
    return Answer(
        {
            "value": [
                {"id": f"/tenants/{tenant}", "tenantId": tenant, "tenantCategory": "Home", "displayName": "Sandbox"}
            ]
        }
    )


def _subscription(call: RouteCall, subscription_id: str, tenant_id: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription_id}",
        "subscriptionId": subscription_id,
        "tenantId": tenant_id,
        "displayName": call.resources.world.directory.subscription_name(subscription_id) or subscription_id,
        "state": conditions_of(call.resources.store, subscription_id).state,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "Sandbox",
            "spendingLimit": "Off",
        },
    }


async def subscriptions(call: RouteCall) -> Answer:
    access = RoleBasedAccess(call.resources.store)
    visible = [
        _subscription(call, subscription_id, tenant_id)
        for subscription_id, tenant_id in call.resources.world.directory.subscriptions().items()
        if tenant_id.lower() == call.principal.tenant_id.lower()
        and access.has_any(call.principal, f"/subscriptions/{subscription_id}")
    ]
    return Answer({"value": visible, "count": {"type": "Total", "value": len(visible)}})


async def subscription(call: RouteCall) -> Answer:
    return Answer(_subscription(call, call.subscription_id, call.principal.tenant_id))


async def locations(call: RouteCall) -> Answer:
    return Answer({"value": list_locations(call.subscription_id)})


async def list_providers(call: RouteCall) -> Answer:
    return Answer({"value": call.providers.list(call.subscription_id)})


async def show_provider(call: RouteCall) -> Answer:
    return Answer(call.providers.show(call.subscription_id, call.match["namespace"]))


async def register_provider(call: RouteCall) -> Answer:
    return Answer(call.providers.register(call.subscription_id, call.match["namespace"]))


async def unregister_provider(call: RouteCall) -> Answer:
    return Answer(call.providers.unregister(call.subscription_id, call.match["namespace"]))


async def operation_status(call: RouteCall) -> Answer:
    operations = call.resources.operations
    operation = operations.get(call.subscription_id, call.match["operation"])
    running = operation["status"] == "InProgress"
    return Answer(
        operations.status(operation, call.path),
        200,
        {"Retry-After": operations.retry_after(operation)} if running else {},
    )


async def operation_result(call: RouteCall) -> Answer:
    operations = call.resources.operations
    operation = operations.get(call.subscription_id, call.match["operation"])
    if operation["status"] == "InProgress":
        return Answer(None, 202, operations.headers(operation, call.query["api-version"], ("Location",)))
    if operation["status"] == "Failed":
        raise failure(operation)
    resource = call.resources.store.get(operation["resourceId"])
    return Answer(resource.body if resource else None, 200 if resource else 204)


async def vm_sizes(call: RouteCall) -> Answer:
    return Answer({"value": list_vm_sizes()})


async def usages(call: RouteCall) -> Answer:
    directory = call.resources.world.directory
    return Answer({"value": list_usages(directory, call.subscription_id, call.match["location"])})


async def geo_regions(call: RouteCall) -> Answer:
    return Answer({"value": list_geo_regions(call.subscription_id, call.query.get("sku", ""))})


_FILTER = re.compile(
    r"\s*(?P<field>resourceType|name|resourceGroup|location)\s+eq\s+'(?P<value>[^']*)'\s*", re.IGNORECASE
)


async def activity_log(call: RouteCall) -> Answer:
    return Answer(list_events(call.resources, call.principal, call.subscription_id, call.path, call.query))


async def list_resources(call: RouteCall) -> Answer:
    """Top-level tracked resources of a subscription or resource group
    (https://learn.microsoft.com/rest/api/resources/resources/list)."""
    scope = f"/subscriptions/{call.subscription_id}"
    if call.match.get("group"):
        scope += f"/resourceGroups/{call.match['group']}"
        if call.resources.store.get(scope) is None:
            raise not_found("ResourceGroupNotFound", f"Resource group '{call.match['group']}' could not be found.")
    wanted: list[tuple[str, str]] = []
    for term in re.split(r"\s+and\s+", call.query.get("$filter", "")):
        if not term:
            continue
        match = _FILTER.fullmatch(term)
        if match is None:
            raise not_modelled(f"the filter '{term}' on resource lists", "routes.py")
        wanted.append((match["field"].lower(), match["value"].lower()))
    value = []
    for resource in call.resources.store.under(scope):
        type_ = lookup(resource.type)
        if type_ is None or type_.place != "group":
            continue
        facts = {
            "resourcetype": resource.type,
            "name": resource.name,
            "resourcegroup": resource.id.split("/")[4],
            "location": resource.body.get("location", ""),
        }
        if all(facts[field].lower() == expected for field, expected in wanted):
            value.append(
                {
                    key: resource.body[key]
                    for key in ("id", "name", "type", "kind", "location", "tags", "sku", "identity")
                    if key in resource.body
                }
            )
    limit = call.query.get("$top", "")
    return Answer({"value": value[: int(limit)] if limit.isdigit() else value})


async def validate_resources(call: RouteCall) -> Answer:
    """azapi's preflight at plan (ARM_ENABLE_PREFLIGHT): types and locations are checked, bodies are left to the PUT."""
    type_name = f"{call.body.get('provider', '')}/{call.body.get('type', '')}"
    type_ = lookup(type_name)
    if type_ is None:
        raise not_modelled(
            f"the resource type '{type_name}'", f"types/{call.body.get('provider', '').rsplit('.', 1)[-1].lower()}.py"
        )
    if location := call.body.get("location"):
        require_available(type_, location)
    return Answer({})


async def storage_usages(call: RouteCall) -> Answer:
    found = usages_of.storage_usages(call.resources.store, call.subscription_id, call.match["location"].lower())
    return Answer({"value": found})


async def network_usages(call: RouteCall) -> Answer:
    found = usages_of.network_usages(call.resources.store, call.subscription_id, call.match["location"].lower())
    return Answer({"value": found})


async def batch_quotas(call: RouteCall) -> Answer:
    return Answer(usages_of.batch_quota(call.resources.store, call.subscription_id))


async def batch_name(call: RouteCall) -> Answer:
    return Answer(names.check_batch(call.resources.store, call.match["location"].lower(), call.body))


async def site_name(call: RouteCall) -> Answer:
    return Answer(names.check_site(call.resources.store, call.body))


async def deleted_log_workspaces(call: RouteCall) -> Answer:
    scope = f"/subscriptions/{call.subscription_id}"
    if call.match.get("group"):
        scope += f"/resourceGroups/{call.match['group']}"
    return Answer({"value": list_deleted(call.resources.store, scope)})


async def compute_skus(call: RouteCall) -> Answer:
    match = _LOCATION_FILTER.fullmatch(call.query.get("$filter", ""))
    if match is None and call.query.get("$filter"):
        raise not_modelled(f"the filter '{call.query['$filter']}' on the sizes of VMs", "compute_skus.py")
    return Answer(
        {"value": list_skus(call.resources.store, call.subscription_id, match["location"] if match else None)}
    )


async def policy_restrictions(call: RouteCall) -> Answer:
    return Answer(check_restrictions(call.resources.store, call.subscription_id, call.body))


async def recommendations(call: RouteCall) -> Answer:
    return Answer({"value": list_recommendations(call.resources.store, call.subscription_id)})


async def service_tags(call: RouteCall) -> Answer:
    return Answer(list_service_tags(call.resources.world.directory, call.subscription_id))


_SUB = r"/subscriptions/(?P<subscription>[^/]+)"
_OPERATION = _SUB + r"(?:/providers/[^/]+/locations/[^/]+)?/{}/(?P<operation>[^/]+)"
_DEPLOYMENT = _SUB + r"/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.Resources/deployments/[^/]+"
_LEARNING = _SUB + r"/providers/Microsoft\.MachineLearningServices/locations/(?P<location>[^/]+)"
_LOCATION = _SUB + r"/providers/Microsoft\.{}/locations/(?P<location>[^/]+)"
_LOCATION_FILTER = re.compile(r"location eq '(?P<location>[^']+)'", re.IGNORECASE)
_READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
_READ = "Microsoft.Resources/subscriptions/read"

ROUTES: tuple[Route, ...] = (
    _route("GET", r"/tenants", tenants),
    _route("GET", r"/subscriptions", subscriptions),
    _route("GET", _SUB, subscription, _READ),
    _route("GET", _SUB + r"/locations", locations, "Microsoft.Resources/subscriptions/locations/read"),
    _route("GET", _SUB + r"/providers", list_providers, "Microsoft.Resources/subscriptions/providers/read"),
    _route(
        "GET",
        _SUB + r"/providers/(?P<namespace>[^/]+)",
        show_provider,
        "Microsoft.Resources/subscriptions/providers/read",
    ),
    _route(
        "POST", _SUB + r"/providers/(?P<namespace>[^/]+)/register", register_provider, "{namespace}/register/action"
    ),
    _route(
        "POST",
        _SUB + r"/providers/(?P<namespace>[^/]+)/unregister",
        unregister_provider,
        "{namespace}/unregister/action",
    ),
    _route("GET", _OPERATION.format("operationStatuses"), operation_status),
    _route("GET", _OPERATION.format("operationResults"), operation_result),
    _route(
        "GET",
        _DEPLOYMENT + r"/operationStatuses/(?P<operation>[^/]+)",
        operation_status,
        "Microsoft.Resources/deployments/operationstatuses/read",
    ),
    _route("GET", _SUB + r"/providers/Microsoft\.Insights/eventtypes/management/values", activity_log),
    _route("GET", _LEARNING + "/vmSizes", vm_sizes, "Microsoft.MachineLearningServices/locations/vmSizes/read"),
    _route("GET", _LEARNING + "/usages", usages, "Microsoft.MachineLearningServices/locations/usages/read"),
    _route(
        "GET",
        _SUB + r"/providers/Microsoft\.Network/locations/[^/]+/serviceTags",
        service_tags,
        "Microsoft.Network/locations/serviceTags/read",
    ),
    _route("GET", _LOCATION.format("Storage") + "/usages", storage_usages, "Microsoft.Storage/locations/usages/read"),
    _route("GET", _LOCATION.format("Network") + "/usages", network_usages, "Microsoft.Network/locations/usages/read"),
    _route("GET", _LOCATION.format("Batch") + "/quotas", batch_quotas, "Microsoft.Batch/locations/quotas/read"),
    _route(
        "POST",
        _LOCATION.format("Batch") + "/checkNameAvailability",
        batch_name,
        "Microsoft.Batch/locations/checkNameAvailability/action",
    ),
    _route(
        "POST",
        _SUB + r"/providers/Microsoft\.Web/checknameavailability",
        site_name,
        "Microsoft.Web/checknameavailability/read",
    ),
    _route(
        "GET",
        _SUB + r"(?:/resourceGroups/(?P<group>[^/]+))?/providers/Microsoft\.OperationalInsights/deletedWorkspaces",
        deleted_log_workspaces,
        "Microsoft.OperationalInsights/deletedWorkspaces/read",
    ),
    _route("GET", _SUB + r"/providers/Microsoft\.Compute/skus", compute_skus, "Microsoft.Compute/skus/read"),
    _route(
        "POST",
        _SUB + r"(?:/resourceGroups/(?P<group>[^/]+))?/providers/Microsoft\.PolicyInsights/checkPolicyRestrictions",
        policy_restrictions,
        "Microsoft.PolicyInsights/checkPolicyRestrictions/read",
    ),
    _route(
        "GET",
        _SUB + r"/providers/Microsoft\.Advisor/recommendations",
        recommendations,
        "Microsoft.Advisor/recommendations/read",
    ),
    _route("GET", _SUB + r"/providers/Microsoft\.Web/geoRegions", geo_regions, "Microsoft.Web/geoRegions/read"),
    _route("GET", _SUB + r"/resources", list_resources, "Microsoft.Resources/subscriptions/resources/read"),
    _route("GET", _SUB + r"/resourceGroups/(?P<group>[^/]+)/resources", list_resources, _READ_GROUP),
    _route("POST", r"/providers/Microsoft\.Resources/validateResources", validate_resources),
)
