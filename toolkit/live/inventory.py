"""What is there: everything in both resource groups, and below each resource whatever a person could add to it.

One literal table says which lists are read. What Azure makes by itself stands beside each with its source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from toolkit.azure.api_versions import (
    CHILD_API_VERSIONS,
    DEPLOYMENTS_API_VERSION,
    DIAGNOSTICS_API_VERSION,
    RESOURCES_API_VERSION,
    api_version,
)
from toolkit.firewall.journal import PREFIX
from toolkit.firewall.kinds import KINDS
from toolkit.firewall.model import Lease, added
from toolkit.live.meant import Manifest, Meant
from toolkit.live.reading import View
from toolkit.records import Json

GROUPS = "Microsoft.Resources/resourceGroups"
ACCOUNTS = "Microsoft.Storage/storageAccounts"
FACTORIES = "Microsoft.DataFactory/factories"
WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
REGISTRIES = "Microsoft.ContainerRegistry/registries"
BATCH = "Microsoft.Batch/batchAccounts"
SITES = "Microsoft.Web/sites"
LOGS = "Microsoft.OperationalInsights/workspaces"
ZONES = "Microsoft.Network/privateDnsZones"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
LOCKS = "Microsoft.Authorization/locks"
BUDGETS = "Microsoft.Consumption/budgets"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"


@dataclass(frozen=True, slots=True)
class Collection:
    """The resources of ``type`` below each one of ``parent`` at ``path``; ``own`` are the names of Azure's own."""

    type: str
    parent: str
    path: str
    own: tuple[str, ...] = ()


def _below(parent: str, *names: str, own: tuple[str, ...] = ()) -> tuple[Collection, ...]:
    return tuple(Collection(f"{parent}/{name}", parent, name, own) for name in names)


def _in_service(service: str, name: str) -> Collection:
    return Collection(f"{ACCOUNTS}/{service}/{name}", ACCOUNTS, f"{service}/default/{name}", _STORAGE_OWN)


# The workspace makes containers, a share and a queue and table for its jobs in its default account, and the host of
# functions its own: https://learn.microsoft.com/azure/machine-learning/concept-workspace#associated-resources,
# https://learn.microsoft.com/azure/azure-functions/storage-considerations. $logs and $web are the service's.
_STORAGE_OWN = (
    *(
        "$*",
        "azureml",
        "azureml-*",
        "insights-*",
        "snapshotzips",
        "revisions",
        "*-????????-????-????-????-????????????",
    ),
    *("azure-webjobs-*", "azure-functions-*", "snapshots", "scm-releases", "code-*", "aml-*"),
)

COLLECTIONS: tuple[Collection, ...] = (
    _in_service("blobServices", "containers"),
    _in_service("fileServices", "shares"),
    _in_service("queueServices", "queues"),
    _in_service("tableServices", "tables"),
    *_below(ACCOUNTS, "managementPolicies", "localUsers", "objectReplicationPolicies", "inventoryPolicies"),
    *_below(ACCOUNTS, "encryptionScopes", "storageTaskAssignments"),
    *_below(
        REGISTRIES, "replications", "webhooks", "tokens", "tasks", "agentPools", "cacheRules", "connectedRegistries"
    ),
    # Which carry images to and from an account: container-registry-transfer-images
    *_below(REGISTRIES, "exportPipelines", "importPipelines"),
    # https://learn.microsoft.com/azure/container-registry/container-registry-token-based-repository-permissions
    *_below(REGISTRIES, "scopeMaps", own=("_repositories_*",)),
    *_below(
        WORKSPACES, "computes", "connections", "onlineEndpoints", "batchEndpoints", "schedules", "serverlessEndpoints"
    ),
    # https://learn.microsoft.com/azure/machine-learning/how-to-datastore (built in)
    *_below(WORKSPACES, "datastores", own=("workspace*",)),
    # Those that the service makes for what the workspace needs: how-to-managed-network#list-of-required-rules
    *_below(WORKSPACES, "outboundRules", own=("__SYS_*",)),
    *_below(FACTORIES, "linkedservices", "datasets", "dataflows", "pipelines", "triggers", "credentials"),
    *_below(FACTORIES, "globalParameters", "adfcdcs", "managedVirtualNetworks"),
    *_below(FACTORIES, "integrationRuntimes", own=("AutoResolveIntegrationRuntime",)),
    Collection(
        f"{FACTORIES}/managedVirtualNetworks/managedPrivateEndpoints",
        FACTORIES,
        "managedVirtualNetworks/default/managedPrivateEndpoints",
    ),
    *_below(BATCH, "pools", "applications", "certificates"),
    *_below(SITES, "slots", "hybridConnectionRelays", "basicPublishingCredentialsPolicies"),
    *_below(ZONES, "virtualNetworkLinks"),
    *_below("Microsoft.Network/privateEndpoints", "privateDnsZoneGroups"),
    *_below(IDENTITIES, "federatedIdentityCredentials"),
    *_below("Microsoft.Network/networkSecurityPerimeters", "profiles", "resourceAssociations"),
    *_below("Microsoft.Network/networkSecurityPerimeters/profiles", "accessRules"),
    # Which carry logs, and what is kept of them, to an account: logs-data-export, private-storage
    *_below(LOGS, "dataExports", "linkedStorageAccounts"),
)

# Kinds of resources that carry a list of their own, which is compared elsewhere or is data of the platform's users.
SINGLES: tuple[Collection, ...] = (
    *(
        Collection(f"{ACCOUNTS}/{s}Services", ACCOUNTS, f"{s}Services/default")
        for s in ("blob", "file", "queue", "table")
    ),
)

# In a resource group without anybody's doing, beside the interfaces of private endpoints: deployments, what Application
# Insights makes (https://learn.microsoft.com/azure/azure-monitor/alerts/proactive-failure-diagnostics), and the topic
# through which a factory hears of blobs (https://learn.microsoft.com/azure/data-factory/how-to-create-event-trigger).
OWN_IN_GROUPS: tuple[tuple[str, str], ...] = (
    ("microsoft.alertsmanagement/smartdetectoralertrules", "failure anomalies *"),
    ("microsoft.insights/actiongroups", "application insights smart detection"),
    ("microsoft.eventgrid/systemtopics", "*"),
    ("microsoft.resources/deployments", "*"),
)

SOURCES_OF_DIAGNOSTICS: tuple[str, ...] = (
    *(f"{ACCOUNTS}/{service}Services" for service in ("blob", "file", "queue", "table")),
    *("Microsoft.KeyVault/vaults", REGISTRIES, WORKSPACES, FACTORIES, BATCH, SITES, ACCOUNTS),
    *("Microsoft.Network/virtualNetworks", "Microsoft.Network/networkSecurityGroups"),
    *("Microsoft.Network/networkSecurityPerimeters", "Microsoft.OperationalInsights/workspaces"),
)


_KINDS = {kind.type.casefold(): kind for kind in KINDS if not kind.at}


class Inventory:
    """The live platform, read as far as somebody asks, against a manifest."""

    def __init__(self, view: View, manifest: Manifest, group_ids: Sequence[str]) -> None:
        self.view = view
        self.manifest = manifest
        self.group_ids = tuple(group_ids)

    def lets_in_for_a_while(self, finding: Any) -> bool:
        """Whether what differs are addresses of firewall leases that are open now (docs/firewall.md)."""
        kind = _KINDS.get(finding.type.casefold())
        if kind is None or not finding.path.startswith("properties." + ".".join(kind.rules)):
            return False
        there = finding.live if isinstance(finding.live, list) else [finding.live]
        meant = finding.meant if isinstance(finding.meant, list) else [] if finding.meant is None else [finding.meant]
        more = {kind.form.address(one) for one in there if one is not None} - {kind.form.address(one) for one in meant}
        gone = [one for one in meant if one not in there]
        return bool(more) and not gone and more <= self.leased(finding.id)

    def leased(self, resource_id: str) -> set[str | None]:
        """The addresses in a resource's rules that open leases put there; what has expired is a leak."""
        found: set[str | None] = set()
        for group in self.group_ids:
            for one in self.view.list(f"{group}/providers/Microsoft.Resources/deployments", DEPLOYMENTS_API_VERSION):
                if not str(one.get("name", "")).startswith(PREFIX):
                    continue
                try:
                    whole = self.view.get(str(one["id"]), DEPLOYMENTS_API_VERSION)
                    lease = Lease.from_json(whole["properties"]["outputs"]["lease"]["value"])
                except (ResourceNotFoundError, KeyError, TypeError, ValueError):
                    continue  # closed meanwhile, or no lease
                if lease.state(datetime.now(UTC)) != "expired":
                    found |= added([lease], resource_id)
        return found

    def versions(self, type_: str, path: str) -> str:
        """The version that Terraform writes a type with; its parent's for what Terraform never makes."""
        if type_ in CHILD_API_VERSIONS:
            return CHILD_API_VERSIONS[type_]
        known = self.manifest.of(type_)
        while not known and "/" in type_:
            type_ = type_.rsplit("/", 1)[0]
            known = self.manifest.of(type_)
        return known[0].api_version if known else api_version(path)

    def document(self, one: Meant) -> Json | None:
        """A resource as it is; None when it is not there.

        Data Factory answers 400 for a managed endpoint that is not there, as to a mistake of the caller's:
        https://github.com/hashicorp/terraform-provider-azurerm/pull/12618.
        """
        try:
            return self.view.find(one.id, one.api_version)
        except HttpResponseError as error:
            if error.status_code == 400 and one.type.startswith(FACTORIES):
                return None
            raise

    def listed(self, path: str, type_: str) -> list[Json]:
        """A list; nothing when what it hangs on is gone, which is a finding of its own."""
        try:
            return self.view.list(path, self.versions(type_, path))
        except ResourceNotFoundError as error:
            # A type that a cloud does not know cannot have been added there.
            del error
            return []

    def members(self, collection: Collection) -> Iterator[Json]:
        """What is in a collection, without Azure's own."""
        for parent in self.manifest.of(collection.parent):
            if not parent.whole:
                continue
            for one in self.listed(f"{parent.id}/{collection.path}", collection.type):
                if not any(fnmatchcase(str(one["name"]).casefold(), own.casefold()) for own in collection.own):
                    yield one

    def in_groups(self) -> Iterator[Json]:
        """The resources of both groups, as the list of a group names them, without Azure's own."""
        for group in self.group_ids:
            for one in self.view.list(f"{group}/resources", RESOURCES_API_VERSION):
                type_, name = str(one["type"]).casefold(), str(one["name"]).rsplit("/", 1)[-1].casefold()
                if not any(type_ == own and fnmatchcase(name, pattern) for own, pattern in OWN_IN_GROUPS):
                    yield one

    def extensions(self, type_: str) -> Iterator[Json]:
        """Diagnostic settings, locks and budgets, wherever on the platform they are."""
        if type_ == DIAGNOSTICS:
            meant = [one.id.rpartition("/providers/")[0] for one in self.manifest.of(DIAGNOSTICS)]
            others = [one.id for one in self.manifest.of(*SOURCES_OF_DIAGNOSTICS)]
            for source in {id_.casefold(): id_ for id_ in (*meant, *others)}.values():
                yield from self.listed_version(f"{source}/providers/{DIAGNOSTICS}", DIAGNOSTICS_API_VERSION)
            return
        seen: set[str] = set()
        for group in self.group_ids:
            for one in self.view.list(f"{group}/providers/{type_}", api_version(f"/providers/{type_}")):
                within = str(one["id"]).casefold().startswith(f"{group.casefold()}/")
                if within and str(one["id"]).casefold() not in seen:
                    seen.add(str(one["id"]).casefold())
                    yield one

    def listed_version(self, path: str, version: str) -> list[Json]:
        try:
            return self.view.list(path, version)
        except ResourceNotFoundError:
            return []
