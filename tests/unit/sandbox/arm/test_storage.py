"""Storage accounts: what they refuse and remember, where other parts of the product rely on it."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.arm.conftest import PLAIN, RG, SUB, Arm
from tests.unit.sandbox.arm.test_platform import (
    ACCOUNT,
    make_account,
)


@pytest.mark.parametrize(
    "value", ["10.0.0.1", "192.168.1.0/24", "203.0.113.7/32", "203.0.113.6/31", "203.0.113", "203.0.113.7/24"]
)
def test_storage_refuses_rules_that_azure_refuses(arm: Arm, value: str) -> None:
    make_account(arm)
    acls = {"defaultAction": "Deny", "ipRules": [{"value": value, "action": "Allow"}]}
    refused = arm.refused("PATCH", ACCOUNT, {"properties": {"networkAcls": acls}})
    assert refused == (400, "InvalidValuesForRequestParameters")
    assert arm.ok("GET", ACCOUNT)["properties"]["networkAcls"]["defaultAction"] == "Allow"


def test_storage_takes_at_most_400_rules(arm: Arm) -> None:
    make_account(arm)
    rules = [{"value": f"203.0.{n // 250 + 113}.{n % 250 + 1}", "action": "Allow"} for n in range(401)]
    sent = {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": rules[:400]}}}
    arm.ok("PATCH", ACCOUNT, sent)
    sent["properties"]["networkAcls"]["ipRules"] = rules
    assert arm.refused("PATCH", ACCOUNT, sent) == (400, "NetworkAclsValidationFailure")


def test_storage_names_are_unique_and_keys_are_kept(arm: Arm) -> None:
    make_account(arm, allowSharedKeyAccess=False)
    arm.ok("PUT", f"{SUB}/resourceGroups/other", PLAIN)
    elsewhere = ACCOUNT.replace(RG, f"{SUB}/resourceGroups/other")
    body = {**PLAIN, "sku": {"name": "Standard_LRS"}}
    assert arm.refused("PUT", elsewhere, body) == (409, "StorageAccountAlreadyTaken")
    assert arm.refused("PUT", ACCOUNT.replace("sttest001", "St-1"), body) == (400, "AccountNameInvalid")
    check = arm.ok("POST", f"{SUB}/providers/Microsoft.Storage/checkNameAvailability", {"name": "sttest001"})
    assert check["reason"] == "AlreadyExists"
    keys = arm.ok("POST", f"{ACCOUNT}/listKeys")["keys"]
    make_account(arm)
    assert arm.ok("POST", f"{ACCOUNT}/listKeys")["keys"] == keys
    renewed = arm.ok("POST", f"{ACCOUNT}/regenerateKey", {"keyName": "key2"})["keys"]
    assert (renewed[0], renewed[1] == keys[1]) == (keys[0], False)
    assert all(key["value"] not in arm("GET", ACCOUNT).text for key in renewed)


def test_deleted_containers_are_listed_as_long_as_they_are_kept(arm: Arm) -> None:
    make_account(arm)
    service = f"{ACCOUNT}/blobServices/default"
    arm.ok("PUT", service, {"properties": {"containerDeleteRetentionPolicy": {"enabled": True, "days": 14}}})
    for name in ("one", "two"):
        arm.ok("PUT", f"{service}/containers/{name}", {"properties": {}})
    arm.ok("DELETE", f"{service}/containers/one")
    assert [entry["name"] for entry in arm.ok("GET", f"{service}/containers")["value"]] == ["two"]
    listed = arm.ok("GET", f"{service}/containers?$include=deleted")["value"]
    assert [(entry["name"], entry["properties"]["deleted"]) for entry in listed] == [("one", True), ("two", False)]
    properties = listed[0]["properties"]
    assert properties["remainingRetentionDays"] == 14
    assert properties["version"]
    assert properties["deletedTime"]
    assert len(arm.blobs.containers) == 2  # its blobs wait under another name
    arm.ok("PUT", f"{service}/containers/one", {"properties": {}})
    assert len(arm.ok("GET", f"{service}/containers?$include=deleted")["value"]) == 3

    arm.ok("PUT", service, {"properties": {"containerDeleteRetentionPolicy": {"enabled": False}}})
    arm.ok("DELETE", f"{service}/containers/two")
    names = [entry["name"] for entry in arm.ok("GET", f"{service}/containers?$include=deleted")["value"]]
    assert names == ["one", "one"]
    arm.ok("DELETE", ACCOUNT)
    make_account(arm)
    assert arm.ok("GET", f"{service}/containers?$include=deleted")["value"] == []


def test_storage_put_keeps_what_the_service_wrote(arm: Arm) -> None:
    made = make_account(arm)["properties"]
    again = make_account(arm, minimumTlsVersion="TLS1_2")["properties"]
    assert again["creationTime"] == made["creationTime"]
    assert again["primaryEndpoints"]["blob"] == "https://sttest001.blob.core.windows.net/"
    body = {**PLAIN, "sku": {"name": "Standard_LRS"}, "properties": {"isHnsEnabled": True}}
    assert arm.refused("PUT", ACCOUNT, body) == (400, "AccountPropertyCannotBeUpdated")


def test_services_exist_with_the_account(arm: Arm) -> None:
    make_account(arm, isHnsEnabled=True)
    service = f"{ACCOUNT}/blobServices/default"
    assert arm.ok("GET", service)["properties"]["deleteRetentionPolicy"]["enabled"] is False
    versioning = {"properties": {"isVersioningEnabled": True}}
    assert arm.refused("PUT", service, versioning) == (400, "FeatureNotSupportedForAccount")
    assert arm.refused("DELETE", service) == (405, "MethodNotAllowed")


def test_containers(arm: Arm) -> None:
    make_account(arm)
    containers = f"{ACCOUNT}/blobServices/default/containers"
    assert arm.refused("PUT", f"{containers}/Raw_", {}) == (400, "InvalidResourceName")
    assert (
        arm.refused("PUT", f"{containers}/raw", {"properties": {"publicAccess": "Blob"}})[1]
        == "PublicAccessNotPermitted"
    )
    assert arm("PUT", f"{containers}/raw", {}).status_code == 201
    assert [entry["name"] for entry in arm.ok("GET", containers)["value"]] == ["raw"]
    arm.ok("DELETE", f"{containers}/raw")
    assert arm.blobs.containers == set()
    assert arm.refused("GET", f"{containers}/raw") == (404, "ContainerNotFound")
