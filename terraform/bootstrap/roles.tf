# Roles that are narrower than any built-in one. Only who may write role definitions can make them, which CI may not.
# https://learn.microsoft.com/azure/role-based-access-control/custom-roles

locals {
  approved_types = [
    "Microsoft.Batch/batchAccounts",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.KeyVault/vaults",
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.Storage/storageAccounts",
  ]

  custom_roles = {
    private_endpoint_approver = {
      role_name   = "Private Endpoint Approver"
      description = "Approves private endpoints on the platform's resources, and changes nothing else of them."
      scopes      = [azapi_resource.platform_resource_group.id]
      # https://learn.microsoft.com/azure/private-link/rbac-permissions#approval-rbac-for-private-endpoint
      actions = flatten([
        for type in local.approved_types : [
          "${type}/read",
          "${type}/privateEndpointConnections/read",
          "${type}/privateEndpointConnections/write",
          "${type}/privateEndpointConnectionsApproval/action",
          "${type}/privateLinkResources/read",
        ]
      ])
    }
    # Network rules are properties of the account and have no action of their own: this is what remains of Storage Account
    # Contributor (which may list the keys, too) when only they are to be changed.
    # https://learn.microsoft.com/azure/role-based-access-control/permissions/storage#microsoftstorage
    storage_firewall_operator = {
      role_name   = "Storage Firewall Operator"
      description = "Changes the settings of storage accounts, for temporary firewall rules; no keys, no data, nothing new or deleted below them."
      scopes      = [azapi_resource.platform_resource_group.id, azapi_resource.state_resource_group.id]
      actions     = ["Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/write"]
    }
    # A deleted vault belongs to the subscription, no longer to a resource group. Where purge protection forbids purging, the
    # right to do so would only reach other people's vaults.
    # https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery
    deleted_vault_operator = {
      role_name   = "Deleted Vault Operator"
      description = "Sees deleted key vaults, and frees their names where that is allowed, so that a platform can be made again after a destroy."
      scopes      = [local.subscription]
      actions = concat(
        ["Microsoft.KeyVault/locations/deletedVaults/read", "Microsoft.KeyVault/locations/operationResults/read"],
        var.key_vault.purge_protection ? [] : ["Microsoft.KeyVault/locations/deletedVaults/purge/action"],
      )
    }
  }
}

resource "azapi_resource" "role_definition" {
  for_each = local.custom_roles

  type      = "Microsoft.Authorization/roleDefinitions@2022-04-01"
  parent_id = local.subscription
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
