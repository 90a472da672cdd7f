"""The public names that private endpoints take over, and the private DNS zones that answer for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PrivateLinkZone:
    """``{name}.{suffix}`` is an alias of ``{name}.{zone}`` once it has a private endpoint for ``group_id``.

    The suffix itself can be such a name too (the portal of Data Factory): its record is the zone's apex, ``@``.
    """

    suffix: str
    zone: str
    group_id: str
    resource_type: str | None = None  # set where a resource's host name is its name and the suffix


# https://learn.microsoft.com/azure/private-link/private-endpoint-dns (public cloud)
ZONES: Final = (
    PrivateLinkZone(
        "blob.core.windows.net", "privatelink.blob.core.windows.net", "blob", "Microsoft.Storage/storageAccounts"
    ),
    PrivateLinkZone(
        "dfs.core.windows.net", "privatelink.dfs.core.windows.net", "dfs", "Microsoft.Storage/storageAccounts"
    ),
    PrivateLinkZone(
        "file.core.windows.net", "privatelink.file.core.windows.net", "file", "Microsoft.Storage/storageAccounts"
    ),
    PrivateLinkZone(
        "queue.core.windows.net", "privatelink.queue.core.windows.net", "queue", "Microsoft.Storage/storageAccounts"
    ),
    PrivateLinkZone(
        "table.core.windows.net", "privatelink.table.core.windows.net", "table", "Microsoft.Storage/storageAccounts"
    ),
    PrivateLinkZone("web.core.windows.net", "privatelink.web.core.windows.net", "web"),
    PrivateLinkZone("vault.azure.net", "privatelink.vaultcore.azure.net", "vault", "Microsoft.KeyVault/vaults"),
    PrivateLinkZone("azurecr.io", "privatelink.azurecr.io", "registry", "Microsoft.ContainerRegistry/registries"),
    PrivateLinkZone("api.azureml.ms", "privatelink.api.azureml.ms", "amlworkspace"),
    PrivateLinkZone("notebooks.azure.net", "privatelink.notebooks.azure.net", "amlworkspace"),
    PrivateLinkZone("datafactory.azure.net", "privatelink.datafactory.azure.net", "dataFactory"),
    PrivateLinkZone("adf.azure.com", "privatelink.adf.azure.com", "portal"),
    PrivateLinkZone("azurewebsites.net", "privatelink.azurewebsites.net", "sites", "Microsoft.Web/sites"),
    PrivateLinkZone("batch.azure.com", "privatelink.batch.azure.com", "batchAccount"),
    PrivateLinkZone("monitor.azure.com", "privatelink.monitor.azure.com", "azuremonitor"),
    PrivateLinkZone("oms.opinsights.azure.com", "privatelink.oms.opinsights.azure.com", "azuremonitor"),
    PrivateLinkZone("ods.opinsights.azure.com", "privatelink.ods.opinsights.azure.com", "azuremonitor"),
    PrivateLinkZone("agentsvc.azure-automation.net", "privatelink.agentsvc.azure-automation.net", "azuremonitor"),
)


def suffix_of(group_id: str) -> str:
    """The public suffix of the names of this group; of the first kind where it has several."""
    return next(entry.suffix for entry in ZONES if entry.group_id == group_id)


def zone_of(host: str) -> PrivateLinkZone | None:
    """The entry whose public suffix ``host`` (lower case) is or ends with, else None."""
    return next((entry for entry in ZONES if f".{host}".endswith(f".{entry.suffix}")), None)
