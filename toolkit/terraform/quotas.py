"""Cores that one node of a compute cluster or of a Batch pool takes: whether the quota has them is asked before.

Azure Machine Learning refuses a cluster whose quota is below one node, with no node asked for either
(https://github.com/Azure/mlops-v2/issues/81), after most of the platform is made. Batch makes the pool, which then
never gets a node (https://learn.microsoft.com/troubleshoot/azure/hpc/batch/azure-batch-pool-resizing-failure).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS, CORE_QUOTAS_API_VERSION
from toolkit.azure.arm import arm_client
from toolkit.environment import Environment
from toolkit.errors import ToolkitError
from toolkit.terraform.plan import azure_body, azure_type
from toolkit.terraform.reads import Read, pages, reader
from toolkit.terraform.session import Session

_LEARNING = "Microsoft.MachineLearningServices"
_CLUSTERS = f"{_LEARNING}/workspaces/computes"
_POOLS = "Microsoft.Batch/batchAccounts/pools"
_ACCOUNTS = "microsoft.batch/batchaccounts"
# The cores of all families together, as https://learn.microsoft.com/cli/azure/quota names the second.
_TOTALS = {"Dedicated": "TotalDedicatedCores", "LowPriority": "TotalLowPriorityCores"}


@dataclass(frozen=True, slots=True)
class Nodes:
    """A cluster or a pool of the plan. ``account``: the Batch account's id, where it is there already."""

    address: str
    name: str
    vm_size: str
    priority: str = "Dedicated"
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Size:
    family: str
    cores: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """A limit, by the quota's name, that is below the cores of one node."""

    nodes: Nodes
    cores: int
    quota: str
    limit: int
    location: str

    def __str__(self) -> str:
        account = self.nodes.account
        owner = f"the Batch account {account.rsplit('/', 1)[1]}" if account else "Azure Machine Learning"
        return (
            f"{self.nodes.address}: one node of {self.nodes.name} ({self.nodes.vm_size}) takes {self.cores} cores of "
            f"{self.quota}, of which {owner} has {self.limit} in {self.location}"
        )


def refuse_small_quotas(session: Session, document: dict[str, Any]) -> None:
    """Raises ToolkitError when a quota does not cover one node of what the plan ``document`` makes or changes.

    What cannot be seen (an identity that may not look, a size that Azure does not list) is said, and left to Azure.
    """
    wanted = planned_nodes(document)
    if not wanted:
        return
    environment = session.environment
    with arm_client(session.connection) as client:
        found, unknown = shortages(
            wanted, environment.subscription_id, environment.location, reader(client, "the quotas")
        )
    for line in unknown:
        session.observer.note(line)
    if found:
        raise ToolkitError(
            f"nothing was changed in {environment.name}: the quota is below one node\n"
            + "\n".join(f"  {shortage}" for shortage in found),
            hint=hint(found, environment),
        )


def hint(found: list[Shortage], environment: Environment) -> str:
    """The ways out: more quota, or another size.

    https://learn.microsoft.com/cli/azure/quota, https://learn.microsoft.com/azure/batch/batch-quota-limit
    """
    scope = f"/subscriptions/{environment.subscription_id}/providers/{_LEARNING}/locations/{environment.location}"
    needed: dict[tuple[str, str], int] = {}
    for one in found:
        if one.nodes.account is None:
            key = (one.quota, one.nodes.priority[0].lower() + one.nodes.priority[1:])
            needed[key] = max(one.cores, needed.get(key, 0))
    ways = [
        f"az quota create --resource-name {name} --resource-type {kind} --limit-object value={cores} --scope {scope}"
        for (name, kind), cores in needed.items()
    ]
    if ways:
        ways[0] = f"ask for quota at https://ml.azure.com/quota or with {ways[0]}"
    if any(one.nodes.account for one in found):
        ways.append("ask for quota in the portal: the Batch account's page Quotas, Request quota increase")
    ways.append(f"or choose another vm_size in envs/{environment.data_name}/terraform.tfvars")
    if environment.target == "sandbox":
        ways.append(f"or give it to the sandbox: [sandbox] core_quotas in envs/{environment.data_name}/env.toml")
    return "; ".join(ways)


def planned_nodes(document: dict[str, Any]) -> list[Nodes]:
    """The clusters, compute instances and pools that a plan makes or changes."""
    found = []
    for item in document.get("resource_changes", []):
        after = item["change"].get("after") or {}
        kind = azure_type(after)
        if item["type"] != "azapi_resource" or kind not in (_CLUSTERS, _POOLS):
            continue
        if not {"create", "update"} & set(item["change"]["actions"]):
            continue
        properties = azure_body(after).get("properties") or {}
        if kind == _CLUSTERS and properties.get("computeType") in ("AmlCompute", "ComputeInstance"):
            inner = properties.get("properties") or {}
            priority = inner.get("vmPriority") or "Dedicated"
            found.append(Nodes(item["address"], after["name"], inner.get("vmSize") or "", priority))
        elif kind == _POOLS and after.get("parent_id"):  # a new account's quota is known once it is there
            size = properties.get("vmSize") or ""
            found.append(Nodes(item["address"], after["name"], size, account=after["parent_id"]))
    return [nodes for nodes in found if nodes.vm_size]


def shortages(wanted: list[Nodes], subscription: str, location: str, read: Read) -> tuple[list[Shortage], list[str]]:
    """What does not fit, and what nobody can know before, as sentences."""
    base = f"/subscriptions/{subscription}/providers/{_LEARNING}/locations/{location}"
    sizes = _sizes(pages(read, f"{base}/vmSizes?api-version={CORE_QUOTAS_API_VERSION}"))
    usages = pages(read, f"{base}/usages?api-version={CORE_QUOTAS_API_VERSION}")
    found: list[Shortage] = []
    unknown: list[str] = []
    for nodes in wanted:
        size = sizes.get(nodes.vm_size.lower()) if sizes is not None else None
        limits = None
        if size is not None and nodes.account:
            limits = _batch_limits(read(f"{nodes.account}?api-version={API_VERSIONS[_ACCOUNTS]}"), size)
        elif size is not None:
            limits = _cluster_limits(usages, size, nodes.priority)
        if size is None or limits is None:
            reason = f"{location} does not list {nodes.vm_size}" if sizes and size is None else "it may not be read"
            unknown.append(f"the quota of {nodes.name} was not checked: {reason}")
            continue
        if not nodes.account and _key(size.family) not in map(_key, limits):
            unknown.append(f"the quota of {nodes.name} was not checked: {location} has no limit for {size.family}")
        found += [
            Shortage(nodes, size.cores, quota, limit, location)
            for quota, limit in limits.items()
            if 0 <= limit < size.cores
        ]
    return found, unknown


def limits_of(
    wanted: list[Nodes], subscription: str, location: str, read: Read
) -> dict[str, dict[str, tuple[int, int]]]:
    """By address and quota: its limit, and the cores that one node takes. What may not be read is left out."""
    base = f"/subscriptions/{subscription}/providers/{_LEARNING}/locations/{location}"
    sizes = _sizes(pages(read, f"{base}/vmSizes?api-version={CORE_QUOTAS_API_VERSION}")) or {}
    usages = pages(read, f"{base}/usages?api-version={CORE_QUOTAS_API_VERSION}")
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for nodes in wanted:
        if (size := sizes.get(nodes.vm_size.lower())) is None:
            continue
        if nodes.account:
            limits = _batch_limits(read(f"{nodes.account}?api-version={API_VERSIONS[_ACCOUNTS]}"), size)
        else:
            limits = _cluster_limits(usages, size, nodes.priority)
        found[nodes.address] = {quota: (limit, size.cores) for quota, limit in (limits or {}).items()}
    return found


def _sizes(listed: list[dict[str, Any]] | None) -> dict[str, Size] | None:
    """https://learn.microsoft.com/rest/api/azureml/virtual-machine-sizes/list, which says a size's family, too."""
    return None if listed is None else {item["name"].lower(): Size(item["family"], item["vCPUs"]) for item in listed}


def _cluster_limits(usages: list[dict[str, Any]] | None, size: Size, priority: str) -> Mapping[str, int] | None:
    """The family's and the region's: rows of dedicated and of low-priority cores differ in their type only; -1 is no
    limit. https://learn.microsoft.com/rest/api/azureml/usages/list
    """
    if usages is None:
        return None
    names, cores = {_key(_TOTALS[priority]), _key(size.family)}, f"/{priority}cores/".lower()
    return {
        usage["name"]["value"]: usage["limit"]
        for usage in usages
        if _key(usage["name"]["value"]) in names and cores in usage["type"].lower()
    }


def _batch_limits(account: dict[str, Any] | None, size: Size) -> Mapping[str, int] | None:
    """https://learn.microsoft.com/rest/api/batchmanagement/batch-account/get: none of a user subscription's account."""
    if account is None:
        return None
    properties = account["properties"]
    limits = {"all families": properties["dedicatedCoreQuota"]} if "dedicatedCoreQuota" in properties else {}
    if properties.get("dedicatedCoreQuotaPerVMFamilyEnforced"):
        for family in properties.get("dedicatedCoreQuotaPerVMFamily") or []:
            if _key(family["name"]) == _key(size.family):
                limits[family["name"]] = family["coreQuota"]
    return limits


def _key(name: str) -> str:
    """Azure spells one family differently from place to place: "Standard NCASv3_T4 Family", standardNCASv3_T4Family."""
    return name.lower().replace(" ", "")
