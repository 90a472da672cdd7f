resource "azapi_resource" "log_analytics_workspace" {
  type      = "Microsoft.OperationalInsights/workspaces@2023-09-01"
  parent_id = var.parent_id
  name      = var.names.log_analytics_workspace
  location  = var.location
  tags      = var.tags
  body = {
    properties = {
      sku                             = { name = "PerGB2018" }
      retentionInDays                 = var.retention_days
      publicNetworkAccessForIngestion = "Enabled"
      publicNetworkAccessForQuery     = "Enabled"
      features                        = { disableLocalAuth = true, enableLogAccessUsingOnlyResourcePermissions = true }
      workspaceCapping                = { dailyQuotaGb = var.daily_quota_gb }
    }
  }
}

resource "azapi_resource" "application_insights" {
  type      = "Microsoft.Insights/components@2020-02-02"
  parent_id = var.parent_id
  name      = var.names.application_insights
  location  = var.location
  tags      = var.tags
  body = {
    kind = "web"
    properties = {
      Application_Type    = "web"
      WorkspaceResourceId = azapi_resource.log_analytics_workspace.id
      IngestionMode       = "LogAnalytics"
      # Azure Machine Learning writes its metrics and logs with the connection string.
      DisableLocalAuth                = false
      publicNetworkAccessForIngestion = "Enabled"
      publicNetworkAccessForQuery     = "Enabled"
    }
  }
}

resource "azapi_resource" "action_group" {
  type      = "Microsoft.Insights/actionGroups@2023-01-01"
  parent_id = var.parent_id
  name      = var.names.action_group
  location  = "global"
  tags      = var.tags
  body = {
    properties = {
      groupShortName = "mlplatform"
      enabled        = true
      emailReceivers = [for address in sort(var.alert_emails) : { name = address, emailAddress = address, useCommonAlertSchema = true }]
    }
  }
}
