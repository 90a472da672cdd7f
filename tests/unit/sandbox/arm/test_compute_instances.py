"""Compute instances, who reaches a workspace, and where serverless compute stands: what Azure refuses of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import RG, Arm
from tests.unit.sandbox.arm.test_managed_networks import WORKSPACE, body, make_parts

INSTANCE = f"{WORKSPACE}/computes/ci-anna"
ANNA = {"objectId": "00000000-0000-4000-8000-000000000001", "tenantId": "00000000-0000-4000-8000-0000000000aa"}
BEN = {**ANNA, "objectId": "00000000-0000-4000-8000-000000000002"}


def instance(user: dict[str, str] | None = None, **properties: Any) -> dict[str, Any]:
    inner = {
        "vmSize": "Standard_D2s_v5",
        "enableNodePublicIp": False,
        "sshSettings": {"sshPublicAccess": "Disabled"},
        "personalComputeInstanceSettings": {"assignedUser": user or ANNA},
        **properties,
    }
    return {"location": "westeurope", "properties": {"computeType": "ComputeInstance", "properties": inner}}


@pytest.fixture
def workspace(arm: Arm) -> Arm:
    make_parts(arm, "none")
    arm.ok("PUT", WORKSPACE, body("none"))
    return arm


def test_an_instance_is_made_and_written_again(workspace: Arm) -> None:
    made = workspace.ok("PUT", INSTANCE, instance(idleTimeBeforeShutdown="PT60M"))["properties"]["properties"]
    assert (made["state"], made["idleTimeBeforeShutdown"]) == ("Running", "PT1H")
    workspace.ok("PUT", INSTANCE, instance(idleTimeBeforeShutdown="PT2H"))


@pytest.mark.parametrize(
    "change",
    [
        {"vmSize": "Standard_D4s_v5"},
        {"user": BEN},
        {"enableNodePublicIp": True},
        {"sshSettings": {"sshPublicAccess": "Enabled"}},
        {"subnet": {"id": f"{RG}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_machine_and_its_person_stay(workspace: Arm, change: dict[str, Any]) -> None:
    workspace.ok("PUT", INSTANCE, instance())
    assert workspace.refused("PUT", INSTANCE, instance(**change)) == (400, "BadRequest")


@pytest.mark.parametrize("idle", ["PT5M", "P4D", "an hour"])
def test_idle_shutdown_is_between_a_quarter_of_an_hour_and_three_days(workspace: Arm, idle: str) -> None:
    assert workspace.refused("PUT", INSTANCE, instance(idleTimeBeforeShutdown=idle)) == (400, "BadRequest")


def test_what_an_instance_needs(workspace: Arm) -> None:
    assert workspace.refused("PUT", INSTANCE, instance(vmSize="")) == (400, "BadRequest")
    assert workspace.refused("PUT", INSTANCE, instance({"objectId": "anna"})) == (400, "BadRequest")
    gpu = instance(vmSize="Standard_NC4as_T4_v3")
    assert workspace.refused("PUT", INSTANCE, gpu) == (400, "ClusterMinNodesExceedCoreQuota")


@pytest.mark.parametrize(
    "properties",
    [
        {"ipAllowlist": ["10.0.0.4"]},
        {"ipAllowlist": ["203.0.113.7", "somewhere"]},
        {"serverlessComputeSettings": {"serverlessComputeCustomSubnet": f"{RG}/…/subnets/s"}},
    ],
)
def test_a_workspace_that_azure_refuses(workspace: Arm, properties: dict[str, Any]) -> None:
    refused = body("none")
    refused["properties"] |= properties
    assert workspace.refused("PUT", WORKSPACE, refused) == (400, "ValidationError")


def test_a_workspace_with_addresses_and_serverless_compute(workspace: Arm) -> None:
    sent = body("none")
    sent["properties"] |= {
        "ipAllowlist": ["203.0.113.0/24"],
        "serverlessComputeSettings": {"serverlessComputeNoPublicIP": True},
    }
    assert workspace.ok("PUT", WORKSPACE, sent)["properties"]["ipAllowlist"] == ["203.0.113.0/24"]
