"""Which clusters and pools a quota refuses, and what is said about it, from the sandbox's answers and others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from toolkit.environment import load_environment
from toolkit.sandbox.arm.quotas import list_usages, list_vm_sizes
from toolkit.sandbox.vm_sizes import FAMILIES, VM_SIZES
from toolkit.terraform.quotas import Nodes, hint, planned_nodes, shortages

SUBSCRIPTION = "10ca1000-0000-4000-8000-000000000002"
ACCOUNT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/ba"
GPU = "Standard_NC4as_T4_v3"
CLUSTERS = "Microsoft.MachineLearningServices/workspaces/computes@2024-04-01"
POOLS = "Microsoft.Batch/batchAccounts/pools@2024-02-01"


class Granted:
    def __init__(self, **quotas: int) -> None:
        self.quotas = quotas

    def core_quotas(self, subscription_id: str) -> dict[str, int]:
        return self.quotas


def azure(account: dict[str, Any] | None = None, hidden: str = "nothing", **quotas: int) -> Any:
    def read(path: str) -> dict[str, Any] | None:
        if hidden in path:
            return None
        if "/batchAccounts/" in path:
            return {"properties": account or {}}
        directory: Any = Granted(**quotas)
        listed = list_vm_sizes() if "/vmSizes" in path else list_usages(directory, SUBSCRIPTION, "westeurope")
        return {"value": listed}

    return read


def problems(nodes: Nodes, read: Any) -> list[tuple[str, int, int]]:
    found, unknown = shortages([nodes], SUBSCRIPTION, "westeurope", read)
    assert not unknown
    return [(one.quota, one.cores, one.limit) for one in found]


def change(kind: str, properties: dict[str, Any], *actions: str, **more: Any) -> dict[str, Any]:
    after = {"type": kind, "name": "n", "body": {"properties": properties}, **more}
    return {"address": "a", "type": "azapi_resource", "change": {"actions": list(actions), "after": after}}


@pytest.mark.parametrize("size", VM_SIZES, ids=lambda size: size.name)
def test_one_node_needs_its_cores_of_its_family(size: Any) -> None:
    for sent in (size.name, size.name.upper()):
        nodes = Nodes("a", "n", sent)
        less = {size.family: size.cores - 1}
        assert problems(nodes, azure(**less)) == [(size.family, size.cores, size.cores - 1)]
        assert problems(nodes, azure(**{size.family: size.cores})) == []
        assert problems(nodes, azure(**{size.family: -1})) == []
        assert problems(nodes, azure()) == ([(size.family, size.cores, 0)] if size.gpus else [])


def test_the_total_counts_and_low_priority_has_a_total_only() -> None:
    nodes = Nodes("a", "n", "Standard_D4s_v5")
    assert problems(nodes, azure(TotalDedicatedCores=2)) == [("TotalDedicatedCores", 4, 2)]
    assert problems(replace(nodes, priority="LowPriority"), azure(standardDSv5Family=0)) == []
    spot = Nodes("a", "n", GPU, "LowPriority")
    assert problems(spot, azure()) == []
    assert problems(spot, azure(TotalLowPriorityCores=0)) == [("TotalLowPriorityCores", 4, 0)]


def test_a_pool_needs_cores_of_its_account() -> None:
    pool = Nodes("a", "n", GPU.upper(), account=ACCOUNT)
    family = [{"name": "Standard NCASv3_T4 Family", "coreQuota": 0}]
    enforced = {"dedicatedCoreQuotaPerVMFamilyEnforced": True, "dedicatedCoreQuotaPerVMFamily": family}
    assert problems(pool, azure({"dedicatedCoreQuota": 100, **enforced})) == [("Standard NCASv3_T4 Family", 4, 0)]
    loose = {**enforced, "dedicatedCoreQuotaPerVMFamilyEnforced": False}
    assert problems(pool, azure({"dedicatedCoreQuota": 100, **loose})) == []
    assert problems(pool, azure({"dedicatedCoreQuota": 2, **loose})) == [("all families", 4, 2)]
    assert problems(pool, azure({})) == []  # in a user's subscription


@pytest.mark.parametrize(
    ("nodes", "hidden", "reason"),
    [
        (Nodes("a", "n", "Standard_Unheard_v9"), "nothing", "westeurope does not list Standard_Unheard_v9"),
        (Nodes("a", "n", GPU), "/vmSizes", "it may not be read"),
        (Nodes("a", "n", GPU), "/usages", "it may not be read"),
        (Nodes("a", "n", GPU, account=ACCOUNT), "/batchAccounts/", "it may not be read"),
    ],
)
def test_what_cannot_be_known_is_said_and_left_to_azure(nodes: Nodes, hidden: str, reason: str) -> None:
    found, unknown = shortages([nodes], SUBSCRIPTION, "westeurope", azure(hidden=hidden))
    assert (found, unknown) == ([], [f"the quota of n was not checked: {reason}"])


def test_a_family_without_a_limit_is_said() -> None:
    def read(path: str) -> Any:
        answer = azure()(path)
        return {"value": [item for item in answer["value"] if "T4" not in str(item.get("id"))]}

    found, unknown = shortages([Nodes("a", "n", GPU)], SUBSCRIPTION, "westeurope", read)
    assert (found, unknown) == (
        [],
        ["the quota of n was not checked: westeurope has no limit for standardNCASv3_T4Family"],
    )


def test_what_a_plan_makes_or_changes_is_looked_at() -> None:
    cluster = {"computeType": "AmlCompute", "properties": {"vmSize": GPU, "vmPriority": "LowPriority"}}
    document = {
        "resource_changes": [
            change(CLUSTERS, cluster, "create"),
            change(CLUSTERS, cluster, "delete", "create"),
            change(CLUSTERS, cluster, "no-op"),
            change(CLUSTERS, {"computeType": "ComputeInstance", "properties": {"vmSize": GPU}}, "create"),
            change(POOLS, {"vmSize": GPU.upper()}, "update", parent_id=ACCOUNT),
            change(POOLS, {"vmSize": GPU.upper()}, "create"),  # its account is new
            change("Microsoft.Authorization/policyAssignments@2024-04-01", {}, "create", body='{"as": "text"}'),
            {"address": "d", "type": "azapi_resource", "change": {"actions": ["delete"], "after": None}},
        ]
    }
    found = planned_nodes(document)
    clusters = [Nodes("a", "n", GPU, "LowPriority")] * 2
    assert found == [*clusters, Nodes("a", "n", GPU), Nodes("a", "n", GPU.upper(), account=ACCOUNT)]


def test_the_message_names_the_way_out() -> None:
    wanted = [Nodes("a", "gpu", GPU), Nodes("b", "gpu2", "Standard_NC8as_T4_v3")]
    found, _ = shortages(wanted, SUBSCRIPTION, "westeurope", azure())
    assert [str(one) for one in found] == [
        f"a: one node of gpu ({GPU}) takes 4 cores of standardNCASv3_T4Family, of which Azure Machine Learning has 0 "
        "in westeurope",
        "b: one node of gpu2 (Standard_NC8as_T4_v3) takes 8 cores of standardNCASv3_T4Family, of which Azure Machine "
        "Learning has 0 in westeurope",
    ]
    assert hint(found, load_environment("local")) == (
        "ask for quota at https://ml.azure.com/quota or with az quota create --resource-name standardNCASv3_T4Family "
        "--resource-type dedicated --limit-object value=8 --scope "
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/locations/westeurope; or choose "
        "another vm_size in envs/local/terraform.tfvars; or give it to the sandbox: [sandbox] core_quotas in "
        "envs/local/env.toml"
    )


def test_the_table_names_each_size_once() -> None:
    assert len({size.name.lower() for size in VM_SIZES}) == len(VM_SIZES)
    assert all(family.startswith("standard") for family in FAMILIES)
