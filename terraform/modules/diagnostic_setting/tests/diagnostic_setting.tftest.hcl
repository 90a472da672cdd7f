mock_provider "azapi" {}

variables {
  target_ids  = { vault = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv" }
  diagnostics = { workspace_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log" }
}

run "everything" {
  command = plan

  assert {
    condition = output.settings["vault"].properties == {
      workspaceId = var.diagnostics.workspace_id
      logs        = [{ categoryGroup = "allLogs", enabled = true }]
      metrics     = [{ category = "AllMetrics", enabled = true }]
    }
    error_message = "All logs and all metrics go to the workspace, into the tables that Azure chooses."
  }

  assert {
    condition = (
      azapi_resource.this["vault"].parent_id == var.target_ids["vault"] &&
      azapi_resource.this["vault"].name == "to-log-analytics"
    )
    error_message = "The setting is of the target."
  }
}

run "categories" {
  command = plan

  variables {
    log_categories  = ["StorageRead", "StorageWrite"]
    metric_category = "Transaction"
  }

  assert {
    condition = output.settings["vault"].properties == {
      workspaceId = var.diagnostics.workspace_id
      logs        = [{ category = "StorageRead", enabled = true }, { category = "StorageWrite", enabled = true }]
      metrics     = [{ category = "Transaction", enabled = true }]
    }
    error_message = "Only what was named."
  }
}

run "without_metrics_into_dedicated_tables" {
  command = plan

  variables {
    metric_category  = null
    dedicated_tables = true
  }

  assert {
    condition = output.settings["vault"].properties == {
      workspaceId                 = var.diagnostics.workspace_id
      logs                        = [{ categoryGroup = "allLogs", enabled = true }]
      logAnalyticsDestinationType = "Dedicated"
    }
    error_message = "No metrics where there are none, and a table per category."
  }
}

run "nowhere" {
  command = plan

  variables {
    diagnostics = null
  }

  assert {
    condition     = length(output.settings) == 0
    error_message = "Without a workspace there is no setting."
  }
}

run "invalid_no_category" {
  command = plan

  variables {
    log_categories = []
  }

  expect_failures = [var.log_categories]
}
