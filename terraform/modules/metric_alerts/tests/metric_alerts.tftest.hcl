mock_provider "azapi" {}

variables {
  parent_id        = "/subscriptions/s/resourceGroups/rg"
  name_prefix      = "mlp"
  action_group_ids = ["/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/ag"]
  alerts = {
    failed = {
      description = "A pipeline failed."
      scope       = "/factory"
      namespace   = "Microsoft.DataFactory/factories"
      metric      = "PipelineFailedRuns"
    }
  }
}

run "body" {
  command = plan

  assert {
    condition     = azapi_resource.this["failed"].name == "mlp-failed" && azapi_resource.this["failed"].location == "global"
    error_message = "Metric alerts are global."
  }

  assert {
    condition = jsonencode(azapi_resource.this["failed"].body.properties) == jsonencode({
      description         = "A pipeline failed."
      severity            = 2
      enabled             = true
      autoMitigate        = true
      scopes              = ["/factory"]
      evaluationFrequency = "PT5M"
      windowSize          = "PT15M"
      criteria = {
        "odata.type" = "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria"
        allOf = [{
          criterionType   = "StaticThresholdCriterion"
          name            = "failed"
          metricNamespace = "Microsoft.DataFactory/factories"
          metricName      = "PipelineFailedRuns"
          timeAggregation = "Total"
          operator        = "GreaterThan"
          threshold       = 0
        }]
      }
      actions = [{ actionGroupId = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/ag" }]
    })
    error_message = "Wrong body."
  }
}

run "ids" {
  command = apply

  assert {
    condition     = keys(output.ids) == ["failed"]
    error_message = "The outputs name the alert."
  }
}

run "invalid_name" {
  command = plan
  variables {
    alerts = { "failed?" = { description = "", scope = "/factory", namespace = "n", metric = "m" } }
  }
  expect_failures = [var.alerts]
}

run "invalid_severity" {
  command = plan
  variables {
    alerts = { failed = { description = "", scope = "/factory", namespace = "n", metric = "m", severity = 5 } }
  }
  expect_failures = [var.alerts]
}

run "invalid_aggregation" {
  command = plan
  variables {
    alerts = { failed = { description = "", scope = "/factory", namespace = "n", metric = "m", aggregation = "Sum" } }
  }
  expect_failures = [var.alerts]
}

run "invalid_operator" {
  command = plan
  variables {
    alerts = { failed = { description = "", scope = "/factory", namespace = "n", metric = "m", operator = ">" } }
  }
  expect_failures = [var.alerts]
}
