locals {
  log_kind = var.log_categories == null ? "categoryGroup" : "category"
  logs     = var.log_categories == null ? ["allLogs"] : var.log_categories
}

resource "azapi_resource" "this" {
  for_each = var.diagnostics == null ? {} : var.target_ids

  type      = "Microsoft.Insights/diagnosticSettings@2021-05-01-preview"
  parent_id = each.value
  name      = var.name
  body = {
    properties = merge(
      {
        workspaceId = var.diagnostics.workspace_id
        logs        = [for name in local.logs : { (local.log_kind) = name, enabled = true }]
      },
      var.metric_category == null ? {} : { metrics = [{ category = var.metric_category, enabled = true }] },
      var.dedicated_tables ? { logAnalyticsDestinationType = "Dedicated" } : {},
    )
  }
}
