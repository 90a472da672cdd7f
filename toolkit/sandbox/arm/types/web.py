"""Microsoft.Web: plans, sites and their configuration (https://learn.microsoft.com/rest/api/appservice/).

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import secrets

from toolkit.records import Json
from toolkit.sandbox.arm import association_links
from toolkit.sandbox.arm.errors import ArmError, bad_request, conflict
from toolkit.sandbox.arm.registration import is_registered
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType, Singleton
from toolkit.sandbox.arm.types import web_config
from toolkit.sandbox.arm.zones import FLEX_CONSUMPTION, check_flex_plan
from toolkit.sandbox.store import Resource

_SITES = "Microsoft.Web/sites"
_PLANS = "Microsoft.Web/serverfarms"
# GET of these would show secrets: Azure answers them to POST …/list only.
_LISTED = (
    "appsettings",
    "connectionstrings",
    "authsettings",
    "azurestorageaccounts",
    "publishingcredentials",
    "metadata",
)


def _plan(call: Call, resource: Resource) -> None:
    sku = resource.body.get("sku") or {}
    if not sku.get("name"):
        raise bad_request("BadRequest", "The parameter sku has an invalid value: a plan needs a SKU.")
    if sku.get("tier") == FLEX_CONSUMPTION or sku["name"].upper() == "FC1":
        check_flex_plan(resource)
    resource.properties["status"] = "Ready"
    resource.properties["numberOfSites"] = sum(
        str(site.properties.get("serverFarmId", "")).lower() == resource.id.lower()
        for site in call.resources.store.of_type(_SITES)
    )


def _plan_free(call: Call, resource: Resource) -> None:
    for site in call.resources.store.of_type(_SITES):
        if str(site.properties.get("serverFarmId", "")).lower() == resource.id.lower():
            raise conflict(
                "Conflict",
                f"Server farm '{resource.name}' cannot be deleted because it has web app(s) {site.name} assigned to "
                "it.",
            )


def _flex_checked(call: Call) -> None:
    """Flex Consumption runs on Microsoft.App, and says nothing of it: the PUT answers 500 where that is not registered.

    https://github.com/Azure/terraform-provider-azapi/issues/625; the need itself:
    https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#enable-virtual-network-integration
    """
    if not is_registered(call.resources.store, call.id.subscription_id or "", "Microsoft.App"):
        raise ArmError(
            500, "InternalServerError", "There was an unexpected InternalServerError. Please try again later."
        )


def _site_checked(call: Call, resource: Resource) -> None:
    properties = resource.properties
    if properties.get("functionAppConfig"):
        _flex_checked(call)
    if call.creating:
        for other in call.resources.store.of_type(_SITES):
            if other.name.lower() == call.id.name.lower():
                raise conflict("Conflict", f"Website with given name {call.id.name} already exists.")
    if properties.get("serverFarmId"):
        call.referenced(properties["serverFarmId"], resource.id)
    if properties.get("virtualNetworkSubnetId"):
        subnet = call.referenced(properties["virtualNetworkSubnetId"], resource.id)
        call.require_linked("Microsoft.Network/virtualNetworks/subnets/join/action", subnet.id)
        if not subnet.properties.get("delegations"):
            raise bad_request("BadRequest", f"Subnet {subnet.name} is missing a delegation for App Service.")


def _site(call: Call, resource: Resource) -> None:
    properties, name = resource.properties, resource.name.lower()
    properties.setdefault("state", "Running")
    properties["defaultHostName"] = f"{name}.azurewebsites.net"
    properties["hostNames"] = [f"{name}.azurewebsites.net"]
    properties["enabledHostNames"] = [f"{name}.azurewebsites.net", f"{name}.scm.azurewebsites.net"]
    properties.setdefault("privateEndpointConnections", [])
    given = dict(resource.internal.get("siteConfig") or {})
    settings = given.pop("appSettings", None)
    web_config.written_with_site(call, resource, given)
    if settings is not None:
        config: Json = {entry["name"]: entry["value"] for entry in settings}
        call.resources.write(f"{resource.id}/config/appsettings", f"{_SITES}/config", config)


def _config_checked(call: Call, resource: Resource) -> None:
    if call.id.name.lower() == "web":
        web_config.checked(resource.properties)


def _config_readable(call: Call) -> Resource | None:
    if call.method == "GET" and call.id.name.lower() in _LISTED:
        raise bad_request(
            "BadRequest", f"The configuration '{call.id.name}' cannot be read with GET: use POST {call.id.id}/list."
        )
    found = call.resources.store.get(call.id.id)
    if found is None and call.id.name.lower() == "publishingcredentials":
        return _publishing_credentials(call)
    return found


def _publishing_credentials(call: Call) -> Resource | None:
    """A user and a password come with every site, whether or not they open anything.

    https://learn.microsoft.com/rest/api/appservice/web-apps/list-publishing-credentials
    """
    site = call.resources.store.get(call.id.id.split("/config/")[0])
    if site is None:
        return None
    password = {"publishingUserName": f"${site.name}", "publishingPassword": secrets.token_urlsafe(32)}
    call.resources.write(call.id.id, f"{_SITES}/config", password)
    return call.resources.store.get(call.id.id)


async def _list_config(call: Call, resource: Resource) -> Answer:
    return Answer(resource.body)


async def _stop(call: Call, resource: Resource) -> Answer:
    """https://learn.microsoft.com/rest/api/appservice/web-apps/stop: the app stays enabled, and answers nobody."""
    return _turned(call, resource, "Stopped")


async def _start(call: Call, resource: Resource) -> Answer:
    return _turned(call, resource, "Running")


def _turned(call: Call, resource: Resource, state: str) -> Answer:
    resource.properties["state"] = state
    call.resources.touch(resource)
    return Answer()


WEB: tuple[ResourceType, ...] = (
    ResourceType(
        _PLANS,
        first_api_version="2015-08-01",
        create_status=200,
        before_delete=_plan_free,
        on_put=_plan,
        long_running=LongRunning(create=10, put_status=202, headers=("Location",)),
    ),
    ResourceType(
        _SITES,
        first_api_version="2015-08-01",
        create_status=200,
        identity=True,
        envelope={"kind": "app"},
        defaults={"enabled": True, "httpsOnly": False, "publicNetworkAccess": "Enabled"},
        kept=("privateEndpointConnections", "state"),
        write_only=("siteConfig",),
        provisioning_state=False,
        singletons=tuple(
            Singleton(f"{_SITES}/basicPublishingCredentialsPolicies", name, {"allow": True}) for name in ("scm", "ftp")
        ),
        validate=_site_checked,
        on_put=_site,
        actions={"start": _start, "stop": _stop},
        on_delete=association_links.leave_behind,
    ),
    ResourceType(
        f"{_SITES}/basicPublishingCredentialsPolicies",
        first_api_version="2019-08-01",
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
        methods=frozenset({"GET", "PUT"}),
        parent="checked",
    ),
    ResourceType(
        f"{_SITES}/config",
        first_api_version="2015-08-01",
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
        methods=frozenset({"GET", "PUT", "PATCH"}),
        find=_config_readable,
        validate=_config_checked,
        actions={"list": _list_config},
    ),
)
