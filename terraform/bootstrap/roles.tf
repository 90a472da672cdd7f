# Roles that are narrower than any built-in one. Only who may write role definitions can make them, which CI may not.
# https://learn.microsoft.com/azure/role-based-access-control/custom-roles

locals {
  # Written out for each type: they are not alike (Batch has no approval action, the registry no private link resources), and one
  # operation that does not exist makes Azure refuse the whole definition (400 InvalidActionOrNotAction).
  # https://learn.microsoft.com/azure/role-based-access-control/permissions/,
  # https://learn.microsoft.com/azure/private-link/rbac-permissions#approval-rbac-for-private-endpoint
  approver_actions = [
    "Microsoft.Batch/batchAccounts/privateEndpointConnections/read",
    "Microsoft.Batch/batchAccounts/privateEndpointConnections/write",
    "Microsoft.Batch/batchAccounts/privateLinkResources/read",
    "Microsoft.Batch/batchAccounts/read",
    "Microsoft.ContainerRegistry/registries/privateEndpointConnections/read",
    "Microsoft.ContainerRegistry/registries/privateEndpointConnections/write",
    "Microsoft.ContainerRegistry/registries/privateEndpointConnectionsApproval/action",
    "Microsoft.ContainerRegistry/registries/read",
    "Microsoft.KeyVault/vaults/PrivateEndpointConnectionsApproval/action",
    "Microsoft.KeyVault/vaults/privateEndpointConnections/read",
    "Microsoft.KeyVault/vaults/privateEndpointConnections/write",
    "Microsoft.KeyVault/vaults/privateLinkResources/read",
    "Microsoft.KeyVault/vaults/read",
    "Microsoft.MachineLearningServices/workspaces/privateEndpointConnections/read",
    "Microsoft.MachineLearningServices/workspaces/privateEndpointConnections/write",
    "Microsoft.MachineLearningServices/workspaces/privateEndpointConnectionsApproval/action",
    "Microsoft.MachineLearningServices/workspaces/privateLinkResources/read",
    "Microsoft.MachineLearningServices/workspaces/read",
    "Microsoft.Storage/storageAccounts/PrivateEndpointConnectionsApproval/action",
    "Microsoft.Storage/storageAccounts/privateEndpointConnections/read",
    "Microsoft.Storage/storageAccounts/privateEndpointConnections/write",
    "Microsoft.Storage/storageAccounts/privateLinkResources/read",
    "Microsoft.Storage/storageAccounts/read",
  ]

  custom_roles = {
    private_endpoint_approver = {
      role_name   = "Private Endpoint Approver"
      description = "Approves private endpoints on the platform's resources, and changes nothing else of them."
      scopes      = [azapi_resource.platform_resource_group.id]
      actions     = local.approver_actions
    }
    # Network rules are properties of the account and have no action of their own: this is what remains of Storage Account
    # Contributor (which may list the keys, too) when only they are to be changed.
    # https://learn.microsoft.com/azure/role-based-access-control/permissions/storage#microsoftstorage
    storage_firewall_operator = {
      role_name   = "Storage Firewall Operator"
      description = <<-EOT
        Changes the settings of storage accounts, for temporary firewall rules;
        no keys, no data, nothing new or deleted below them.
      EOT
      scopes      = [azapi_resource.platform_resource_group.id, azapi_resource.state_resource_group.id]
      actions     = ["Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/write"]
    }
    # Leases are written down as deployments of nothing (docs/firewall.md). A deployment runs with the rights of whoever sends it:
    # what these may not write otherwise, no template of theirs writes, and deploymentScripts are another type, with rights of its own.
    # https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-rest#required-permissions
    # The writer reads how its own deployment stands, for which Azure asks an action beside it (Azure-Samples/azure-search-openai-demo
    # issue 848); no validate, what-if, cancel or export, which nothing here asks for.
    firewall_lease_keeper = {
      role_name   = "Firewall Lease Keeper"
      description = "Writes, reads and removes deployments, in which firewall leases are written down; makes no resources."
      scopes      = [azapi_resource.state_resource_group.id]
      actions = [
        "Microsoft.Resources/deployments/delete",
        "Microsoft.Resources/deployments/operationstatuses/read",
        "Microsoft.Resources/deployments/read",
        "Microsoft.Resources/deployments/write",
      ]
    }
    # Data Factory Contributor without authoring: whoever changes a pipeline acts as the factory's identities, and whoever runs one
    # runs what is there. No built-in role is like that: https://learn.microsoft.com/azure/data-factory/concepts-roles-permissions
    # https://learn.microsoft.com/azure/role-based-access-control/permissions/analytics#microsoftdatafactory
    data_factory_operator = {
      role_name   = "Data Factory Operator"
      description = "Sees a factory's pipelines and runs, reruns and cancels them, and changes nothing."
      scopes      = [azapi_resource.platform_resource_group.id]
      actions = [
        "Microsoft.DataFactory/factories/datasets/read",
        "Microsoft.DataFactory/factories/globalParameters/read",
        "Microsoft.DataFactory/factories/integrationRuntimes/read",
        "Microsoft.DataFactory/factories/linkedServices/read",
        "Microsoft.DataFactory/factories/pipelineruns/cancel/action",
        "Microsoft.DataFactory/factories/pipelineruns/queryactivityruns/read",
        "Microsoft.DataFactory/factories/pipelineruns/read",
        "Microsoft.DataFactory/factories/pipelines/createrun/action",
        "Microsoft.DataFactory/factories/pipelines/read",
        "Microsoft.DataFactory/factories/querypipelineruns/read",
        "Microsoft.DataFactory/factories/querytriggerruns/read",
        "Microsoft.DataFactory/factories/read",
        "Microsoft.DataFactory/factories/triggers/read",
        "Microsoft.DataFactory/factories/triggers/triggerruns/cancel/action",
        "Microsoft.DataFactory/factories/triggers/triggerruns/read",
        "Microsoft.DataFactory/factories/triggers/triggerruns/rerun/action",
      ]
    }
    # What the toolkit asks of the subscription before it changes anything: quotas, zones, names, and what is deleted or locked.
    # Without these it leaves the answers to the apply, which then stops half-way. How a deletion stands belongs to the subscription, too.
    # https://learn.microsoft.com/azure/role-based-access-control/permissions/
    preflight_reader = {
      role_name   = "Preflight Reader"
      description = <<-EOT
        Sees the subscription, its limits, names and zones and what is deleted in it, before a platform is changed;
        no content.
      EOT
      scopes      = [local.subscription]
      actions = [
        "Microsoft.Advisor/recommendations/read", # announced retirements
        "Microsoft.Authorization/locks/read",
        "Microsoft.Authorization/permissions/read",
        "Microsoft.Authorization/roleAssignments/read", # who reaches the platform from above it, or its identities elsewhere
        "Microsoft.Authorization/roleDefinitions/read",
        "Microsoft.Batch/batchAccounts/read",
        "Microsoft.Batch/locations/quotas/read",
        "Microsoft.Compute/skus/read",
        "Microsoft.ContainerRegistry/checkNameAvailability/read",
        "Microsoft.ContainerRegistry/registries/read",
        "Microsoft.KeyVault/checkNameAvailability/read",
        "Microsoft.KeyVault/deletedVaults/read", # a refusal is not read as "none is deleted": toolkit/terraform/recovery/looking.py
        "Microsoft.KeyVault/vaults/read",
        "Microsoft.MachineLearningServices/locations/usages/read",
        "Microsoft.MachineLearningServices/locations/vmSizes/read",
        "Microsoft.Network/locations/serviceTags/read", # whether an agent stands in the account's own region, where no rule helps
        "Microsoft.Network/locations/usages/read",
        "Microsoft.Network/virtualNetworks/read", # whose ranges the platform's must not overlap
        "Microsoft.OperationalInsights/deletedWorkspaces/read",
        "Microsoft.PolicyInsights/checkPolicyRestrictions/read",
        "Microsoft.Resources/subscriptions/locations/read",
        "Microsoft.Resources/subscriptions/operationresults/read",
        "Microsoft.Resources/subscriptions/providers/read",
        "Microsoft.Resources/subscriptions/read", # whether it is there, and of which tenant: every command's first question
        "Microsoft.Storage/checkNameAvailability/read",
        "Microsoft.Storage/deletedAccounts/read",
        "Microsoft.Storage/locations/usages/read",
        "Microsoft.Storage/storageAccounts/read",
        "Microsoft.Web/checknameavailability/read",
        "Microsoft.Web/geoRegions/read",
        "Microsoft.Web/sites/read",
      ]
    }
    # A deleted vault belongs to the subscription, no longer to a resource group. Where purge protection forbids purging, the
    # right to do so would only reach other people's vaults.
    # https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery
    deleted_vault_operator = {
      role_name   = "Deleted Vault Operator"
      description = <<-EOT
        Sees deleted key vaults and storage accounts, and frees the names of vaults where that is allowed,
        so that a platform can be made again after a destroy, and nothing that can be restored is made anew.
      EOT
      scopes      = [local.subscription]
      actions = concat(
        [
          "Microsoft.KeyVault/deletedVaults/read",
          "Microsoft.KeyVault/locations/deletedVaults/read",
          "Microsoft.KeyVault/locations/operationResults/read",
          "Microsoft.Storage/deletedAccounts/read",
        ],
        var.key_vault.purge_protection ? [] : ["Microsoft.KeyVault/locations/deletedVaults/purge/action"],
      )
    }
  }
}

resource "azapi_resource" "role_definition" {
  for_each = local.custom_roles

  type      = "Microsoft.Authorization/roleDefinitions@2022-04-01"
  parent_id = each.value.scopes[0] # who may write definitions there only can make it, and Azure wants the right on every scope
  name      = uuidv5("url", "${local.subscription}/resourceGroups/${local.names.resource_group}|${each.key}")
  body = {
    properties = {
      # Names of roles are unique in a tenant.
      roleName         = "${each.value.role_name} (${local.names.resource_group})"
      description      = each.value.description
      type             = "CustomRole"
      assignableScopes = each.value.scopes
      permissions = [{
        actions        = each.value.actions
        notActions     = []
        dataActions    = []
        notDataActions = []
      }]
    }
  }
}

locals {
  # Azure names a definition below the subscription, whatever the scope that it was made at. From the resource's id, so that a
  # definition that is replaced takes its assignments with it, first: it cannot be deleted before them (RoleDefinitionHasAssignments).
  custom_role_ids = {
    for key, definition in azapi_resource.role_definition :
    key => "${local.subscription}/providers/Microsoft.Authorization/roleDefinitions/${basename(definition.id)}"
  }
}
