# Azure wants a start in the running month and refuses to move it later, so the month of the first apply is remembered.
# https://learn.microsoft.com/rest/api/consumption/budgets/create-or-update
resource "terraform_data" "budget_start" {
  count = var.budget == null ? 0 : 1

  input = formatdate("YYYY-MM-01'T00:00:00Z'", plantimestamp())

  lifecycle {
    ignore_changes = [input]
  }
}

resource "azapi_resource" "budget" {
  count = var.budget == null ? 0 : 1

  type      = "Microsoft.Consumption/budgets@2023-11-01"
  parent_id = var.resource_group_id
  name      = "monthly"
  body = {
    properties = {
      amount     = var.budget.amount
      category   = "Cost"
      timeGrain  = "Monthly"
      timePeriod = { startDate = terraform_data.budget_start[0].output }
      notifications = {
        for notification in concat(
          [for percent in sort(var.budget.actual_percents) : { kind = "Actual", percent = percent }],
          [for percent in sort(var.budget.forecast_percents) : { kind = "Forecasted", percent = percent }],
          ) : "${lower(notification.kind)}${notification.percent}" => {
          enabled       = true
          operator      = "GreaterThanOrEqualTo"
          threshold     = tonumber(notification.percent)
          thresholdType = notification.kind
          contactEmails = sort(var.budget.emails)
          contactGroups = var.budget.action_group_ids
        }
      }
    }
  }
}

resource "azapi_resource" "lock" {
  for_each = var.locks

  type      = "Microsoft.Authorization/locks@2020-05-01"
  parent_id = each.value.id
  name      = each.value.level == "ReadOnly" ? "read-only" : "do-not-delete"
  body = {
    properties = {
      level = each.value.level
      notes = (
        each.value.level == "ReadOnly" ?
        "${each.key} must not be changed: take it out of further_locks and apply before it is." :
        "${each.key} holds state: set locks to false and apply before it is deleted."
      )
    }
  }
}
