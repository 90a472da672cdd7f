"""Deleted storage accounts: listed, kept, given back, and gone once their name is used again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.unit.sandbox.arm.conftest import SUB, Arm
from tests.unit.sandbox.arm.test_platform import ACCOUNT, make_account

PLAIN = {"location": "westeurope"}


def deleted_account(arm: Arm) -> dict[str, Any]:
    (entry,) = arm.ok("GET", f"{SUB}/providers/Microsoft.Storage/deletedAccounts")["value"]
    assert arm.ok("GET", entry["id"]) == entry
    properties: dict[str, Any] = entry["properties"]
    return properties


def test_a_deleted_account_comes_back_as_it_was(arm: Arm) -> None:
    made = make_account(arm, minimumTlsVersion="TLS1_2")
    keys = arm.ok("POST", f"{ACCOUNT}/listKeys")
    arm.ok("PUT", f"{ACCOUNT}/blobServices/default/containers/one", {"properties": {}})
    arm.ok("DELETE", ACCOUNT)
    assert arm.blobs.containers == {("deleted/sttest001", "one")}
    assert arm("GET", ACCOUNT).status_code == 404
    deleted = deleted_account(arm)
    assert (deleted["storageAccountResourceId"], deleted["location"]) == (ACCOUNT, "westeurope")

    wanted = {**PLAIN, "properties": {"deletedAccountCreationTime": "2020-01-01T00:00:00Z"}}
    assert arm.refused("PUT", ACCOUNT, wanted) == (404, "DeletedAccountNotFound")
    wanted["properties"] = {"deletedAccountCreationTime": deleted["creationTime"]}
    back = arm.ok("PUT", ACCOUNT, wanted)
    assert {**back, "properties": {**back["properties"], "provisioningState": "Succeeded"}} == made
    assert arm.ok("POST", f"{ACCOUNT}/listKeys") == keys
    assert [one["name"] for one in arm.ok("GET", f"{ACCOUNT}/blobServices/default/containers")["value"]] == ["one"]
    assert arm.blobs.containers == {("sttest001", "one")}
    assert arm.ok("GET", f"{SUB}/providers/Microsoft.Storage/deletedAccounts")["value"] == []


def test_a_new_account_ends_the_recovery_of_the_old_one(arm: Arm) -> None:
    make_account(arm)
    arm.ok("PUT", f"{ACCOUNT}/blobServices/default/containers/one", {"properties": {}})
    arm.ok("DELETE", ACCOUNT)
    created = deleted_account(arm)["creationTime"]
    make_account(arm)
    assert arm.blobs.containers == set()
    assert arm.ok("GET", f"{SUB}/providers/Microsoft.Storage/deletedAccounts")["value"] == []
    arm.ok("DELETE", ACCOUNT)
    again = {**PLAIN, "properties": {"deletedAccountCreationTime": created}}
    assert arm.refused("PUT", ACCOUNT, again) == (404, "DeletedAccountNotFound")


def test_a_deleted_account_is_kept_for_fourteen_days(arm: Arm) -> None:
    make_account(arm)
    arm.ok("PUT", f"{ACCOUNT}/blobServices/default/containers/one", {"properties": {}})
    arm.ok("DELETE", ACCOUNT)
    kept = arm.store.document("deleted-account", "sttest001")
    assert kept is not None
    long_ago = datetime.fromisoformat(kept["deleted"]) - timedelta(days=15)
    arm.store.put_document("deleted-account", "sttest001", {**kept, "deleted": long_ago.isoformat()})
    assert arm.ok("GET", f"{SUB}/providers/Microsoft.Storage/deletedAccounts")["value"] == []
    other = ACCOUNT.replace("sttest001", "sttest002")
    arm.ok("PUT", other, {**PLAIN, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}})
    arm.ok("DELETE", other)
    assert arm.blobs.containers == set()
