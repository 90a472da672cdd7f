"""The api-versions of Azure Resource Manager that Python asks with, in one table.

They are those that Terraform writes the types with (terraform/modules), so that a check reads what was written; a test
holds the two together. What Terraform never asks for has its own version below.
"""

from __future__ import annotations

API_VERSIONS: dict[str, str] = {
    "microsoft.authorization/locks": "2020-05-01",
    "microsoft.authorization/roleassignments": "2022-04-01",
    "microsoft.authorization/roledefinitions": "2022-04-01",
    "microsoft.batch/batchaccounts": "2024-02-01",
    "microsoft.consumption/budgets": "2023-11-01",
    "microsoft.containerregistry/registries": "2023-07-01",
    "microsoft.datafactory/factories": "2018-06-01",
    "microsoft.insights/actiongroups": "2023-01-01",
    "microsoft.insights/metricalerts": "2018-03-01",
    "microsoft.keyvault/vaults": "2026-02-01",
    "microsoft.machinelearningservices/workspaces": "2026-05-01",
    "microsoft.managedidentity/userassignedidentities": "2023-01-31",
    "microsoft.network/networksecurityperimeters": "2024-07-01",
    "microsoft.network/privatednszones": "2024-06-01",
    "microsoft.network/privateendpoints": "2024-01-01",
    "microsoft.network/virtualnetworks": "2024-01-01",
    "microsoft.resources/resourcegroups": "2024-03-01",
    "microsoft.storage/storageaccounts": "2023-05-01",
    "microsoft.web/sites": "2023-12-01",
}
# Of Batch's own hosts: https://learn.microsoft.com/rest/api/batchservice/batch-service-rest-api-versioning
BATCH_SERVICE_API_VERSION = "2024-07-01.20.0"
# Which perimeter a resource is a member of, asked of the resource: GET …/networkSecurityPerimeterConfigurations, of the
# versions that have it (https://github.com/Azure/bicep-types-az, generated/storage and generated/keyvault).
PERIMETER_CONFIGURATIONS_API_VERSIONS: dict[str, str] = {
    "Microsoft.Storage/storageAccounts": "2023-05-01",
    "Microsoft.KeyVault/vaults": "2024-12-01-preview",
}
# Children of a registry whose versions are not the registry's: asked with those, Azure answers 400
# (https://github.com/Azure/bicep-types-az, generated/containerregistry).
CHILD_API_VERSIONS: dict[str, str] = {
    "Microsoft.ContainerRegistry/registries/tasks": "2019-04-01",
    "Microsoft.ContainerRegistry/registries/agentPools": "2019-06-01-preview",
    "Microsoft.ContainerRegistry/registries/connectedRegistries": "2025-04-01",
    "Microsoft.ContainerRegistry/registries/exportPipelines": "2023-01-01-preview",
    "Microsoft.ContainerRegistry/registries/importPipelines": "2023-01-01-preview",
}
DIAGNOSTICS_API_VERSION = "2021-05-01-preview"

# https://learn.microsoft.com/rest/api/resources/deployments/create-or-update
DEPLOYMENTS_API_VERSION = "2024-03-01"
# https://learn.microsoft.com/rest/api/monitor/activity-logs/list
ACTIVITY_LOG_API_VERSION = "2015-04-01"
# https://learn.microsoft.com/rest/api/resources/resources/list-by-resource-group
RESOURCES_API_VERSION = "2021-04-01"
# https://learn.microsoft.com/rest/api/resources/subscriptions/get
SUBSCRIPTIONS_API_VERSION = "2022-12-01"
# https://learn.microsoft.com/rest/api/resources/providers/list
PROVIDERS_API_VERSION = "2022-12-01"
# https://learn.microsoft.com/rest/api/azureml/usages/list, virtual-machine-sizes/list
CORE_QUOTAS_API_VERSION = "2025-06-01"
# https://learn.microsoft.com/rest/api/storagerp/usages/list-by-location, skus/list
STORAGE_USAGES_API_VERSION = "2023-05-01"
# https://learn.microsoft.com/rest/api/virtualnetwork/usages/list
NETWORK_USAGES_API_VERSION = "2024-01-01"
# https://learn.microsoft.com/rest/api/batchmanagement/location/get-quotas, check-name-availability
BATCH_LOCATIONS_API_VERSION = "2024-02-01"
# https://learn.microsoft.com/rest/api/loganalytics/deleted-workspaces/list
DELETED_WORKSPACES_API_VERSION = "2023-09-01"
# https://learn.microsoft.com/rest/api/compute/resource-skus/list
COMPUTE_SKUS_API_VERSION = "2021-07-01"
# https://learn.microsoft.com/rest/api/policyinsights/policy-restrictions
POLICY_RESTRICTIONS_API_VERSION = "2024-10-01"
# https://learn.microsoft.com/rest/api/advisor/recommendations/list
ADVISOR_API_VERSION = "2023-01-01"
# Of the linked templates that Data Factory publishes (toolkit/adf/linked.py)
DEPLOYMENTS_API_VERSION = "2024-03-01"
# https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource
PERMISSIONS_API_VERSION = "2022-04-01"
# https://learn.microsoft.com/rest/api/virtualnetwork/service-tags/list
SERVICE_TAGS_API_VERSION = "2024-01-01"
# https://learn.microsoft.com/rest/api/appservice/list-geo-regions/list-geo-regions
GEO_REGIONS_API_VERSION = "2023-12-01"
# Only previews have ipAllowlist, also for a PATCH: WorkspacePropertiesUpdateParameters in workspaceRP.json of
# https://github.com/Azure/azure-rest-api-specs (machinelearningservices). Terraform's version of it, too.
WORKSPACE_ALLOWLIST_API_VERSION = "2026-05-15-preview"
# https://learn.microsoft.com/rest/api/azureml/workspaces/delete (forceToPurge)
WORKSPACE_PURGE_API_VERSION = "2025-12-01"


def api_version(resource_id: str) -> str:
    """The api-version for a resource (or a child of one). Raises KeyError for a type that the table lacks."""
    segments = resource_id.lower().rsplit("/providers/", 1)[1].split("/")
    return API_VERSIONS[f"{segments[0]}/{segments[1]}"]
