resource "azapi_resource" "plan" {
  type      = "Microsoft.Web/serverfarms@2023-12-01"
  parent_id = var.parent_id
  name      = var.plan_name
  location  = var.location
  tags      = var.tags
  body = {
    kind       = "functionapp"
    sku        = { name = "FC1", tier = "FlexConsumption" }
    properties = { reserved = true, zoneRedundant = var.zone_redundant }
  }
}

locals {
  # Host storage without a key:
  # https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
  host_settings = {
    AzureWebJobsStorage__accountName = var.storage.account_name
    AzureWebJobsStorage__credential  = "managedidentity"
    AzureWebJobsStorage__clientId    = var.identity.client_id
  }

  # Signed in with the identity, since the component takes no key:
  # https://learn.microsoft.com/azure/azure-functions/configure-monitoring#enable-application-insights-integration
  insights_settings = var.application_insights == null ? {} : {
    APPLICATIONINSIGHTS_CONNECTION_STRING     = terraform_data.connection_string[0].output
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "Authorization=AAD;ClientId=${var.identity.client_id}"
  }
  settings = merge(var.settings, local.host_settings, local.insights_settings)
}

# The app's own: the workspace's component must take keys, since Azure Machine Learning writes with its connection string.
resource "azapi_resource" "application_insights" {
  count = var.application_insights == null ? 0 : 1

  type      = "Microsoft.Insights/components@2020-02-02"
  parent_id = var.parent_id
  name      = var.application_insights.name
  location  = var.location
  tags      = var.tags
  body = {
    kind = "web"
    properties = {
      Application_Type                = "web"
      WorkspaceResourceId             = var.application_insights.workspace_id
      IngestionMode                   = "LogAnalytics"
      DisableLocalAuth                = true
      publicNetworkAccessForIngestion = "Enabled"
      publicNetworkAccessForQuery     = "Enabled"
    }
  }

  response_export_values = ["properties.ConnectionString"]
}

# As ids of modules/user_assigned_identity: an output is unknown whenever its resource changes, and the app would change with it.
resource "terraform_data" "connection_string" {
  count = var.application_insights == null ? 0 : 1

  input            = azapi_resource.application_insights[0].output.properties.ConnectionString
  triggers_replace = azapi_resource.application_insights[0].id

  lifecycle {
    ignore_changes = [input]
  }
}

resource "azapi_resource" "this" {
  type      = "Microsoft.Web/sites@2023-12-01"
  parent_id = var.parent_id
  name      = var.name
  location  = var.location
  tags      = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity.id]
  }

  body = {
    kind = "functionapp,linux"
    properties = {
      serverFarmId              = azapi_resource.plan.id
      httpsOnly                 = true
      publicNetworkAccess       = var.public_network_access
      virtualNetworkSubnetId    = var.subnet_id
      keyVaultReferenceIdentity = var.identity.id
      clientAffinityEnabled     = false
      functionAppConfig = {
        deployment = {
          storage = {
            type           = "blobContainer"
            value          = "${var.storage.blob_endpoint}${var.storage.container}"
            authentication = { type = "UserAssignedIdentity", userAssignedIdentityResourceId = var.identity.id }
          }
        }
        runtime = { name = var.runtime.name, version = var.runtime.version }
        scaleAndConcurrency = {
          instanceMemoryMB     = var.scale.memory_mb
          maximumInstanceCount = var.scale.max_instances
          alwaysReady          = []
        }
      }
      siteConfig = {
        minTlsVersion    = "1.2"
        scmMinTlsVersion = "1.2"
        ftpsState        = "Disabled"
        http20Enabled    = true
        appSettings      = [for name, value in local.settings : { name = name, value = value }]
      }
    }
  }

  timeouts {
    create = var.timeout
    delete = var.timeout
  }
}

# Passwords for publishing come with the site, so that there is nothing to create:
# https://learn.microsoft.com/azure/app-service/configure-basic-auth-disable
resource "azapi_update_resource" "basic_publishing" {
  for_each = toset(["scm", "ftp"])

  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2023-12-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  # A site takes one write at a time.
  locks = [azapi_resource.this.id]
  body  = { properties = { allow = false } }
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

  target_ids     = { this = azapi_resource.this.id }
  diagnostics    = var.diagnostics
  log_categories = ["FunctionAppLogs"]
}

moved {
  from = azapi_resource.diagnostics[0]
  to   = module.diagnostic_setting.azapi_resource.this["this"]
}
