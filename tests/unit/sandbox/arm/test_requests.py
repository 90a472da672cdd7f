"""What is refused before a type has its say, and what all types have in common."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, SUBSCRIPTION, Arm
from toolkit.sandbox.arm.ids import parse

ACCOUNT = f"{RG}/providers/Microsoft.Storage/storageAccounts/sttest001"
NSG = f"{RG}/providers/Microsoft.Network/networkSecurityGroups/nsg"
PLAIN = {"location": "westeurope"}


@pytest.mark.parametrize(
    ("version", "code"), [(None, "MissingApiVersionParameter"), ("latest", "InvalidApiVersionParameter")]
)
def test_api_version_is_required_and_well_formed(arm: Arm, version: str | None, code: str) -> None:
    assert arm.refused("GET", RG, version=version) == (400, code)


def test_api_version_older_than_the_type(arm: Arm) -> None:
    status, code = arm.refused("GET", f"{RG}/providers/Microsoft.Network/natGateways/x", version="2016-01-01")
    assert (status, code) == (400, "NoRegisteredProviderFound")


def test_without_a_token(arm: Arm) -> None:
    response = arm("GET", RG, principal="")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


def test_unknown_subscription_and_wrong_tenant(arm: Arm) -> None:
    assert arm.refused("GET", "/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/x") == (
        404,
        "SubscriptionNotFound",
    )
    other = "44444444-4444-4444-4444-444444444444"
    arm.directory.add_subscription(other, "55555555-5555-5555-5555-555555555555", "other")
    assert arm.refused("GET", f"/subscriptions/{other}/resourceGroups/x") == (401, "InvalidAuthenticationTokenTenant")


def test_unknown_type_says_where_to_add_it(arm: Arm) -> None:
    response = arm("GET", f"{RG}/providers/Microsoft.Sql/servers/x")
    assert response.status_code == 404
    error = response.json()["error"]
    assert error["code"] == "InvalidResourceType"
    assert "types/sql.py" in error["message"]


def test_unknown_action_is_loud(arm: Arm) -> None:
    arm.ok("PUT", NSG, PLAIN)
    response = arm("POST", f"{NSG}/effectiveRules", {})
    assert response.status_code == 501
    assert "effectiveRules" in response.json()["error"]["message"]


def test_unregistered_provider_is_named_in_quotes_and_registers(arm: Arm) -> None:
    arm.ok("POST", f"{SUB}/providers/Microsoft.Network/unregister", version="2021-04-01")
    response = arm("PUT", NSG, PLAIN)
    assert response.status_code == 409
    assert response.json()["error"]["code"] == "MissingSubscriptionRegistration"
    assert "'Microsoft.Network'" in response.json()["error"]["message"]
    arm.ok("POST", f"{SUB}/providers/Microsoft.Network/register", version="2021-04-01")
    shown = arm.ok("GET", f"{SUB}/providers/Microsoft.Network", version="2021-04-01")
    assert shown["registrationState"] == "Registered"
    assert arm("PUT", NSG, PLAIN).status_code == 201


def test_missing_group_parent_and_resource(arm: Arm) -> None:
    missing = NSG.replace("rg-test", "rg-none")
    assert arm.refused("PUT", missing, PLAIN) == (404, "ResourceGroupNotFound")
    assert arm.refused("GET", NSG) == (404, "ResourceNotFound")
    child = f"{ACCOUNT}/blobServices/default/containers/raw"
    assert arm.refused("PUT", child, {}) == (404, "ParentResourceNotFound")
    assert arm("DELETE", NSG).status_code == 204
    assert arm("HEAD", RG).status_code == 204
    assert arm("HEAD", f"{SUB}/resourceGroups/rg-none").status_code == 404


def test_ids_are_case_insensitive_and_keep_their_case(arm: Arm) -> None:
    assert arm("PUT", NSG, PLAIN).status_code == 201
    shouted = NSG.upper().replace("MICROSOFT.NETWORK", "microsoft.network")
    assert arm("PUT", shouted, PLAIN).status_code == 200
    assert arm.ok("GET", shouted)["id"] == NSG
    assert arm.ok("GET", shouted)["name"] == "nsg"


def test_etags(arm: Arm) -> None:
    etag = arm("PUT", NSG, PLAIN).headers["ETag"]
    assert arm("GET", NSG, If_None_Match=etag).status_code == 304
    assert arm.refused("PUT", NSG, PLAIN, If_Match='"other"') == (412, "PreconditionFailed")
    assert arm("PUT", NSG, PLAIN, If_Match=etag).status_code == 200
    assert arm.refused("PUT", NSG, PLAIN, If_Match=etag) == (412, "PreconditionFailed")
    assert arm.refused("PUT", NSG, PLAIN, If_None_Match="*") == (412, "PreconditionFailed")


def test_patch_merges_properties_and_replaces_tags(arm: Arm) -> None:
    body = {**PLAIN, "sku": {"name": "Standard_LRS"}, "tags": {"a": "1"}, "properties": {"minimumTlsVersion": "TLS1_2"}}
    arm.ok("PUT", ACCOUNT, body)
    arm.ok("PATCH", ACCOUNT, {"tags": {"b": "2"}, "properties": {"allowSharedKeyAccess": False}})
    shown = arm.ok("GET", ACCOUNT)
    assert shown["tags"] == {"b": "2"}
    assert shown["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert shown["properties"]["allowSharedKeyAccess"] is False


def test_location_is_required_and_fixed(arm: Arm) -> None:
    assert arm.refused("PUT", NSG, {"properties": {}}) == (400, "LocationRequired")
    arm.ok("PUT", NSG, {"location": "West Europe"})
    assert arm.ok("GET", NSG)["location"] == "westeurope"
    assert arm.refused("PUT", NSG, {"location": "eastus"}) == (409, "InvalidResourceLocation")


def test_broken_body(arm: Arm) -> None:
    assert arm.refused("PUT", NSG, ["not", "an", "object"]) == (400, "InvalidRequestContent")


def test_lists_and_filters(arm: Arm) -> None:
    arm.ok("PUT", NSG, PLAIN)
    arm.ok("PUT", f"{RG}/providers/Microsoft.Network/routeTables/rt", PLAIN)
    listed = arm.ok("GET", f"{SUB}/providers/Microsoft.Network/networkSecurityGroups")["value"]
    assert [entry["id"] for entry in listed] == [NSG]
    everything = arm.ok("GET", f"{SUB}/resources", version="2021-04-01")["value"]
    assert {entry["name"] for entry in everything} == {"nsg", "rt"}
    routes = "resourceType eq 'Microsoft.Network/routeTables'"
    filtered = arm.ok("GET", f"{RG}/resources?$filter={routes}", version="2021-04-01")["value"]
    assert [entry["name"] for entry in filtered] == ["rt"]
    assert arm("GET", f"{RG}/resources?$filter=tagName eq 'x'", version="2021-04-01").status_code == 501


def test_subscriptions_and_tenants(arm: Arm) -> None:
    (subscription,) = arm.ok("GET", "/subscriptions", version="2022-12-01")["value"]
    assert subscription["subscriptionId"] == SUBSCRIPTION
    assert arm.ok("GET", "/tenants", version="2022-12-01")["value"][0]["tenantId"] == subscription["tenantId"]
    assert arm.ok("GET", "/subscriptions", principal="66666666-6666-6666-6666-666666666666")["value"] == []


def test_preflight_answers_and_refuses_an_unknown_region(arm: Arm) -> None:
    body = {"provider": "Microsoft.Storage", "type": "storageAccounts", "location": "westeurope", "resources": []}
    arm.ok("POST", "/providers/Microsoft.Resources/validateResources", body, version="2020-10-01")
    refused = arm.refused(
        "POST",
        "/providers/Microsoft.Resources/validateResources",
        {**body, "location": "atlantis"},
        version="2020-10-01",
    )
    assert refused == (400, "LocationNotAvailableForResourceType")


def test_extension_id_is_parsed_into_scope_and_resource() -> None:
    parsed = parse(f"{ACCOUNT}/providers/Microsoft.Authorization/roleAssignments/guid")
    assert (parsed.scope, parsed.type, parsed.name) == (ACCOUNT, "Microsoft.Authorization/roleAssignments", "guid")
    child = parse(f"{ACCOUNT}/blobServices/default/containers/raw")
    assert child.type == "Microsoft.Storage/storageAccounts/blobServices/containers"
    assert child.parent_id == f"{ACCOUNT}/blobServices/default"
    assert parse(f"{ACCOUNT}/blobServices").is_collection


def test_a_request_that_is_wrong_in_every_way_hears_of_one_thing_after_the_other(arm: Arm) -> None:
    """Each step of steps.py refuses before the next one looks: what is put right in turn shows the next refusal."""
    network = f"{RG}/providers/Microsoft.Network/virtualNetworks/vnet"
    arm.ok("POST", f"{SUB}/providers/Microsoft.Network/unregister", version="2021-04-01")
    lock = f"{SUB}/providers/Microsoft.Authorization/locks/still"
    arm.ok("PUT", lock, {"properties": {"level": "ReadOnly"}}, version="2020-05-01")
    nobody = "66666666-6666-6666-6666-666666666666"
    elsewhere = network.replace(SUB, "/subscriptions/99999999-9999-9999-9999-999999999999")
    no_group = f"{network.replace('rg-test', 'rg-none')}/subnets/s"
    subnet = f"{network}/subnets/s"

    def refused(path: str, body: object = None, **options: Any) -> tuple[int, str]:
        return arm.refused("PUT", path, [] if body is None else body, **options)

    assert refused("/nothing", version=None, principal="") == (400, "MissingApiVersionParameter")
    assert refused("/nothing", version="yesterday", principal="") == (400, "InvalidApiVersionParameter")
    assert refused("/nothing", principal="") == (401, "AuthenticationFailed")
    assert refused("/nothing", principal=nobody) == (400, "InvalidRequestContent")
    assert refused("/nothing", {}, principal=nobody) == (404, "InvalidResourceId")
    assert refused(f"{elsewhere}/towers/t", {}, principal=nobody) == (404, "SubscriptionNotFound")
    assert refused(f"{no_group}/towers/t", {}, principal=nobody) == (404, "InvalidResourceType")
    assert refused(no_group, {}, principal=nobody, version="2001-01-01") == (400, "NoRegisteredProviderFound")
    assert refused(no_group, {}, principal=nobody) == (409, "MissingSubscriptionRegistration")
    arm.ok("POST", f"{SUB}/providers/Microsoft.Network/register", version="2021-04-01")
    assert refused(no_group, {}, principal=nobody) == (403, "AuthorizationFailed")
    assert refused(no_group, {}) == (409, "ScopeLocked")
    arm.ok("DELETE", lock, version="2020-05-01")
    assert refused(no_group, {}) == (404, "ResourceGroupNotFound")
    assert refused(subnet, {}) == (404, "ParentResourceNotFound")
    arm.ok("PUT", network, {**PLAIN, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}})
    assert refused(subnet, {"properties": {"addressPrefix": "10.9.0.0/24"}}) == (400, "NetcfgSubnetRangeOutsideVnet")
    arm.ok("PUT", subnet, {"properties": {"addressPrefix": "10.0.1.0/24"}})
