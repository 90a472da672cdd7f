"""Core quotas: what a region's usages say is what a cluster is refused by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sandbox.arm.conftest import SUB, SUBSCRIPTION, TENANT, Arm
from tests.unit.sandbox.arm.test_platform import ACCOUNT
from tests.unit.sandbox.arm.test_workspaces import WORKSPACE, make_workspace
from toolkit.sandbox.vm_sizes import VM_SIZES

assert ACCOUNT  # of the workspace
LOCATION = f"{SUB}/providers/Microsoft.MachineLearningServices/locations/westeurope"
REFUSED = (400, "ClusterMinNodesExceedCoreQuota")


def cluster(size: str, priority: str = "Dedicated") -> Any:
    scale = {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    inner = {"vmSize": size, "vmPriority": priority, "scaleSettings": scale}
    return {"location": "westeurope", "properties": {"computeType": "AmlCompute", "properties": inner}}


def grant(arm: Arm, **quotas: int) -> None:
    arm.directory.add_subscription(SUBSCRIPTION, TENANT, "test", quotas)


def dedicated(arm: Arm) -> dict[str, int]:
    return {
        usage["name"]["value"]: usage["limit"]
        for usage in arm.ok("GET", f"{LOCATION}/usages")["value"]
        if "dedicatedCores" in usage["type"]
    }


@pytest.mark.parametrize("size", VM_SIZES, ids=lambda size: size.name)
def test_a_cluster_needs_the_cores_of_one_node(arm: Arm, size: Any) -> None:
    make_workspace(arm)
    compute = f"{WORKSPACE}/computes/one"
    grant(arm, **{size.family: size.cores - 1})
    assert dedicated(arm)[size.family] == size.cores - 1
    assert arm.refused("PUT", compute, cluster(size.name)) == REFUSED
    grant(arm, **{size.family: size.cores})
    arm.ok("PUT", compute, cluster(size.name.upper()))


def test_totals_count_and_low_priority_has_no_family(arm: Arm) -> None:
    make_workspace(arm)
    compute = f"{WORKSPACE}/computes/one"
    assert arm.refused("PUT", compute, cluster("Standard_NC4as_T4_v3")) == REFUSED
    grant(arm, TotalLowPriorityCores=2)
    assert arm.refused("PUT", compute, cluster("Standard_NC4as_T4_v3", "LowPriority")) == REFUSED
    grant(arm, TotalDedicatedCores=2)
    assert arm.refused("PUT", compute, cluster("Standard_D4s_v5")) == REFUSED
    arm.ok("PUT", compute, cluster("Standard_NC4as_T4_v3", "LowPriority"))


def test_sizes_say_their_family_and_only_readers_see_them(arm: Arm) -> None:
    listed = {size["name"]: (size["family"], size["vCPUs"]) for size in arm.ok("GET", f"{LOCATION}/vmSizes")["value"]}
    assert listed["Standard_NC4as_T4_v3"] == ("standardNCASv3_T4Family", 4)
    assert {family for family, _ in listed.values()} <= set(dedicated(arm))
    nobody = arm.directory.create_managed_identity(f"{SUB}/nobody", TENANT).object_id
    for path in ("usages", "vmSizes"):
        assert arm.refused("GET", f"{LOCATION}/{path}", principal=nobody) == (403, "AuthorizationFailed")


def test_a_batch_account_has_the_subscriptions_families(arm: Arm) -> None:
    grant(arm, standardNCASv3_T4Family=8)
    account = f"{SUB}/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/batest"
    arm.ok("PUT", f"{SUB}/resourceGroups/rg", {"location": "westeurope"})
    arm.ok("PUT", account, {"location": "westeurope", "properties": {}})
    properties = arm.ok("GET", account)["properties"]
    assert properties["dedicatedCoreQuotaPerVMFamilyEnforced"] is True
    assert {"name": "standardNCASv3_T4Family", "coreQuota": 8} in properties["dedicatedCoreQuotaPerVMFamily"]
