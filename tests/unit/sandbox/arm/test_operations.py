"""Long-running operations, with a clock that the test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUB, Arm, Clock, build
from toolkit.sandbox.arm.operations import realistic
from toolkit.sandbox.store import Store
from toolkit.sandbox.world import BlobsUnavailable

VNET = f"{RG}/providers/Microsoft.Network/virtualNetworks/vnet"
ACCOUNT = f"{RG}/providers/Microsoft.Storage/storageAccounts/sttest001"
NETWORK = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
STORAGE = {"location": "westeurope", "sku": {"name": "Standard_LRS"}}


def path_of(url: str) -> str:
    return url.removeprefix("https://management.azure.com").split("?")[0]


def make(store: Store, clock: Clock) -> Arm:
    arm = build(store, realistic(), clock)
    arm.ok("PUT", RG, {"location": "westeurope"})
    return arm


def test_async_operation_of_a_network() -> None:
    clock = Clock()
    arm = make(Store(":memory:"), clock)
    started = arm("PUT", VNET, NETWORK)
    assert started.status_code == 201
    assert started.json()["properties"]["provisioningState"] == "Updating"
    assert int(started.headers["Retry-After"]) >= 1
    operation = path_of(started.headers["Azure-AsyncOperation"])
    running = arm("GET", operation)
    assert running.json()["status"] == "InProgress"
    assert "Retry-After" in running.headers
    clock.now += 6
    assert arm.ok("GET", operation)["status"] == "Succeeded"
    assert arm.ok("GET", VNET)["properties"]["provisioningState"] == "Succeeded"


def test_location_of_a_storage_account() -> None:
    clock = Clock()
    arm = make(Store(":memory:"), clock)
    started = arm("PUT", ACCOUNT, STORAGE)
    assert started.status_code == 202
    assert not started.content
    location = path_of(started.headers["Location"])
    assert arm("GET", location).status_code == 202
    clock.now += 21
    finished = arm("GET", location)
    assert (finished.status_code, finished.json()["name"]) == (200, "sttest001")


def test_delete_takes_its_time_and_survives_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    arm = make(Store(tmp_path / "state.sqlite3"), clock)
    arm.ok("PUT", VNET, NETWORK)
    clock.now += 6
    started = arm("DELETE", RG)
    assert started.status_code == 202
    assert arm.ok("GET", RG)["properties"]["provisioningState"] == "Deleting"

    again = build(
        Store(tmp_path / "state.sqlite3"), realistic(), clock
    )  # the process died; another one opens the store
    result = path_of(started.headers["Location"])
    assert again("GET", result).status_code == 202
    clock.now += 61
    assert again("GET", result).status_code == 204
    assert again("GET", RG).status_code == 404
    assert again.store.under(RG) == []


def test_failed_operation_is_reported_by_the_operation(arm: Arm) -> None:
    arm.ok("PUT", VNET, NETWORK)
    zones = [f"{RG}/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"]
    other = f"{RG}-2"
    arm.ok("PUT", other, {"location": "westeurope"})
    zones.append(zones[0].replace(RG, other))
    link = {"location": "global", "properties": {"virtualNetwork": {"id": VNET}}}
    for zone in zones:
        arm.ok("PUT", zone, {"location": "global"})
    arm.ok("PUT", f"{zones[0]}/virtualNetworkLinks/one", link)
    refused = arm("PUT", f"{zones[1]}/virtualNetworkLinks/two", link)
    assert refused.status_code == 202
    status = arm.ok("GET", path_of(refused.headers["Azure-AsyncOperation"]))
    assert status["status"] == "Failed"
    assert status["error"]["code"] == "BadRequest"
    assert "overlapping namespaces" in status["error"]["message"]
    assert arm("GET", f"{zones[1]}/virtualNetworkLinks/two").status_code == 404
    assert arm.refused("DELETE", zones[0]) == (409, "CannotDeleteResource")


def test_an_operation_that_cannot_be_finished_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azurite may be starting again when a deletion is due; who asks for something else does not hear of it."""
    clock = Clock()
    arm = make(Store(":memory:"), clock)
    arm.ok("PUT", ACCOUNT, STORAGE)
    clock.now += 21
    arm.ok("PUT", f"{ACCOUNT}/blobServices/default/containers/state", {})
    started = arm("DELETE", RG)
    clock.now += 61

    def unavailable(account: str, new: str) -> None:
        raise BlobsUnavailable("Azurite is not running")

    with monkeypatch.context() as down:
        down.setattr(arm.blobs, "rename_account", unavailable)
        assert arm.ok("GET", SUB, version="2022-12-01")["state"] == "Enabled"
        assert arm.ok("GET", RG)["properties"]["provisioningState"] == "Deleting"
    clock.now += 3
    assert arm("GET", path_of(started.headers["Location"])).status_code == 204
    assert arm("GET", RG).status_code == 404
    assert [name for _, name in arm.blobs.containers] == ["state"]
    assert not arm.blobs.holds(ACCOUNT.rpartition("/")[2])


def test_blobs_that_are_unavailable_are_no_bug_of_the_sandbox(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unavailable(account: str, container: str) -> None:
        raise BlobsUnavailable("Azurite is not running")

    arm.ok("PUT", ACCOUNT, STORAGE)
    monkeypatch.setattr(arm.blobs, "create_container", unavailable)
    assert arm.refused("PUT", f"{ACCOUNT}/blobServices/default/containers/state", {}) == (503, "ServerBusy")


def test_nothing_is_written_into_what_is_being_deleted() -> None:
    clock = Clock()
    arm = make(Store(":memory:"), clock)
    arm.ok("PUT", VNET, NETWORK)
    clock.now += 6
    arm("DELETE", VNET)
    assert arm.refused("PUT", VNET, NETWORK) == (409, "AnotherOperationInProgress")
    assert arm.refused("PATCH", VNET, {"tags": {"a": "b"}}) == (409, "AnotherOperationInProgress")
    clock.now += 11
    assert arm("GET", VNET).status_code == 404
    arm("DELETE", RG)
    assert arm.refused("PUT", VNET, NETWORK) == (409, "ResourceGroupBeingDeleted")
    assert arm.refused("PUT", RG, {"location": "westeurope"}) == (409, "ResourceGroupBeingDeleted")
    clock.now += 61
    arm.ok("PUT", RG, {"location": "westeurope"})
    arm.ok("PUT", VNET, NETWORK)
