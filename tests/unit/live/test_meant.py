"""What a state says that is meant: every resource of azapi's, no secret, and no address that only a lease let in."""

from __future__ import annotations

import json
from typing import Any

from toolkit.live.meant import MASK, Meant, digest, masked, resources_of, without_leases

ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"


def state(*resources: Any) -> dict[str, Any]:
    return {"version": 4, "resources": list(resources)}


def managed(kind: str, *instances: dict[str, Any], mode: str = "managed", module: str | None = None) -> dict[str, Any]:
    found = {"mode": mode, "type": kind, "name": "this", "instances": [{"attributes": one} for one in instances]}
    return {**found, "module": module} if module else found


def attributes(body: Any, **more: Any) -> dict[str, Any]:
    dynamic = {"value": body, "type": ["object", {}]}
    return {"id": ACCOUNT, "type": "Microsoft.Storage/storageAccounts@2023-05-01", "body": dynamic, **more}


def test_a_resource_has_its_address_its_type_and_its_body() -> None:
    (one,) = resources_of("platform", state(managed("azapi_resource", attributes({"kind": "X"}), module="module.m[0]")))
    assert (one.address, one.type, one.api_version) == (
        "module.m[0].azapi_resource.this",
        "Microsoft.Storage/storageAccounts",
        "2023-05-01",
    )
    assert (one.body, one.whole, one.tags, one.identities) == ({"kind": "X"}, True, None, None)


def test_a_body_of_json_text_is_read_as_well() -> None:
    (one,) = resources_of(
        "platform", state(managed("azapi_resource", {**attributes({}), "body": json.dumps({"kind": "X"})}))
    )
    assert one.body == {"kind": "X"}


def test_updates_are_parts_and_puts_are_resources() -> None:
    update = managed("azapi_update_resource", attributes({"properties": {"a": 1}}, resource_id=f"{ACCOUNT}/b/default"))
    put = managed("azapi_resource_action", attributes({}, method="PUT", action=None, resource_id=f"{ACCOUNT}/c/d"))
    post = managed("azapi_resource_action", attributes({}, method="POST", action="approve"))
    found = list(resources_of("platform", state(update, put, post, managed("terraform_data", {"id": "x"}))))
    assert [(one.id.removeprefix(ACCOUNT), one.whole) for one in found] == [("/b/default", False), ("/c/d", True)]


def test_data_and_what_a_replacement_has_left_are_not_meant() -> None:
    left = managed("azapi_resource", attributes({}))
    left["instances"][0]["deposed"] = "00000001"
    assert list(resources_of("platform", state(managed("azapi_resource", attributes({}), mode="data"), left))) == []


def test_outbound_rules_are_resources_of_their_own() -> None:
    network = {"isolationMode": "X", "outboundRules": {"lake": {"type": "PrivateEndpoint"}}}
    workspace = attributes({"properties": {"managedNetwork": network}})
    rule, whole = resources_of("platform", state(managed("azapi_resource", workspace)))
    assert (rule.id, rule.body) == (f"{ACCOUNT}/outboundRules/lake", {"properties": {"type": "PrivateEndpoint"}})
    assert whole.body["properties"]["managedNetwork"] == {"isolationMode": "X"}


def test_no_secret_stays_and_a_change_still_shows() -> None:
    settings = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "fast"}]
    body = {
        "appSettings": settings,
        "accountKey": "a2V5",
        "secretName": "db",
        "keyVaultId": "/x",
        "allowSharedKey": True,
    }
    hidden = masked(body)
    assert "hunter2" not in json.dumps(hidden)
    assert "a2V5" not in json.dumps(hidden)
    assert hidden["appSettings"][0]["value"] == digest("hunter2") != digest("hunter3")
    assert hidden["appSettings"][0]["value"].startswith(MASK)
    assert [hidden["appSettings"][1]["value"], hidden["secretName"], hidden["keyVaultId"]] == ["fast", "db", "/x"]


def test_an_address_that_only_a_lease_let_in_is_not_meant() -> None:
    rules = [{"value": "203.0.113.9", "action": "Allow"}, {"value": "198.51.100.0/24", "action": "Allow"}]
    body = {"properties": {"networkAcls": {"ipRules": rules}}}
    one = Meant("platform", "x", ACCOUNT, "Microsoft.Storage/storageAccounts", "2023-05-01", body)
    kept = without_leases(one, frozenset({"198.51.100.0/24"})).body["properties"]["networkAcls"]["ipRules"]
    assert [rule["value"] for rule in kept] == ["198.51.100.0/24"]
