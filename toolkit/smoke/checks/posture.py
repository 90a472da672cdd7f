"""What the control plane says about each service's doors: how it is configured now, not how it was planned."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from toolkit.azure.api_versions import DIAGNOSTICS_API_VERSION
from toolkit.checks.model import Check, Facts
from toolkit.smoke.checks.accounts import CONTAINERS, IDS, NAMES, there
from toolkit.smoke.checks.control_plane import (
    absent,
    expect,
    fail_if,
    lookup,
    not_approved,
    not_ready,
    read,
    read_list,
    same,
)
from toolkit.smoke.context import RESTORE_FIRST, Context


def storage_is_closed(context: Context) -> Facts:
    expected = {
        "properties.networkAcls.defaultAction": "Deny",
        "properties.allowSharedKeyAccess": False,
        "properties.allowBlobPublicAccess": False,
        "properties.minimumTlsVersion": ("TLS1_2", "TLS1_3"),
        "properties.supportsHttpsTrafficOnly": True,
        "properties.publicNetworkAccess": context.environment.public_network_access.storage,
    }
    facts = {}
    with context.runner().storage() as client:
        for name in there(context, NAMES):
            account = client.storage_accounts.get_properties(context.output("resource_group_name"), name)
            facts[name] = expect(name, account.as_dict(), expected)
    return facts


def blobs_can_be_restored(context: Context) -> Facts:
    """The containers come first: one that was deleted takes its role assignments along, so that others see no role.

    Azure has no versioning with a hierarchical namespace (the lake):
    https://learn.microsoft.com/azure/storage/blobs/versioning-overview
    """
    soft_delete = {
        "properties.deleteRetentionPolicy.enabled": True,
        "properties.containerDeleteRetentionPolicy.enabled": True,
    }
    for account, containers in zip(there(context, IDS), there(context, CONTAINERS), strict=True):
        _containers_exist(context, account, containers)
    facts, lake = {}, context.output("lake_storage_account_name")
    with context.runner().storage() as client:
        for name in there(context, NAMES):
            expected = soft_delete if name == lake else {**soft_delete, "properties.isVersioningEnabled": True}
            service = client.blob_services.get_service_properties(context.output("resource_group_name"), name)
            facts[name] = expect(f"the blob service of {name}", service.as_dict(), expected)
    return facts


def _containers_exist(context: Context, account: str, containers: Iterable[str]) -> None:
    found = {one["name"] for one in read_list(context, f"{account}/blobServices/default/containers")}
    missing = [name for name in containers if name not in found]
    where = account.split("/")[-1]
    fail_if([absent(f"the container {one} of {where} does not exist") for one in missing], hint=RESTORE_FIRST)


def vault_is_closed(context: Context) -> Facts:
    expected = {
        "properties.enableRbacAuthorization": True,
        "properties.enableSoftDelete": True,
        "properties.networkAcls.defaultAction": "Deny",
        "properties.publicNetworkAccess": context.environment.public_network_access.key_vault,
    }
    return expect("the key vault", read(context, context.output("key_vault_id")), expected)


def registry_is_closed(context: Context) -> Facts:
    expected = {
        "properties.adminUserEnabled": False,
        "properties.anonymousPullEnabled": (False, None),
        "properties.publicNetworkAccess": context.environment.public_network_access.container_registry,
    }
    return expect("the container registry", read(context, context.output("container_registry_id")), expected)


def factory_is_closed(context: Context) -> Facts:
    expected = {"properties.publicNetworkAccess": context.environment.public_network_access.data_factory}
    return expect("the data factory", read(context, context.output("data_factory_id")), expected)


def endpoints_are_approved(context: Context) -> Facts:
    problems, facts = [], {}
    for key, endpoint in context.output("private_endpoints").items():
        properties = read(context, endpoint["id"])["properties"]
        connections = [
            *(properties.get("privateLinkServiceConnections") or []),
            *(properties.get("manualPrivateLinkServiceConnections") or []),
        ]
        states = [lookup(c, "properties.privateLinkServiceConnectionState.status") for c in connections]
        provisioning = properties.get("provisioningState")
        facts[key] = {"connections": states, "provisioning_state": provisioning}
        if not states or any(state != "Approved" for state in states):
            problems.append(not_approved(f"{key} is {' and '.join(map(str, states)) or 'connected to nothing'}"))
        if provisioning != "Succeeded":
            problems.append(not_ready(f"{key} is {provisioning}"))
    fail_if(
        problems,
        hint="approve a pending connection on its target; a rejected one stays so: delete the endpoint, then apply",
    )
    return facts


def diagnostics_are_sent(context: Context) -> Facts:
    """Logs of the data plane, in the platform's own Log Analytics workspace.

    https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings
    """
    workspace = context.output("log_analytics_workspace_id")
    sources = {
        "storage": f"{context.output('storage_account_id')}/blobServices/default",
        "lake": f"{context.output('lake_storage_account_id')}/blobServices/default",
        "pointers' account": f"{context.output('pointer_storage_account_id')}/blobServices/default",
        "key vault": context.output("key_vault_id"),
        "container registry": context.output("container_registry_id"),
        "workspace": context.output("machine_learning_workspace_id"),
        "data factory": context.output("data_factory_id"),
    }
    if context.has("batch"):
        sources["Batch account"] = context.output("batch_account_id")
    if context.has("function_app"):
        sources["function app"] = context.output("function_app_id")
        sources["function app's storage"] = f"{context.output('function_storage_account_id')}/blobServices/default"
    problems, facts = [], {}
    for name, source in sources.items():
        path = f"{source}/providers/Microsoft.Insights/diagnosticSettings"
        settings = read_list(context, path, DIAGNOSTICS_API_VERSION)
        logs = [
            setting["name"]
            for setting in settings
            if same(lookup(setting, "properties.workspaceId"), workspace)
            and any(log.get("enabled") for log in lookup(setting, "properties.logs") or [])
        ]
        facts[name] = logs
        if not logs:
            problems.append(absent(f"the {name} sends no logs to the platform's Log Analytics workspace"))
    fail_if(problems, hint="toolkit apply makes the diagnostic settings")
    return facts


_posture = partial(Check, category="posture")

CHECKS: tuple[Check[Context], ...] = (
    _posture(
        id="posture-storage",
        title="The storage accounts deny by default, refuse keys, anonymous access and old TLS",
        function=storage_is_closed,
        outputs=("resource_group_name", *NAMES),
        controls=("NS-2", "IM-1", "DP-3", "SC-7"),
    ),
    _posture(
        id="posture-blob-recovery",
        title="The containers are there, and what keeps deleted and overwritten blobs is on",
        function=blobs_can_be_restored,
        outputs=("resource_group_name", *NAMES, *IDS, *CONTAINERS),
        controls=("BR-2", "CP-9"),
    ),
    _posture(
        id="posture-key-vault",
        title="The key vault uses roles, keeps what was deleted, and denies by default",
        function=vault_is_closed,
        outputs=("key_vault_id",),
        controls=("NS-2", "DP-8", "SC-7"),
    ),
    _posture(
        id="posture-container-registry",
        title="The container registry has no admin user and no anonymous pull",
        function=registry_is_closed,
        outputs=("container_registry_id",),
        controls=("NS-2", "IM-1", "SC-7"),
    ),
    _posture(
        id="posture-data-factory",
        title="The data factory is as open as the environment says",
        function=factory_is_closed,
        outputs=("data_factory_id",),
        controls=("NS-2", "SC-7"),
    ),
    _posture(
        id="posture-private-endpoints",
        title="Every private endpoint is provisioned and approved",
        function=endpoints_are_approved,
        outputs=("private_endpoints",),
        controls=("NS-2", "SC-7"),
    ),
    _posture(
        id="posture-diagnostics",
        title="Every service sends logs to the platform's Log Analytics workspace",
        function=diagnostics_are_sent,
        outputs=(
            "log_analytics_workspace_id",
            *IDS,
            "key_vault_id",
            "container_registry_id",
            "machine_learning_workspace_id",
            "data_factory_id",
            "batch_account_id",
            "function_app_id",
        ),
        severity="warning",
        controls=("LT-3", "LT-5", "AU-12"),
    ),
)
