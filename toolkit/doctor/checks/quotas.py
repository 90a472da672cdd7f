"""Limits of the subscription against what is declared: cores by VM family, and how many of a kind a region may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from toolkit.azure.api_versions import (
    API_VERSIONS,
    BATCH_LOCATIONS_API_VERSION,
    NETWORK_USAGES_API_VERSION,
    STORAGE_USAGES_API_VERSION,
)
from toolkit.azure.arm import arm_client
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.context import Context
from toolkit.records import Json
from toolkit.terraform import quotas
from toolkit.terraform.declared import Declared
from toolkit.terraform.quotas import Nodes, Shortage
from toolkit.terraform.reads import reader

_COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"
_POOLS = "Microsoft.Batch/batchAccounts/pools"
_ACCOUNTS = "Microsoft.Batch/batchAccounts"


def planned_nodes(context: Context) -> list[tuple[Nodes, int]]:
    """The clusters, compute instances and pools with the most nodes that each may have. A pool counts where its account
    is there: before that, nobody knows its quota."""
    found = []
    for one in context.declared(_COMPUTES):
        inner = one.properties.get("properties") or {}
        if one.properties.get("computeType") not in ("AmlCompute", "ComputeInstance") or not inner.get("vmSize"):
            continue
        most = int((inner.get("scaleSettings") or {}).get("maxNodeCount") or 1)
        priority = inner.get("vmPriority") or "Dedicated"
        found.append((Nodes(one.address, str(one.name), inner["vmSize"], priority), most))
    account = next(iter(context.declared(_ACCOUNTS)), None)
    if account is not None:
        resource_id = f"{context.platform_group}/providers/{_ACCOUNTS}/{account.name}"
        if context.asked("the Batch account", lambda: context.find(resource_id)) is not None:
            for one in context.declared(_POOLS):
                if size := one.properties.get("vmSize"):
                    found.append((Nodes(one.address, str(one.name), size, account=resource_id), _most(one)))
    return found


def _most(pool: Declared) -> int:
    fixed = (pool.properties.get("scaleSettings") or {}).get("fixedScale") or {}
    return max(int(fixed.get("targetDedicatedNodes") or 1), 1)


def _shortages(context: Context, wanted: list[Nodes]) -> tuple[list[Shortage], list[str]]:
    environment = context.environment
    with arm_client(context.connection, context.run.credential()) as client:
        return quotas.shortages(wanted, environment.subscription_id, environment.location, reader(client, "the quotas"))


def _one_node(context: Context) -> Facts:
    wanted = [nodes for nodes, _ in planned_nodes(context)]
    if not wanted:
        raise CheckSkipped("feature:compute", "the data declares no cluster, compute instance or pool", meant=True)
    found, unknown = _shortages(context, wanted)
    if found:
        raise CheckFailed(
            "; ".join(map(str, found)),
            cause="refused",
            hint=quotas.hint(found, context.environment),
            facts={"short": [{"quota": one.quota, "cores": one.cores, "limit": one.limit} for one in found]},
        )
    if unknown and len(unknown) == len(wanted):
        raise CheckSkipped("right:quotas", "; ".join(unknown), meant=True)
    return {"checked": [f"{nodes.name} ({nodes.vm_size})" for nodes in wanted], "unknown": unknown}


def _all_nodes(context: Context) -> Facts:
    """A limit that lets the first node come and not the last: jobs wait, and nothing says why."""
    wanted = planned_nodes(context)
    if not wanted:
        raise CheckSkipped("feature:compute", "the data declares no cluster, compute instance or pool", meant=True)
    environment = context.environment
    with arm_client(context.connection, context.run.credential()) as client:
        limits = quotas.limits_of(
            [nodes for nodes, _ in wanted],
            environment.subscription_id,
            environment.location,
            reader(client, "the quotas"),
        )
    taken: Counter[tuple[str, str]] = Counter()
    limit_of: dict[tuple[str, str], int] = {}
    for nodes, most in wanted:
        for quota, (limit, cores) in limits.get(nodes.address, {}).items():
            taken[quota, nodes.account or ""] += cores * most
            limit_of[quota, nodes.account or ""] = limit
    short = [
        f"{quota}: every node together takes {cores} cores, of which the limit allows {limit_of[quota, owner]}"
        for (quota, owner), cores in sorted(taken.items())
        if 0 <= limit_of[quota, owner] < cores
    ]
    if short:
        raise CheckFailed(
            "; ".join(short),
            cause="refused",
            hint=f"ask for quota (https://ml.azure.com/quota), or lower max_nodes in {context.data_file}; until then "
            "clusters scale as far as the limit goes, and jobs wait",
        )
    return {"cores": {quota: cores for (quota, _), cores in sorted(taken.items())}}


@dataclass(frozen=True, slots=True)
class _Usage:
    """A list of usages and what of it counts a type: ``{"name": {"value": …}, "currentValue": …, "limit": …}``."""

    path: str
    version: str
    counts: Mapping[str, str]


# https://learn.microsoft.com/rest/api/storagerp/usages/list-by-location (StorageAccounts; the limit is the region's)
_STORAGE = _Usage(
    "Microsoft.Storage/locations/{location}/usages",
    STORAGE_USAGES_API_VERSION,
    {"Microsoft.Storage/storageAccounts": "StorageAccounts"},
)
# https://learn.microsoft.com/rest/api/virtualnetwork/usages/list
_NETWORK = _Usage(
    "Microsoft.Network/locations/{location}/usages",
    NETWORK_USAGES_API_VERSION,
    {
        "Microsoft.Network/privateEndpoints": "PrivateEndpoints",
        "Microsoft.Network/virtualNetworks": "VirtualNetworks",
        "Microsoft.Network/networkSecurityGroups": "NetworkSecurityGroups",
        "Microsoft.Network/publicIPAddresses": "PublicIPAddresses",
        "Microsoft.Network/natGateways": "NatGateways",
        "Microsoft.Network/routeTables": "RouteTables",
    },
)


def _counted(usage: _Usage, what: str) -> Callable[[Context], Facts]:
    def check(context: Context) -> Facts:
        location = context.environment.location
        path = f"{context.subscription}/providers/{usage.path.format(location=location)}"
        listed = context.asked(what, lambda: context.live.list(path, usage.version))
        rows = {str(row["name"]["value"]).lower(): row for row in listed}
        short: list[str] = []
        seen: dict[str, Json] = {}
        for type_, name in usage.counts.items():
            row = rows.get(name.lower())
            new = _new(context, type_)
            if row is None or not new:
                continue
            free = int(row["limit"]) - int(row["currentValue"])
            seen[name] = {"in_use": row["currentValue"], "limit": row["limit"], "new": new}
            if int(row["limit"]) >= 0 and new > free:
                short.append(f"{new} new of {name} in {location}, where {max(free, 0)} of {row['limit']} are left")
        if short:
            raise CheckFailed(
                "; ".join(short),
                cause="refused",
                hint=f"ask for more (the portal's Quotas page, or az quota create with --scope {context.subscription}/"
                f"providers/{usage.path.split('/')[0]}/locations/{location}), remove what nobody uses, or "
                f"choose another location in {context.env_file}",
                facts=seen,
            )
        return seen

    return check


def _new(context: Context, type_: str) -> int:
    """How many of a type are declared and not there: those that are count in what is in use."""
    names = [one.name for one in context.declared(type_) if one.name]
    version = API_VERSIONS.get(type_.lower()) or API_VERSIONS["microsoft.network/virtualnetworks"]
    path = f"{context.subscription}/providers/{type_}"
    there = {str(item["name"]).lower() for item in context.asked(type_, lambda: context.live.list(path, version))}
    return sum(str(name).lower() not in there for name in names)


def _batch_accounts(context: Context) -> Facts:
    """https://learn.microsoft.com/rest/api/batchmanagement/location/get-quotas"""
    if not context.declared(_ACCOUNTS):
        raise CheckSkipped("feature:batch", f"the data declares no Batch account ({context.data_file})", meant=True)
    location = context.environment.location
    path = f"{context.subscription}/providers/Microsoft.Batch/locations/{location}/quotas"
    answer: Json = context.asked("Batch's quotas", lambda: context.live.get(path, BATCH_LOCATIONS_API_VERSION))
    accounts = context.asked(
        "Batch accounts",
        lambda: context.live.list(
            f"{context.subscription}/providers/{_ACCOUNTS}", API_VERSIONS["microsoft.batch/batchaccounts"]
        ),
    )
    used = sum(str(one.get("location", "")).replace(" ", "").lower() == location for one in accounts)
    new, limit = _new(context, _ACCOUNTS), int(answer["accountQuota"])
    facts = {"in_use": used, "limit": limit, "new": new}
    if new and used + new > limit:
        raise CheckFailed(
            f"{new} new Batch account in {location}, where {used} of {limit} are in use",
            cause="refused",
            hint="ask for more in the portal (a Batch account's page Quotas), or remove an account that nobody uses",
            facts=facts,
        )
    return facts


_AFTER = ("subscription-state", "data-declares")
CHECKS: tuple[Check[Context], ...] = (
    Check("quota-cores", "quotas", "Each cluster and pool gets a node at least", _one_node, depends=_AFTER),
    Check(
        "quota-all-nodes",
        "quotas",
        "All clusters and pools can scale as far as they may",
        _all_nodes,
        severity="warning",
        depends=(*_AFTER, "quota-cores"),
    ),
    Check(
        "quota-storage",
        "quotas",
        "There is room for the storage accounts",
        _counted(_STORAGE, "storage's usages"),
        depends=_AFTER,
    ),
    Check(
        "quota-network",
        "quotas",
        "There is room for private endpoints, networks and what they need",
        _counted(_NETWORK, "the network's usages"),
        depends=_AFTER,
    ),
    Check("quota-batch-accounts", "quotas", "There is room for the Batch account", _batch_accounts, depends=_AFTER),
)
