"""Storage, the vault, the registry, and who watches: what a person breaks there, and the check that must see it."""

from __future__ import annotations

from tests.mutations.breaking import Mutation, adds, both, removes, sets, sets_at
from tests.mutations.table_access import BLOBS, CONTAINER
from tests.mutations.table_network import DOORS, FACTORY, REGISTRY, STORAGE, VAULT, WORKSPACE

DIAGNOSTIC = "Microsoft.Insights/diagnosticSettings"
ALERT = "Microsoft.Insights/metricAlerts"
RECEIVERS = "Microsoft.Insights/actionGroups"
LOGS = "Microsoft.OperationalInsights/workspaces"
INSIGHTS = "Microsoft.Insights/components"
BUDGET = "Microsoft.Consumption/budgets"
LOCKS = "providers/Microsoft.Authorization/locks/mine"
LOCK_VERSION, DIAGNOSTIC_VERSION = "2020-05-01", "2021-05-01-preview"
WATCHED = ("posture-*", "monitoring-*", "governance-*")

ACCOUNTS = (
    ("the storage account", "/stmlplocal"),
    ("the lake", "/dls"),
    ("the pointers", "/stcp"),
    ("the functions' account", "/stfn"),
)

TABLE: tuple[Mutation, ...] = (
    # -- storage
    *(
        Mutation(
            f"{what}: {flaw}", "storage", "breach", sets(STORAGE, part, **values), "storage-accounts-exact", also=DOORS
        )
        for what, part in ACCOUNTS
        for flaw, values in (
            ("keys", {"allowSharedKeyAccess": True}),
            ("anonymous containers", {"allowBlobPublicAccess": True}),
        )
    ),
    *(
        Mutation(
            f"the storage account: {flaw}",
            "storage",
            "breach",
            sets(STORAGE, "/stmlplocal", **values),
            "storage-accounts-exact",
            also=DOORS,
        )
        for flaw, values in (
            ("TLS 1.0", {"minimumTlsVersion": "TLS1_0"}),
            ("plain http", {"supportsHttpsTrafficOnly": False}),
            ("SFTP", {"isSftpEnabled": True}),
            ("local users", {"isLocalUserEnabled": True}),
            ("copies anywhere", {"allowCrossTenantReplication": True}),
            ("keys by default", {"defaultToOAuthAuthentication": False}),
            ("any copy source", {"allowedCopyScope": None}),
        )
    ),
    Mutation(
        "fewer copies of the lake",
        "storage",
        "data-loss",
        sets_at(STORAGE, "/dls", {"sku": {"name": "Standard_ZRS"}}),
        "storage-accounts-exact",
    ),
    *(
        Mutation(
            f"{what}: {flaw}",
            "recovery",
            "data-loss",
            sets(
                BLOBS,
                f"{part}094da/blobservices/default" if part != "/dls" else "/dlsmlplocal094da/blobservices/default",
                **values,
            ),
            "storage-recovery",
            also=DOORS,
        )
        for what, part in (
            ("the storage account", "/stmlplocal"),
            ("the pointers", "/stcpmlplocal"),
            ("the lake", "/dls"),
        )
        for flaw, values in (
            ("a day's retention", {"deleteRetentionPolicy__days": 1}),
            ("no recovery of containers", {"containerDeleteRetentionPolicy": {"enabled": False}}),
            ("permanent deletes", {"deleteRetentionPolicy__allowPermanentDelete": True}),
        )
    ),
    Mutation(
        "no versions of the pointers",
        "recovery",
        "data-loss",
        sets(BLOBS, "/stcpmlplocal094da/blobservices/default", isVersioningEnabled=False),
        "storage-recovery",
        also=DOORS,
    ),
    Mutation(
        "any site's scripts read the lake",
        "storage",
        "breach",
        sets(
            BLOBS,
            "/dlsmlplocal094da/blobservices/default",
            cors={
                "corsRules": [
                    {
                        "allowedOrigins": ["*"],
                        "allowedMethods": ["GET"],
                        "allowedHeaders": ["*"],
                        "exposedHeaders": ["*"],
                        "maxAgeInSeconds": 1,
                    }
                ]
            },
        ),
        "storage-recovery",
    ),
    Mutation(
        "a rule deletes the lake",
        "recovery",
        "data-loss",
        adds(
            "managementPolicies/default",
            "2023-05-01",
            {
                "properties": {
                    "policy": {
                        "rules": [
                            {
                                "enabled": True,
                                "name": "gone",
                                "type": "Lifecycle",
                                "definition": {
                                    "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 1}}},
                                    "filters": {"blobTypes": ["blockBlob"]},
                                },
                            }
                        ]
                    }
                }
            },
            below=STORAGE,
            part="/dls",
        ),
        "storage-lifecycle",
        "extra",
    ),
    Mutation(
        "the rule deletes more",
        "recovery",
        "data-loss",
        sets_at(f"{STORAGE}/managementPolicies", "", {"properties.policy.rules.0.definition.filters.prefixMatch": []}),
        "storage-lifecycle",
    ),
    Mutation(
        "a container of nobody's",
        "storage",
        "hygiene",
        adds("blobServices/default/containers/mine", "2023-05-01", {"properties": {}}, below=STORAGE, part="/dls"),
        "governance-unmanaged",
        "extra",
    ),
    Mutation(
        "a share of nobody's",
        "storage",
        "hygiene",
        adds("fileServices/default/shares/mine", "2023-05-01", {"properties": {}}, below=STORAGE, part="/stcp"),
        "governance-unmanaged",
        "extra",
    ),
    Mutation(
        "soft delete of shares is off",
        "recovery",
        "data-loss",
        sets(f"{STORAGE}/fileServices", "", shareDeleteRetentionPolicy={"enabled": False}),
        "storage-recovery",
    ),
    Mutation(
        "anybody reads a container of the lake",
        "storage",
        "breach",
        both(sets(STORAGE, "/dls", allowBlobPublicAccess=True), sets(CONTAINER, "/raw", publicAccess="Blob")),
        "storage-containers-exact",
        also=DOORS,
    ),
    Mutation(
        "anybody reads the states",
        "state",
        "breach",
        both(sets(STORAGE, "/sttf", allowBlobPublicAccess=True), sets(CONTAINER, "/tfstate", publicAccess="Blob")),
        "state-container",
        also=DOORS,
    ),
    # -- vault
    Mutation(
        "the vault uses access policies",
        "vault",
        "breach",
        sets(VAULT, "", enableRbacAuthorization=False),
        "keyvault-exact",
        also=(*DOORS, "keyvault-*"),
    ),
    Mutation(
        "an access policy",
        "vault",
        "breach",
        sets(
            VAULT,
            "",
            accessPolicies=[
                {
                    "tenantId": "10ca1000-0000-4000-8000-000000000001",
                    "objectId": "99999999-1111-4222-8333-444444444444",
                    "permissions": {"secrets": ["get"]},
                }
            ],
        ),
        "keyvault-exact",
    ),
    *(
        Mutation(
            f"the vault is open to {what}",
            "vault",
            "breach",
            sets(VAULT, "", **{name: True}),
            "keyvault-exact",
            also=DOORS,
        )
        for what, name in (
            ("deployments", "enabledForDeployment"),
            ("templates", "enabledForTemplateDeployment"),
            ("disk encryption", "enabledForDiskEncryption"),
        )
    ),
    # -- registry
    Mutation(
        "the registry has an admin",
        "registry",
        "breach",
        sets(REGISTRY, "", adminUserEnabled=True),
        "registry-exact",
        also=DOORS,
    ),
    Mutation(
        "anonymous pull",
        "registry",
        "breach",
        sets(REGISTRY, "", anonymousPullEnabled=True),
        "registry-exact",
        also=DOORS,
    ),
    Mutation(
        "images are exported",
        "registry",
        "breach",
        sets(REGISTRY, "", policies__exportPolicy={"status": "enabled"}),
        "registry-exact",
        also=DOORS,
    ),
    Mutation(
        "trusted services are shut out of the registry",
        "registry",
        "outage",
        sets(REGISTRY, "", networkRuleBypassOptions="None"),
        "network-exceptions",
        also=DOORS,
    ),
    # -- monitoring
    *(
        Mutation(
            f"no logs of {what}",
            "monitoring",
            "blindness",
            removes(DIAGNOSTIC, part),
            "monitoring-diagnostics",
            "absent",
            WATCHED,
        )
        for what, part in (
            ("the vault", "/vaults/kv-mlplocal-094da/providers"),
            ("the factory", "/factories/adf-mlp-local-094da/providers"),
            ("the registry", "/registries/crmlplocal094da/providers"),
            ("the lake", "/dlsmlplocal094da/blobservices"),
        )
    ),
    Mutation(
        "a category of logs is off",
        "monitoring",
        "blindness",
        sets_at(DIAGNOSTIC, "/dlsmlplocal094da/blobservices", {"properties.logs.0.enabled": False}),
        "monitoring-diagnostics",
        also=WATCHED,
    ),
    Mutation(
        "metrics are off",
        "monitoring",
        "blindness",
        sets_at(DIAGNOSTIC, "/stmlplocal094da/blobservices", {"properties.metrics.0.enabled": False}),
        "monitoring-diagnostics",
        also=WATCHED,
    ),
    Mutation(
        "logs go to an account, too",
        "monitoring",
        "breach",
        adds(
            f"providers/{DIAGNOSTIC}/theirs",
            DIAGNOSTIC_VERSION,
            lambda b: {
                "properties": {
                    "storageAccountId": b.one(STORAGE, "/stcp").id,
                    "logs": [{"categoryGroup": "allLogs", "enabled": True}],
                }
            },
            below=VAULT,
        ),
        "monitoring-diagnostics",
        "extra",
        WATCHED,
    ),
    *(
        Mutation(
            f"an alert {what}",
            "monitoring",
            "blindness",
            sets_at(ALERT, "failed-pipelines", values),
            "monitoring-alerts",
            also=WATCHED,
        )
        for what, values in (
            ("is off", {"properties.enabled": False}),
            ("has an absurd threshold", {"properties.criteria.allOf.0.threshold": 99999}),
            ("watches another metric", {"properties.criteria.allOf.0.metricName": "TriggerSucceededRuns"}),
            ("tells nobody", {"properties.actions": []}),
            ("looks once a day", {"properties.evaluationFrequency": "PT1H"}),
        )
    ),
    Mutation(
        "no alert of failed jobs",
        "monitoring",
        "blindness",
        removes(ALERT, "failed-jobs"),
        "monitoring-alerts",
        "absent",
        WATCHED,
    ),
    Mutation(
        "no receiver",
        "monitoring",
        "blindness",
        sets(RECEIVERS, "", emailReceivers=[]),
        "monitoring-receivers",
        also=WATCHED,
    ),
    Mutation(
        "another receiver",
        "monitoring",
        "blindness",
        sets_at(RECEIVERS, "", {"properties.emailReceivers.0.emailAddress": "stranger@example.org"}),
        "monitoring-receivers",
        also=WATCHED,
    ),
    Mutation(
        "the action group is off",
        "monitoring",
        "blindness",
        sets(RECEIVERS, "", enabled=False),
        "monitoring-receivers",
        also=WATCHED,
    ),
    Mutation(
        "a webhook of somebody's",
        "monitoring",
        "breach",
        sets(RECEIVERS, "", webhookReceivers=[{"name": "theirs", "serviceUri": "https://example.org/hook"}]),
        "monitoring-receivers",
        also=WATCHED,
    ),
    Mutation(
        "logs are kept for a week",
        "monitoring",
        "blindness",
        sets(LOGS, "", retentionInDays=7),
        "monitoring-workspace",
        also=WATCHED,
    ),
    Mutation(
        "logs are capped",
        "monitoring",
        "blindness",
        sets(LOGS, "", workspaceCapping__dailyQuotaGb=0.03),
        "monitoring-workspace",
        also=WATCHED,
    ),
    Mutation(
        "logs are taken with keys",
        "monitoring",
        "breach",
        sets(LOGS, "", features__disableLocalAuth=False),
        "monitoring-workspace",
        also=WATCHED,
    ),
    Mutation(
        "logs are taken in from nowhere",
        "monitoring",
        "blindness",
        sets(LOGS, "", publicNetworkAccessForIngestion="Disabled"),
        "network-exceptions",
        also=WATCHED,
    ),
    Mutation(
        "telemetry is taken with keys",
        "monitoring",
        "breach",
        sets(INSIGHTS, "-function", DisableLocalAuth=False),
        "monitoring-insights",
        also=WATCHED,
    ),
    Mutation(
        "telemetry goes to another workspace",
        "monitoring",
        "blindness",
        sets(INSIGHTS, "local-094da", IngestionMode="ApplicationInsights"),
        "monitoring-insights",
        also=WATCHED,
    ),
    # -- governance
    Mutation(
        "a larger budget", "governance", "cost", sets(BUDGET, "", amount=999999), "governance-costs", also=WATCHED
    ),
    Mutation(
        "the budget tells nobody",
        "governance",
        "cost",
        sets_at(BUDGET, "", {"properties.notifications.actual100.enabled": False}),
        "governance-costs",
        also=WATCHED,
    ),
    Mutation("no budget", "governance", "cost", removes(BUDGET), "governance-costs", "absent", WATCHED),
    Mutation(
        "a tag is gone",
        "governance",
        "hygiene",
        sets_at(STORAGE, "/stmlplocal", {"tags": {"owner": "nobody"}}),
        "governance-tidy",
        also=DOORS,
    ),
    Mutation(
        "another owner on the vault",
        "governance",
        "hygiene",
        sets_at(VAULT, "", {"tags.owner": "somebody-else"}),
        "governance-tidy",
    ),
    Mutation(
        "a tag more on the factory",
        "governance",
        "hygiene",
        sets_at(FACTORY, "", {"tags.mine": "yes"}),
        "governance-tidy",
    ),
    Mutation(
        "a lock on the group",
        "governance",
        "hygiene",
        adds(LOCKS, LOCK_VERSION, {"properties": {"level": "CanNotDelete"}}),
        "governance-unmanaged",
        "extra",
    ),
    Mutation(
        "the group cannot be written",
        "governance",
        "outage",
        adds(LOCKS, LOCK_VERSION, {"properties": {"level": "ReadOnly"}}),
        "governance-locks-exact",
        "extra",
        ("*",),
    ),
    Mutation(
        "a lock on the workspace",
        "governance",
        "outage",
        adds(LOCKS, LOCK_VERSION, {"properties": {"level": "ReadOnly"}}, below=WORKSPACE),
        "governance-locks-exact",
        "extra",
        ("*",),
    ),
    *(
        Mutation(
            f"{what} of somebody's in the group",
            "foreign",
            "breach",
            adds(f"providers/{path}", version, body),
            "governance-nothing-else",
            "extra",
        )
        for what, path, version, body in (
            (
                "a storage account",
                f"{STORAGE}/stofsomebody",
                "2023-05-01",
                {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
            ),
            ("a factory", f"{FACTORY}/adf-of-somebody", "2018-06-01", {"location": "westeurope"}),
            (
                "a security group",
                "Microsoft.Network/networkSecurityGroups/mine",
                "2024-01-01",
                {"location": "westeurope", "properties": {}},
            ),
            (
                "an identity",
                "Microsoft.ManagedIdentity/userAssignedIdentities/mine",
                "2023-01-31",
                {"location": "westeurope"},
            ),
            (
                "an action group",
                f"{RECEIVERS}/mine",
                "2023-01-01",
                {"location": "global", "properties": {"groupShortName": "mine", "enabled": True}},
            ),
            ("a zone", "Microsoft.Network/privateDnsZones/example.org", "2024-06-01", {"location": "global"}),
        )
    ),
)
