"""Azure Machine Learning's sizes and core quotas of a region, and its refusal of a cluster that no node would fit.

``name.value`` is a family or a total, and the type tells dedicated from low-priority rows of the same name; -1 is no
limit: https://learn.microsoft.com/rest/api/azureml/usages/list. Low-priority cores have one limit for all families.
"""

from __future__ import annotations

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.vm_sizes import FAMILIES, TOTAL_DEDICATED, TOTAL_LOW_PRIORITY, VM_SIZES, limits, vm_size
from toolkit.sandbox.world import Directory

_PROVIDER = "Microsoft.MachineLearningServices"


def list_vm_sizes() -> list[Json]:
    return [
        {
            "name": size.name,
            "family": size.family,
            "vCPUs": size.cores,
            "gpus": size.gpus,
            "lowPriorityCapable": True,
            "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
        }
        for size in VM_SIZES
    ]


def list_usages(directory: Directory, subscription_id: str, location: str) -> list[Json]:
    """What is used is not counted: nodes do not run here."""
    limit = limits(directory.core_quotas(subscription_id))
    rows = [("dedicatedCores", TOTAL_DEDICATED), ("lowPriorityCores", TOTAL_LOW_PRIORITY)]
    found = [_usage(subscription_id, location, kind, name, limit[name]) for kind, name in rows]
    for family in FAMILIES:
        found.append(_usage(subscription_id, location, "vmFamily/dedicatedCores", family, limit[family]))
        found.append(_usage(subscription_id, location, "vmFamily/lowPriorityCores", family, -1))
    return found


def _usage(subscription_id: str, location: str, kind: str, name: str, limit: int) -> Json:
    return {
        "id": f"/subscriptions/{subscription_id}/providers/{_PROVIDER}/locations/{location}/usages/{name}",
        "type": f"{_PROVIDER}/{kind}/usages",
        "unit": "Count",
        "currentValue": 0,
        "limit": limit,
        "name": {"value": name, "localizedValue": name},
    }


def require_one_node(call: Call, inner: Json) -> None:
    """A cluster whose quota is below one node is refused, with no node asked for either.

    The sentence: https://github.com/Azure/mlops-v2/issues/81; its code, ClusterMinNodesExceedCoreQuota:
    https://github.com/ansible-collections/azure/pull/2209.
    """
    size = vm_size(str(inner.get("vmSize", "")))
    if size is None or call.id.subscription_id is None:
        return  # not in the sandbox's table
    limit = limits(call.resources.world.directory.core_quotas(call.id.subscription_id))
    if inner.get("vmPriority") == "LowPriority":
        rows = [("total", TOTAL_LOW_PRIORITY)]
    else:
        rows = [("total", TOTAL_DEDICATED), (size.family, size.family)]
    for shown, name in rows:
        if 0 <= limit[name] < size.cores:
            raise bad_request(
                "ClusterMinNodesExceedCoreQuota",
                f"The specified subscription has a {shown} vCPU quota of {limit[name]} and cannot accomodate for at "
                f"least 1 requested managed compute nodes which maps to {size.cores} vCPUs.",
            )
