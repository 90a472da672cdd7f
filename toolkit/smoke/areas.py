"""Which part of the platform each check of the closed world compares: one literal, ordered table.

Every type that toolkit/live knows is some check's (a test sees to it), and what is of no row is
`governance-nothing-else`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Place = Literal["platform", "state", "anywhere"]

_NETWORK_PATHS = (
    *("properties.networkacls*", "properties.publicnetworkaccess*", "properties.networkruleset*", "properties.bypass*"),
    *("properties.networkrulebypassoptions", "properties.networkprofile*", "properties.ipallowlist*"),
    *("properties.allowpublicaccesswhenbehindvnet", "properties.dataendpointenabled"),
)


@dataclass(frozen=True, slots=True)
class Area:
    """``types`` are ends of resource types (``*`` matches); ``only`` and ``but`` are patterns of paths in lower case.
    ``feature`` as in a check's record; ``fix`` is the hint, ``controls`` as there."""

    id: str
    title: str
    types: tuple[str, ...]
    fix: str
    controls: tuple[str, ...]
    place: Place = "platform"
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    feature: str | None = None

    @property
    def category(self) -> str:
        return self.id.partition("-")[0]


_APPLY = "toolkit apply sets back what the configuration says; the activity log says who changed it"
_REMOVE = "delete what nobody meant, or allow it with a reason (smoke.allowed_extras in env.toml)"
_BOTH = f"{_APPLY}; {_REMOVE}"
_BOOTSTRAP = "toolkit bootstrap sets back what the configuration says; delete what nobody meant"
_SERVICES = (
    *("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults", "Microsoft.ContainerRegistry/registries"),
    *(
        "Microsoft.MachineLearningServices/workspaces",
        "Microsoft.DataFactory/factories",
        "Microsoft.Batch/batchAccounts",
    ),
    *("Microsoft.Web/sites", "Microsoft.OperationalInsights/workspaces", "Microsoft.Insights/components"),
)
_ATTACHED = ("identity*",)

AREAS: tuple[Area, ...] = (
    # -- dns
    Area(
        "dns-zones-exact",
        "Every private DNS zone is there, and linked to the platform's network alone",
        ("privateDnsZones", "virtualNetworkLinks"),
        _BOTH,
        ("NS-10", "SC-20"),
    ),
    Area(
        "dns-zone-groups",
        "Every private endpoint writes its names into the zones that are meant",
        ("privateDnsZoneGroups",),
        _APPLY,
        ("NS-10", "SC-22"),
    ),
    # -- network
    Area(
        "network-virtual-network",
        "The virtual network has exactly its addresses, subnets, name servers and peerings",
        ("virtualNetworks", "virtualNetworks/*"),
        _BOTH,
        ("NS-1", "SC-7"),
    ),
    Area(
        "network-security-groups",
        "The network security groups have exactly their rules",
        ("networkSecurityGroups",),
        _BOTH,
        ("NS-1", "AC-4"),
    ),
    Area(
        "network-ways-out",
        "Route tables, NAT gateways and public addresses are exactly those that are meant",
        ("routeTables", "natGateways", "publicIPAddresses"),
        _BOTH,
        ("NS-1", "SC-7"),
    ),
    Area(
        "network-endpoints",
        "The private endpoints are exactly those that are meant, each to its target",
        ("privateEndpoints",),
        _BOTH,
        ("NS-2", "SC-7"),
    ),
    Area(
        "network-exceptions",
        "Every service lets in exactly the addresses, networks and services that are meant",
        _SERVICES,
        "close what nobody meant: toolkit firewall sweep removes what leases left, toolkit apply the rest",
        ("NS-2", "SC-7"),
        only=_NETWORK_PATHS,
    ),
    Area(
        "network-perimeter",
        "The network security perimeter has exactly its profile, rules and members",
        ("networkSecurityPerimeters", "networkSecurityPerimeters/*"),
        _BOTH,
        ("NS-1", "SC-7"),
        feature="perimeter",
    ),
    # -- storage
    Area(
        "storage-accounts-exact",
        "The storage accounts are set up as they are meant",
        ("storageAccounts", "encryptionScopes"),
        _APPLY,
        ("PV-2", "CM-6"),
        but=(*_NETWORK_PATHS, *_ATTACHED),
    ),
    Area(
        "storage-containers-exact",
        "The containers are there and closed, and none that is open was added",
        ("containers", "shares", "queues", "tables"),
        _BOTH,
        ("DP-8", "AC-3"),
    ),
    Area(
        "storage-recovery",
        "What is deleted or overwritten stays restorable for as long as is meant",
        ("blobServices", "fileServices"),
        _APPLY,
        ("BR-2", "CP-9"),
    ),
    Area(
        "storage-lifecycle",
        "Only what is meant to expire is deleted by rule",
        ("managementPolicies", "inventoryPolicies", "storageTaskAssignments"),
        _BOTH,
        ("BR-1", "CP-9"),
    ),
    Area(
        "storage-ways-in",
        "No local users, no replication to elsewhere and no other site's scripts reach the accounts",
        ("localUsers", "objectReplicationPolicies", "queueServices", "tableServices"),
        _REMOVE,
        ("IM-1", "AC-3"),
    ),
    # -- state
    Area(
        "state-account",
        "The account of the states is as closed as the bootstrap made it",
        ("storageAccounts",),
        _BOOTSTRAP,
        ("DP-8", "AC-3"),
        "state",
    ),
    Area(
        "state-container",
        "The container of the states is there, closed, and alone",
        ("containers", "shares"),
        _BOOTSTRAP,
        ("DP-8", "CP-9"),
        "state",
    ),
    Area(
        "state-recovery",
        "Every earlier state can be restored",
        ("blobServices", "fileServices", "managementPolicies"),
        _BOOTSTRAP,
        ("BR-2", "CP-10"),
        "state",
    ),
    Area(
        "state-ways-in",
        "No local users, no replication or logs to elsewhere and no lock were added to the states' account",
        (
            "localUsers",
            "objectReplicationPolicies",
            "queueServices",
            "tableServices",
            "locks",
            "encryptionScopes",
            "inventoryPolicies",
            "storageTaskAssignments",
            "diagnosticSettings",
        ),
        _BOOTSTRAP,
        ("IM-1", "AC-3"),
        "state",
    ),
    Area(
        "state-groups",
        "The two resource groups are there",
        ("resourceGroups",),
        _BOOTSTRAP,
        ("AM-3", "CM-8"),
        "anywhere",
    ),
    # -- keyvault
    Area(
        "keyvault-exact",
        "The key vault is set up as it is meant",
        ("Microsoft.KeyVault/vaults", "Microsoft.KeyVault/vaults/*"),
        _APPLY,
        ("DP-8", "CM-6"),
        but=_NETWORK_PATHS,
    ),
    # -- registry
    Area(
        "registry-exact",
        "The container registry is set up as it is meant",
        ("Microsoft.ContainerRegistry/registries",),
        _APPLY,
        ("PV-2", "CM-6"),
        but=_NETWORK_PATHS,
    ),
    Area(
        "registry-nothing-added",
        "The registry has no tokens, webhooks, tasks or replications of nobody's",
        ("Microsoft.ContainerRegistry/registries/*",),
        _REMOVE,
        ("DS-2", "AC-6"),
    ),
    # -- adf
    Area(
        "adf-factory-exact",
        "The factory is set up as it is meant: repository, parameters, identities",
        ("Microsoft.DataFactory/factories", "datasets", "dataflows", "globalParameters"),
        _APPLY,
        ("PV-2", "CM-3"),
        but=(*_NETWORK_PATHS, *_ATTACHED),
    ),
    Area(
        "adf-linked-services-exact",
        "The linked services sign in where, how and as whom they are meant to",
        ("linkedservices",),
        _BOTH,
        ("IM-3", "IA-9"),
    ),
    Area(
        "adf-credentials-exact",
        "The factory's credentials are exactly those that are meant",
        ("factories/credentials",),
        _BOTH,
        ("IM-8", "IA-5"),
    ),
    Area(
        "adf-pipelines-exact",
        "The platform's pipelines do what the configuration says",
        ("factories/pipelines",),
        _APPLY,
        ("CM-3", "SI-7"),
    ),
    Area(
        "adf-triggers-exact",
        "The platform's triggers start what is meant when it is meant, and no other runs",
        ("factories/triggers",),
        _BOTH,
        ("CM-3", "SI-7"),
        feature=None,
    ),
    Area(
        "adf-endpoints-exact",
        "The factory's managed network has exactly its endpoints, to the platform's own resources",
        ("managedVirtualNetworks", "managedPrivateEndpoints"),
        _BOTH,
        ("NS-2", "AC-4"),
    ),
    Area(
        "adf-runtimes-exact",
        "The integration runtimes are exactly those that are meant",
        ("integrationRuntimes",),
        _BOTH,
        ("NS-1", "CM-7"),
    ),
    Area("adf-no-captures", "No change data capture takes data elsewhere", ("adfcdcs",), _REMOVE, ("AC-4", "CM-7")),
    # -- workspace
    Area(
        "workspace-exact",
        "The workspace is set up as it is meant: isolation, data isolation, switches, parts",
        ("Microsoft.MachineLearningServices/workspaces",),
        _APPLY,
        ("PV-2", "CM-6"),
        but=(*_NETWORK_PATHS, *_ATTACHED),
    ),
    Area(
        "workspace-computes-exact",
        "The workspace's computes are exactly those that are meant, without a way in",
        ("workspaces/computes",),
        _BOTH,
        ("PV-3", "AC-17"),
        but=_ATTACHED,
    ),
    Area(
        "workspace-datastores-exact",
        "The datastores lead where they are meant to, and hold no secret",
        ("workspaces/datastores",),
        _BOTH,
        ("IM-8", "IA-5"),
    ),
    Area(
        "workspace-connections-exact",
        "The workspace holds no connections and serves no endpoints of nobody's",
        ("workspaces/connections", "onlineEndpoints", "batchEndpoints", "serverlessEndpoints", "workspaces/schedules"),
        _REMOVE,
        ("IM-8", "AC-4"),
    ),
    Area(
        "workspace-outbound-exact",
        "The workspace's managed network has exactly its ways out",
        ("outboundRules",),
        _BOTH,
        ("NS-2", "AC-4"),
    ),
    Area(
        "workspace-environments-exact",
        "The environments that the platform's jobs run in are those that are meant",
        ("environments", "environments/versions"),
        _APPLY,
        ("DS-2", "SI-7"),
    ),
    # -- rbac
    Area(
        "rbac-custom-roles",
        "The custom roles permit exactly what they are meant to",
        ("roleDefinitions",),
        _BOOTSTRAP,
        ("PA-7", "AC-6"),
        "anywhere",
    ),
    # -- identity
    Area(
        "identity-exact",
        "Every identity is there, and is still the one that roles were given to",
        ("userAssignedIdentities",),
        "toolkit bootstrap and toolkit apply make it again, and give it its roles",
        ("IM-3", "IA-9"),
        "anywhere",
        but=("tags*",),
    ),
    Area(
        "identity-federation",
        "Exactly the federated subjects that are meant can act as the identities",
        ("federatedIdentityCredentials",),
        _BOOTSTRAP,
        ("IM-3", "IA-2"),
        "anywhere",
    ),
    Area(
        "identity-attached",
        "Every service acts as exactly the identities that are meant",
        (*_SERVICES, "workspaces/computes", "pools"),
        _APPLY,
        ("IM-3", "IA-9"),
        only=_ATTACHED,
    ),
    # -- batch
    Area(
        "batch-account-exact",
        "The Batch account is set up as it is meant",
        ("Microsoft.Batch/batchAccounts",),
        _APPLY,
        ("PV-2", "CM-6"),
        but=(*_NETWORK_PATHS, *_ATTACHED),
        feature="batch",
    ),
    Area(
        "batch-pools-exact",
        "The pools are exactly those that are meant: machines, network, identity, start task",
        ("batchAccounts/pools",),
        _BOTH,
        ("PV-3", "AC-17"),
        but=_ATTACHED,
        feature="batch",
    ),
    Area(
        "batch-nothing-added",
        "The Batch account has no certificates and applications of nobody's",
        ("batchAccounts/certificates", "batchAccounts/applications"),
        _REMOVE,
        ("IM-8", "CM-7"),
        feature="batch",
    ),
    # -- function
    Area(
        "function-exact",
        "The function app is set up as it is meant: network, storage, identity of its host",
        ("Microsoft.Web/sites", "serverfarms"),
        _APPLY,
        ("PV-2", "CM-6"),
        but=(*_NETWORK_PATHS, *_ATTACHED),
        feature="function_app",
    ),
    Area(
        "function-settings",
        "The function app has exactly its settings, and no connection strings",
        ("Microsoft.Web/sites/config",),
        _APPLY,
        ("IM-8", "IA-5"),
        feature="function_app",
    ),
    Area(
        "function-publishing",
        "Nobody publishes to the function app with a password, and it has no other slot or relay",
        ("basicPublishingCredentialsPolicies", "sites/slots", "hybridConnectionRelays"),
        _BOTH,
        ("IM-1", "AC-3"),
        feature="function_app",
    ),
    # -- monitoring
    Area(
        "monitoring-diagnostics",
        "Every log and metric that is meant is sent, and to the platform's workspace alone",
        ("diagnosticSettings",),
        _BOTH,
        ("LT-3", "AU-12"),
    ),
    Area(
        "monitoring-alerts",
        "The alerts watch what they are meant to, at their thresholds",
        ("metricAlerts", "scheduledQueryRules", "activityLogAlerts"),
        _APPLY,
        ("LT-1", "SI-4"),
    ),
    Area(
        "monitoring-receivers",
        "The action group has exactly its receivers",
        ("actionGroups",),
        _APPLY,
        ("LT-1", "AU-6"),
    ),
    Area(
        "monitoring-workspace",
        "Logs are kept as long, and taken in as much, as is meant, and go nowhere else",
        ("Microsoft.OperationalInsights/workspaces", "dataExports", "linkedStorageAccounts"),
        _BOTH,
        ("LT-6", "AU-11"),
        but=_NETWORK_PATHS,
    ),
    Area(
        "monitoring-insights",
        "Application Insights takes telemetry as it is meant to",
        ("Microsoft.Insights/components",),
        _APPLY,
        ("LT-5", "AU-12"),
        but=_NETWORK_PATHS,
    ),
    # -- governance
    Area("governance-locks-exact", "The locks are exactly those that are meant", ("locks",), _BOTH, ("AM-3", "CM-5")),
)
