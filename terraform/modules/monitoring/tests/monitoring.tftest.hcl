mock_provider "azapi" {}

variables {
  names          = { log_analytics_workspace = "log-x", application_insights = "appi-x", action_group = "ag-x" }
  parent_id      = "/subscriptions/s/resourceGroups/rg"
  location       = "westeurope"
  retention_days = 30
}

run "bodies" {
  command = plan

  assert {
    condition = (
      azapi_resource.log_analytics_workspace.body.properties.features.disableLocalAuth &&
      azapi_resource.log_analytics_workspace.body.properties.workspaceCapping.dailyQuotaGb == -1
    )
    error_message = "Logs are written with Entra identities and without a limit."
  }

  assert {
    condition = (
      length(azapi_resource.action_group.body.properties.emailReceivers) == 0 &&
      azapi_resource.action_group.location == "global"
    )
    error_message = "Nobody was named."
  }
}

run "receivers" {
  command = plan

  variables {
    alert_emails = ["b@contoso.com", "a@contoso.com"]
  }

  assert {
    condition = [for r in azapi_resource.action_group.body.properties.emailReceivers : r.emailAddress] == [
      "a@contoso.com",
      "b@contoso.com",
    ]
    error_message = "Everybody named is told, in a stable order."
  }
}

run "invalid_retention" {
  command = plan
  variables {
    retention_days = 7
  }
  expect_failures = [var.retention_days]
}

run "invalid_quota" {
  command = plan
  variables {
    daily_quota_gb = 0
  }
  expect_failures = [var.daily_quota_gb]
}

run "invalid_email" {
  command = plan
  variables {
    alert_emails = ["ops"]
  }
  expect_failures = [var.alert_emails]
}
