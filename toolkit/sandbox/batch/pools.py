"""Pools as the data plane shows them, and how many nodes they have.

https://learn.microsoft.com/rest/api/batchservice/pool/get and …/compute-node. ARM makes them; the sandbox evaluates no
formula: a pool that scales by one has up to as many nodes as its formula's ``min(N, …)`` allows, and as many as tasks
need (inferred where a formula has no such limit: one).
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from toolkit.records import Json
from toolkit.sandbox.batch.errors import BatchError
from toolkit.sandbox.store import Resource, Store

_TYPE: Final = "Microsoft.Batch/batchAccounts/pools"
_LIMIT: Final = re.compile(r"\$TargetDedicatedNodes\s*=\s*min\(\s*(\d+)", re.IGNORECASE)


def pool_of(store: Store, account_id: str, pool_id: str) -> Resource | None:
    return store.get(f"{account_id}/pools/{pool_id}")


def require_pool(store: Store, account_id: str, pool_id: str) -> Resource:
    pool = pool_of(store, account_id, pool_id)
    if pool is None:
        raise BatchError(404, "PoolNotFound", "The specified pool does not exist.")
    return pool


def pools_of(store: Store, account_id: str) -> list[Resource]:
    return store.under(account_id, _TYPE)


def most_nodes(pool: Resource) -> int:
    scale = pool.properties.get("scaleSettings") or {}
    if scale.get("autoScale"):
        found = _LIMIT.search(str(scale["autoScale"].get("formula", "")))
        return int(found[1]) if found else 1
    fixed = scale.get("fixedScale") or {}
    return int(fixed.get("targetDedicatedNodes") or 0) + int(fixed.get("targetLowPriorityNodes") or 0)


def slots_per_node(pool: Resource) -> int:
    return int(pool.properties.get("taskSlotsPerNode") or 1)


def packs(pool: Resource) -> bool:
    """Whether tasks fill a node before the next one gets any."""
    return str((pool.properties.get("taskSchedulingPolicy") or {}).get("nodeFillType", "Spread")).lower() == "pack"


def node_id(pool: Resource, number: int) -> str:
    digest = hashlib.sha256(pool.id.lower().encode()).hexdigest()
    return f"tvmps_{digest}_d" if number == 0 else f"tvmps_{digest[:60]}{number:04d}_d"


def identities_of(pool: Resource) -> list[str]:
    return list((pool.body.get("identity") or {}).get("userAssignedIdentities") or {})


def in_network(pool: Resource) -> bool:
    return bool((pool.properties.get("networkConfiguration") or {}).get("subnetId"))


def shown_pool(pool: Resource, host: str, nodes: int) -> Json:
    properties = pool.properties
    scale = properties.get("scaleSettings") or {}
    auto = scale.get("autoScale")
    fixed = scale.get("fixedScale") or {}
    network = dict(properties.get("networkConfiguration") or {})
    machine = (properties.get("deploymentConfiguration") or {}).get("virtualMachineConfiguration")
    created = str(properties.get("creationTime") or "2024-01-01T00:00:00Z")
    return {
        "id": pool.name,
        "url": f"https://{host}/pools/{pool.name}",
        "eTag": pool.etag.strip('"'),
        "lastModified": str(properties.get("lastModified") or created),
        "creationTime": created,
        "state": "active",
        "stateTransitionTime": created,
        "allocationState": str(properties.get("allocationState", "Steady")).lower(),
        "allocationStateTransitionTime": created,
        "vmSize": str(properties.get("vmSize", "")).lower(),
        **({"virtualMachineConfiguration": machine} if machine else {}),
        "currentDedicatedNodes": nodes,
        "targetDedicatedNodes": nodes if auto else int(fixed.get("targetDedicatedNodes") or 0),
        "currentLowPriorityNodes": 0,
        "targetLowPriorityNodes": 0 if auto else int(fixed.get("targetLowPriorityNodes") or 0),
        "enableAutoScale": bool(auto),
        **({"autoScaleFormula": auto.get("formula"), "autoScaleEvaluationInterval": auto.get("evaluationInterval")}
           if auto else {}),
        "enableInterNodeCommunication": False,
        "taskSlotsPerNode": slots_per_node(pool),
        "taskSchedulingPolicy": {"nodeFillType": "pack" if packs(pool) else "spread"},
        **({"networkConfiguration": network} if network else {}),
        **({"identity": _identity(pool)} if identities_of(pool) else {}),
    }  # fmt: skip


def shown_node(pool: Resource, host: str, number: int, running: int) -> Json:
    name = node_id(pool, number)
    return {
        "id": name,
        "url": f"https://{host}/pools/{pool.name}/nodes/{name}",
        "state": "running" if running else "idle",
        "schedulingState": "enabled",
        "vmSize": str(pool.properties.get("vmSize", "")).lower(),
        "isDedicated": True,
        "runningTasksCount": running,
        "affinityId": f"TVM:{name}",
    }


def _identity(pool: Resource) -> Json:
    listed = [{"resourceId": id_, **(about or {})} for id_, about in _assigned(pool).items()]
    return {"type": "UserAssigned", "userAssignedIdentities": listed}


def _assigned(pool: Resource) -> dict[str, Json]:
    assigned: dict[str, Json] = (pool.body.get("identity") or {}).get("userAssignedIdentities") or {}
    return assigned
