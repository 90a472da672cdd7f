"""Names that are unique in Azure, and names that something deleted still keeps, with what an apply does about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.azure.api_versions import (
    API_VERSIONS,
    BATCH_LOCATIONS_API_VERSION,
    DELETED_WORKSPACES_API_VERSION,
)
from toolkit.checks.model import Check, CheckFailed, CheckSkipped, Facts
from toolkit.doctor.context import Context
from toolkit.records import Json

_VAULTS = "Microsoft.KeyVault/vaults"
_LOGS = "Microsoft.OperationalInsights/workspaces"
_LEARNING = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True, slots=True)
class _Global:
    """How Azure is asked whether a name of a type is free. ``kind`` is what its request calls the type."""

    operation: str
    override: str  # how modules/naming calls such names
    kind: str
    version: str


# https://learn.microsoft.com/rest/api/storagerp/storage-accounts/check-name-availability and its likes
_ASKED: Mapping[str, _Global] = {
    "Microsoft.Storage/storageAccounts": _Global(
        "Microsoft.Storage/checkNameAvailability",
        "storage_account",
        "Microsoft.Storage/storageAccounts",
        API_VERSIONS["microsoft.storage/storageaccounts"],
    ),
    _VAULTS: _Global(
        "Microsoft.KeyVault/checkNameAvailability",
        "key_vault",
        "Microsoft.KeyVault/vaults",
        API_VERSIONS["microsoft.keyvault/vaults"],
    ),
    "Microsoft.ContainerRegistry/registries": _Global(
        "Microsoft.ContainerRegistry/checkNameAvailability",
        "container_registry",
        "Microsoft.ContainerRegistry/registries",
        API_VERSIONS["microsoft.containerregistry/registries"],
    ),
    "Microsoft.Batch/batchAccounts": _Global(
        "Microsoft.Batch/locations/{location}/checkNameAvailability",
        "batch_account",
        "Microsoft.Batch/batchAccounts",
        BATCH_LOCATIONS_API_VERSION,
    ),
    # https://learn.microsoft.com/rest/api/appservice/check-name-availability: the kind of an app is "Site"
    "Microsoft.Web/sites": _Global(
        "Microsoft.Web/checknameavailability", "function_app", "Site", API_VERSIONS["microsoft.web/sites"]
    ),
}


def _available(context: Context) -> Facts:
    taken: dict[str, str] = {}
    free, ours, unknown = [], [], []
    for type_, asked in _ASKED.items():
        for one in context.declared(type_):
            name = str(one.name)
            if _is_ours(context, type_, name):
                ours.append(name)
                continue
            try:
                answer = _ask(context, asked, name)
            except CheckSkipped:  # as Batch's question, which is an action and no read
                unknown.append(name)
                continue
            if answer["nameAvailable"] or _deleted_here(context, type_, name):
                free.append(name)
            else:
                taken[name] = f"{one.address}: {name} ({answer.get('reason')}: {answer.get('message')})"
    if taken:
        keys = sorted(
            {asked.override for type_, asked in _ASKED.items() for one in context.declared(type_) if one.name in taken}
        )
        raise CheckFailed(
            "; ".join(taken.values()),
            cause="refused",
            hint=f"choose other names: name_overrides = {{ {', '.join(f'{key} = …' for key in keys)} }} in "
            f"{context.data_file}",
            facts={"taken": sorted(taken), "free": free, "ours": ours},
        )
    if unknown and not free and not ours:
        raise CheckSkipped("right:names", "this identity may not ask whether names are free", meant=True)
    return {"free": free, "ours": ours, "not_asked": unknown}


def _ask(context: Context, asked: _Global, name: str) -> Json:
    operation = asked.operation.format(location=context.environment.location)
    path = f"{context.subscription}/providers/{operation}"
    body = {"name": name, "type": asked.kind}
    return context.asked("whether names are free", lambda: context.live.post(path, asked.version, body))


def _is_ours(context: Context, type_: str, name: str) -> bool:
    """Whether the subscription itself has it: an apply takes it in, or Azure says in which group it is."""
    listed = context.asked(
        type_, lambda: context.live.list(f"{context.subscription}/providers/{type_}", API_VERSIONS[type_.lower()])
    )
    return name.lower() in {str(item["name"]).lower() for item in listed}


def _deleted_here(context: Context, type_: str, name: str) -> bool:
    """A deleted vault of ours keeps its name for itself: names-deleted-vault says what becomes of it."""
    return type_ == _VAULTS and any(str(one["name"]).lower() == name.lower() for one in _deleted_vaults(context))


def _deleted_vaults(context: Context) -> list[Json]:
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/list-deleted"""
    path = f"{context.subscription}/providers/Microsoft.KeyVault/deletedVaults"
    return context.asked("deleted vaults", lambda: context.live.list(path, API_VERSIONS["microsoft.keyvault/vaults"]))


def _vaults(context: Context) -> Facts:
    """A vault of the same group and region is recovered by the apply; any other one's name is gone."""
    wanted = {str(one.name).lower(): one for one in context.declared(_VAULTS)}
    found = [one for one in _deleted_vaults(context) if str(one["name"]).lower() in wanted]
    group, location = context.platform_group.lower(), context.environment.location
    announced = []
    for one in found:
        properties: Json = one["properties"]
        deleted, where = str(properties["vaultId"]), str(properties.get("location", location)).replace(" ", "").lower()
        if f"/{group.strip('/')}/" not in f"/{deleted.strip('/')}/".lower() or where != location:
            protected = bool(properties.get("purgeProtectionEnabled"))
            way = (
                f"its purge protection keeps it until {properties.get('scheduledPurgeDate')}"
                if protected
                else f"toolkit doctor {context.environment.name} --purge {one['name']} frees the name for good"
            )
            raise CheckFailed(
                f"a deleted key vault of {deleted.split('/providers/')[0]} in {where} keeps the name {one['name']}",
                cause="refused",
                hint=f"{way}; or choose another name: name_overrides = {{ key_vault = … }} in {context.data_file}",
                facts={"deleted": deleted, "purge_protection": protected},
            )
        announced.append(f"{one['name']} is recovered, with what it held")
    return {"apply": announced or ["no deleted vault has a name of ours"]}


def _logs(context: Context) -> Facts:
    """A Log Analytics workspace keeps its name for 14 days, and comes back when it is made again in its group.

    https://learn.microsoft.com/azure/azure-monitor/logs/delete-workspace
    """
    wanted = {str(one.name).lower(): one for one in context.declared(_LOGS)}
    if not wanted:
        raise CheckSkipped("feature:logs", "the data declares no Log Analytics workspace", meant=True)
    path = f"{context.subscription}/providers/Microsoft.OperationalInsights/deletedWorkspaces"
    listed = context.asked(
        "deleted Log Analytics workspaces", lambda: context.live.list(path, DELETED_WORKSPACES_API_VERSION)
    )
    announced = []
    for one in listed:
        if str(one["name"]).lower() not in wanted:
            continue
        group = str(one["id"]).split("/providers/")[0]
        if group.lower() == context.platform_group.lower():
            announced.append(f"{one['name']} comes back with the data that it held")
    return {"apply": announced or ["no deleted Log Analytics workspace has a name of ours"]}


def _workspaces(context: Context) -> Facts:
    """No stable version of Azure lists deleted workspaces: what is deleted and what would be done is said instead.

    https://learn.microsoft.com/azure/machine-learning/concept-soft-delete
    """
    wanted = [str(one.name) for one in context.declared(_LEARNING)]
    there = [name for name in wanted if _is_ours(context, _LEARNING, name)]
    return {
        "there": there,
        "apply": [
            f"{name}: what Azure may keep of a deleted one is purged, since one with user-assigned identities only "
            "cannot be recovered"
            for name in wanted
            if name not in there
        ],
    }


_AFTER = ("subscription-state", "data-declares")
CHECKS: tuple[Check[Context], ...] = (
    Check("names-available", "names", "No name that is unique in Azure is somebody else's", _available, depends=_AFTER),
    Check("names-deleted-vault", "names", "No deleted vault that is not ours keeps a name", _vaults, depends=_AFTER),
    Check(
        "names-deleted-logs", "names", "What a deleted Log Analytics workspace keeps is known", _logs, depends=_AFTER
    ),
    Check(
        "names-deleted-workspace", "names", "What becomes of a deleted workspace is known", _workspaces, depends=_AFTER
    ),
)
