"""How much a finding matters: one literal table, read from the top; the first row that fits decides.

What opens access (breach), stops work (outage), loses data (data-loss) or blinds the operators (blindness) makes a run
red; what costs money, is untidy or is merely different (drift) is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple, Protocol

Harm = Literal["breach", "outage", "data-loss", "blindness", "cost", "hygiene", "drift"]
FATAL: tuple[Harm, ...] = ("breach", "outage", "data-loss", "blindness")


class Finding(Protocol):
    """What of a finding (toolkit/live/findings.py) decides."""

    @property
    def what(self) -> str: ...

    @property
    def type(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def meant(self) -> Any: ...

    @property
    def live(self) -> Any: ...


class Rule(NamedTuple):
    """``type`` is the end of a type, ``path`` a pattern; ``when`` looks at the values."""

    what: str
    type: str
    path: str
    harm: Harm
    when: Callable[[Finding], bool] | None = None


def _says(path: str, *values: object) -> Callable[[Finding], bool]:
    """Whether an extra resource has one of these values there."""

    def holds(finding: Finding) -> bool:
        value: Any = finding.live
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value in values

    return holds


def _less(finding: Finding) -> bool:
    return isinstance(finding.meant, int) and isinstance(finding.live, int) and finding.live < finding.meant


RULES: tuple[Rule, ...] = (
    Rule("differs", "*", "tags.*", "hygiene"),
    Rule("differs", "*", "*.description", "hygiene"),
    Rule("differs", "*", "*.annotations*", "hygiene"),
    Rule("differs", "*", "*.folder*", "hygiene"),
    # -- who may do what
    Rule("missing", "roleAssignments", "*", "outage"),
    Rule("missing", "roleDefinitions", "*", "outage"),
    Rule("differs", "roleDefinitions", "properties.roleName", "hygiene"),
    Rule("*", "roleAssignments", "*", "breach"),
    Rule("*", "roleDefinitions", "*", "breach"),
    Rule("missing", "federatedIdentityCredentials", "*", "outage"),
    Rule("*", "federatedIdentityCredentials", "*", "breach"),
    Rule("missing", "userAssignedIdentities", "*", "outage"),
    Rule("differs", "userAssignedIdentities", "properties.*Id", "outage"),
    # -- extra: a way in, a way out, or something that runs with the platform's rights
    Rule("extra", "pipelines", "*", "hygiene"),
    Rule("extra", "datasets", "*", "hygiene"),
    Rule("extra", "dataflows", "*", "hygiene"),
    Rule("extra", "globalParameters", "*", "hygiene"),
    Rule("extra", "triggers", "*", "breach", _says("properties.runtimeState", "Started")),
    Rule("extra", "triggers", "*", "hygiene"),
    Rule("extra", "locks", "*", "outage", _says("properties.level", "ReadOnly")),
    Rule("extra", "locks", "*", "hygiene"),
    Rule("extra", "budgets", "*", "hygiene"),
    Rule("extra", "environments", "*", "hygiene"),
    Rule("extra", "applications", "*", "hygiene"),
    Rule("extra", "replications", "*", "cost"),
    Rule("extra", "encryptionScopes", "*", "hygiene"),
    Rule("extra", "inventoryPolicies", "*", "hygiene"),
    Rule("extra", "managementPolicies", "*", "data-loss"),
    Rule("extra", "storageTaskAssignments", "*", "data-loss"),
    Rule("extra", "diagnosticSettings", "*", "breach"),  # logs go to somebody else
    Rule("extra", "metricAlerts", "*", "hygiene"),
    Rule("extra", "activityLogAlerts", "*", "hygiene"),
    Rule("extra", "scheduledQueryRules", "*", "hygiene"),
    Rule("extra", "shares", "*", "hygiene"),
    Rule("extra", "queues", "*", "hygiene"),
    Rule("extra", "tables", "*", "hygiene"),
    Rule("extra", "containers", "*", "breach", _says("properties.publicAccess", "Blob", "Container")),
    Rule("extra", "containers", "*", "hygiene"),
    Rule("extra", "virtualNetworkLinks", "*", "breach"),
    # -- who watches
    Rule("*", "diagnosticSettings", "*", "blindness"),
    Rule("*", "metricAlerts", "*", "blindness"),
    Rule("*", "actionGroups", "*", "blindness"),
    Rule("missing", "Microsoft.OperationalInsights/workspaces", "*", "blindness"),
    Rule("differs", "Microsoft.OperationalInsights/workspaces", "properties.publicNetworkAccess*", "breach"),
    Rule("differs", "Microsoft.OperationalInsights/workspaces", "*", "blindness"),
    Rule("differs", "components", "properties.publicNetworkAccess*", "breach"),
    Rule("*", "components", "*", "blindness"),
    Rule("*", "budgets", "*", "cost"),
    Rule("missing", "locks", "*", "data-loss"),
    Rule("differs", "locks", "*", "data-loss"),
    # -- data and its recovery
    Rule("missing", "containers", "*", "data-loss"),
    Rule("missing", "storageAccounts", "*", "data-loss"),
    Rule("missing", "vaults", "*", "data-loss"),
    Rule("missing", "keys", "*", "data-loss"),
    Rule("*", "managementPolicies", "*", "data-loss"),
    Rule("differs", "blobServices", "properties.cors*", "breach"),
    Rule("differs", "blobServices", "properties.defaultServiceVersion", "hygiene"),
    Rule("differs", "blobServices", "properties.lastAccessTimeTrackingPolicy*", "cost"),
    Rule("differs", "blobServices", "*", "data-loss"),
    Rule("differs", "fileServices", "properties.protocolSettings*", "breach"),
    Rule("differs", "fileServices", "properties.shareDelete*", "data-loss"),
    Rule("differs", "storageAccounts", "sku.*", "data-loss"),
    Rule("differs", "storageAccounts", "properties.accessTier", "cost"),
    Rule("differs", "vaults", "properties.*softDelete*", "data-loss"),
    Rule("differs", "vaults", "properties.enablePurgeProtection", "data-loss"),
    # -- money
    Rule("differs", "computes", "*.minNodeCount", "cost"),
    Rule("differs", "computes", "*.maxNodeCount", "outage", _less),
    Rule("differs", "computes", "*.maxNodeCount", "cost"),
    Rule("differs", "computes", "*.nodeIdleTime*", "cost"),
    Rule("differs", "computes", "*.vmSize", "cost"),
    Rule("differs", "pools", "properties.vmSize", "cost"),
    Rule("differs", "pools", "properties.scaleSettings.fixedScale.target*", "cost"),
    Rule("differs", "integrationRuntimes", "*.computeProperties.location", "outage"),
    Rule("differs", "integrationRuntimes", "*.computeProperties.*", "cost"),
    Rule("differs", "registries", "sku.*", "outage"),
    Rule("differs", "registries", "properties.zoneRedundancy", "hygiene"),
    # -- doors that a configuration which says nothing leaves shut
    Rule("differs", "storageAccounts", "properties.networkAcls.*", "breach"),
    Rule("differs", "storageAccounts", "properties.is*Enabled", "breach"),
    Rule("differs", "storageAccounts", "properties.allow*", "breach"),
    Rule("differs", "storageAccounts", "properties.publicNetworkAccess", "breach"),
    Rule("differs", "*Services", "properties.cors*", "breach"),
    Rule("differs", "vaults", "properties.sku.*", "cost"),
    Rule("differs", "vaults", "properties.*", "breach"),
    Rule("differs", "registries", "properties.policies.azureADAuthenticationAsArmPolicy*", "outage"),
    Rule("differs", "registries", "properties.policies.quarantinePolicy*", "outage"),
    Rule("differs", "registries", "properties.policies.trustPolicy*", "outage"),
    Rule("differs", "registries", "properties.policies.retentionPolicy*", "data-loss"),
    Rule("differs", "registries", "properties.policies.softDeletePolicy*", "hygiene"),
    Rule("differs", "registries", "properties.*", "breach"),
    Rule("differs", "factories", "properties.*", "breach"),
    Rule("differs", "linkedservices", "*", "breach"),
    Rule("differs", "credentials", "*", "breach"),
    Rule("differs", "datastores", "*", "breach"),
    Rule("differs", "computes", "properties.*", "breach"),
    Rule("differs", "pools", "properties.*", "breach"),
    Rule("differs", "batchAccounts", "properties.*", "breach"),
    Rule("differs", "Microsoft.Web/sites", "properties.enabled", "outage"),
    Rule("differs", "Microsoft.Web/sites", "properties.state", "outage"),
    Rule("differs", "Microsoft.Web/sites", "properties.functionAppConfig.scaleAndConcurrency.*", "outage", _less),
    Rule("differs", "Microsoft.Web/sites", "properties.functionAppConfig.scaleAndConcurrency.*", "cost"),
    Rule("differs", "Microsoft.Web/sites", "properties.functionAppConfig.*", "outage"),
    Rule("differs", "Microsoft.Web/sites", "properties.*", "breach"),
    Rule("differs", "basicPublishingCredentialsPolicies", "*", "breach"),
    Rule("differs", "Microsoft.Web/sites/config", "*", "breach"),
    Rule("differs", "networkSecurityGroups", "*", "breach"),
    Rule("differs", "virtualNetworks", "properties.enableDdosProtection", "cost"),
    Rule("differs", "virtualNetworks", "properties.*", "breach"),
    Rule("differs", "routeTables", "*", "breach"),
    Rule("differs", "virtualNetworkLinks", "*", "outage"),
    Rule("differs", "pipelines", "*", "outage"),
    Rule("differs", "triggers", "*", "outage"),
    Rule("differs", "privateDnsZoneGroups", "*", "outage"),
    Rule("differs", "privateDnsZones/*", "*", "outage"),
    Rule("extra", "privateDnsZones/*", "*", "breach"),
    Rule("missing", "privateDnsZones/*", "*", "outage"),
    Rule("differs", "Microsoft.MachineLearningServices/workspaces", "properties.friendlyName", "hygiene"),
    Rule("differs", "Microsoft.MachineLearningServices/workspaces", "properties.*", "breach"),
    Rule("differs", "identity*", "*", "outage"),
    Rule("differs", "*", "identity*", "outage"),
    Rule("missing", "serverfarms", "*", "outage"),
    Rule("missing", "*", "*", "outage"),
    Rule("extra", "*", "*", "breach"),
)

# Doors of whole types are matched by their last names, so that a row reads as people say it.
_DRIFT: Harm = "drift"


def harm_of(finding: Finding) -> Harm:
    """A property that the configuration says is never mere drift; one that it leaves unsaid is, but for a door."""
    path = re.sub(r"\[[^\]]*\]", "", finding.path)
    for rule in RULES:
        if (
            rule.what in ("*", finding.what)
            and fnmatchcase(finding.type.casefold(), _type(rule.type))
            and (finding.what != "differs" or fnmatchcase(path.casefold(), rule.path.casefold()))
            and (rule.when is None or rule.when(finding))
        ):
            return rule.harm
    return "outage" if finding.meant is not None or finding.path.endswith("]") else _DRIFT


def _type(pattern: str) -> str:
    folded = pattern.casefold()
    return folded if folded.startswith(("*", "microsoft.")) else f"*/{folded}"
