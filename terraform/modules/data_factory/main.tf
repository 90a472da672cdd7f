locals {
  git = var.git_configuration

  properties = merge(
    { publicNetworkAccess = var.public_network_access },
    # Without a version: https://learn.microsoft.com/azure/data-factory/enable-customer-managed-key
    var.customer_managed_key == null ? null : {
      encryption = {
        vaultBaseUrl = var.customer_managed_key.vault_uri
        keyName      = var.customer_managed_key.key_name
        identity     = { userAssignedIdentity = var.customer_managed_key.identity_id }
      }
    },
    length(var.global_parameters) == 0 ? {} : {
      globalParameters = { for name, value in var.global_parameters : name => { type = "String", value = value } }
    },
    # Published by Terraform alone: the studio's branch is for drafts, and publishing it would undo what Terraform deployed.
    # https://learn.microsoft.com/azure/data-factory/source-control
    local.git == null ? {} : {
      repoConfiguration = merge(
        {
          type                = local.git.azure_devops == null ? "FactoryGitHubConfiguration" : "FactoryVSTSConfiguration"
          accountName         = local.git.account_name
          repositoryName      = local.git.repository_name
          collaborationBranch = local.git.collaboration_branch
          rootFolder          = local.git.root_folder
          disablePublish      = true
        },
        local.git.azure_devops == null ? {} : {
          projectName = local.git.azure_devops.project_name
          tenantId    = local.git.azure_devops.tenant_id
        },
      )
    },
  )

  identity_ids = distinct(concat(values(var.credentials), var.customer_managed_key == null ? [] : [var.customer_managed_key.identity_id]))

  managed_virtual_network_id = "${azapi_resource.this.id}/managedVirtualNetworks/default"
}

resource "azapi_resource" "this" {
  type      = "Microsoft.DataFactory/factories@2018-06-01"
  parent_id = var.parent_id
  name      = var.name
  location  = var.location
  tags      = var.tags

  identity {
    type         = length(local.identity_ids) == 0 ? "SystemAssigned" : "SystemAssigned, UserAssigned"
    identity_ids = length(local.identity_ids) == 0 ? null : local.identity_ids
  }

  # Of the identity's id.
  ignore_casing = var.customer_managed_key != null

  body = { properties = local.properties }
}

# An action, because the REST reference has no operation that deletes a managed virtual network; it goes with its factory.
# https://learn.microsoft.com/rest/api/datafactory/managed-virtual-networks
resource "azapi_resource_action" "managed_virtual_network" {
  type        = "Microsoft.DataFactory/factories/managedVirtualNetworks@2018-06-01"
  resource_id = local.managed_virtual_network_id
  method      = "PUT"
  body        = { properties = {} }
}

resource "azapi_resource" "integration_runtime" {
  type      = "Microsoft.DataFactory/factories/integrationRuntimes@2018-06-01"
  parent_id = azapi_resource.this.id
  name      = "ir-managed-vnet"
  body = {
    properties = {
      type                  = "Managed"
      managedVirtualNetwork = { type = "ManagedVirtualNetworkReference", referenceName = "default" }
      typeProperties = {
        computeProperties = {
          location                   = "AutoResolve"
          dataFlowProperties         = { computeType = "General", coreCount = 8, timeToLive = var.time_to_live_minutes, cleanup = false }
          copyComputeScaleProperties = { dataIntegrationUnit = 4, timeToLive = var.time_to_live_minutes }
          pipelineExternalComputeScaleProperties = {
            timeToLive            = var.time_to_live_minutes
            numberOfPipelineNodes = 1
            numberOfExternalNodes = 1
          }
        }
      }
    }
  }
  depends_on = [azapi_resource_action.managed_virtual_network]
}

module "managed_private_endpoint" {
  source   = "./modules/managed_private_endpoint"
  for_each = var.managed_private_endpoints

  name                       = each.key
  data_factory_id            = azapi_resource.this.id
  managed_virtual_network_id = azapi_resource_action.managed_virtual_network.resource_id
  target_id                  = each.value.target_id
  group_id                   = each.value.group_id
}

module "private_endpoint" {
  source   = "../private_endpoint"
  for_each = var.private_endpoints

  name                 = each.value.name
  parent_id            = var.parent_id
  location             = var.location
  tags                 = var.tags
  subnet_id            = each.value.subnet_id
  target_id            = azapi_resource.this.id
  group_id             = each.key
  private_dns_zone_ids = each.value.private_dns_zone_ids
}

module "diagnostic_setting" {
  source = "../diagnostic_setting"

  target_ids       = { this = azapi_resource.this.id }
  diagnostics      = var.diagnostics
  dedicated_tables = true # https://learn.microsoft.com/azure/data-factory/monitor-using-azure-monitor
}

moved {
  from = azapi_resource.diagnostics[0]
  to   = module.diagnostic_setting.azapi_resource.this["this"]
}
