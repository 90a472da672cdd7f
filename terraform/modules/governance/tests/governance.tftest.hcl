mock_provider "azapi" {}

variables {
  resource_group_id = "/subscriptions/s/resourceGroups/rg"
}

run "nothing_by_default" {
  command = plan

  assert {
    condition = (
      length(azapi_resource.budget) + length(azapi_resource.lock) + length(terraform_data.budget_start) == 0 &&
      output.budget_id == null
    )
    error_message = "Without data there is neither a budget nor a lock."
  }
}

run "budget" {
  command = apply

  variables {
    budget = {
      amount           = 500
      emails           = ["b@example.org", "a@example.org"]
      action_group_ids = ["/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/ag"]
    }
  }

  assert {
    condition = (
      azapi_resource.budget[0].body.properties.amount == 500 &&
      azapi_resource.budget[0].body.properties.timePeriod.startDate == formatdate("YYYY-MM-01'T00:00:00Z'", plantimestamp())
    )
    error_message = "The budget starts with this month."
  }

  assert {
    condition     = keys(azapi_resource.budget[0].body.properties.notifications) == ["actual100", "actual80", "forecasted100"]
    error_message = "Told at 80 and 100 percent, and when 100 is forecast."
  }

  assert {
    condition = jsonencode(azapi_resource.budget[0].body.properties.notifications.actual80) == jsonencode(
      {
        enabled       = true
        operator      = "GreaterThanOrEqualTo"
        threshold     = 80
        thresholdType = "Actual"
        contactEmails = ["a@example.org", "b@example.org"]
        contactGroups = ["/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/actionGroups/ag"]
      }
    )
    error_message = "Wrong notification."
  }
}

run "locks" {
  command = apply

  variables {
    locks = {
      storage = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st" }
      factory = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf", level = "ReadOnly" }
    }
  }

  assert {
    condition = (
      azapi_resource.lock["storage"].body.properties.level == "CanNotDelete" &&
      azapi_resource.lock["storage"].parent_id == "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
    )
    error_message = "The account cannot be deleted, and can be changed."
  }

  assert {
    condition     = keys(output.lock_ids) == ["factory", "storage"]
    error_message = "One lock for each resource."
  }
}

run "invalid_amount" {
  command = plan
  variables {
    budget = { amount = 0, emails = ["a@example.org"] }
  }
  expect_failures = [var.budget]
}

run "invalid_number_of_notifications" {
  command = plan
  variables {
    budget = { amount = 1, emails = ["a@example.org"], actual_percents = [10, 20, 30, 40, 50], forecast_percents = [100] }
  }
  expect_failures = [var.budget]
}

run "invalid_threshold" {
  command = plan
  variables {
    budget = { amount = 1, emails = ["a@example.org"], actual_percents = [0] }
  }
  expect_failures = [var.budget]
}

run "invalid_without_contact" {
  command = plan
  variables {
    budget = { amount = 1 }
  }
  expect_failures = [var.budget]
}

run "invalid_lock_on_workspace" {
  command = plan
  variables {
    locks = { workspace = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw" } }
  }
  expect_failures = [var.locks]
}

run "lock_against_changes" {
  command = plan

  variables {
    locks = { factory = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf", level = "ReadOnly" } }
  }

  assert {
    condition = (
      azapi_resource.lock["factory"].name == "read-only" && azapi_resource.lock["factory"].body.properties.level == "ReadOnly"
    )
    error_message = "A lock says its level."
  }
}

run "invalid_level" {
  command = plan

  variables {
    locks = { factory = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf", level = "None" } }
  }

  expect_failures = [var.locks]
}
