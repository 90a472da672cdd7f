variable "resource_group_id" {
  description = "Resource group whose costs the budget watches."
  type        = string
}

variable "budget" {
  description = <<-EOT
    What the resource group may cost; null for no budget.

    * `amount`: a month, in the currency of the billing account.
    * `actual_percents`: percentages of it at which somebody is told, of what was spent.
    * `forecast_percents`: the same of what is forecast.
    * `emails`, `action_group_ids`: who is told.
  EOT
  type = object({
    amount            = number
    actual_percents   = optional(set(number), [80, 100])
    forecast_percents = optional(set(number), [100])
    emails            = optional(set(string), [])
    action_group_ids  = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.budget == null || try(var.budget.amount > 0, false)
    error_message = "The amount of a budget is more than 0: set budget to null to have none."
  }

  # https://learn.microsoft.com/rest/api/consumption/budgets/create-or-update
  validation {
    condition     = var.budget == null || try(length(var.budget.actual_percents) + length(var.budget.forecast_percents) <= 5, false)
    error_message = "Azure takes 5 notifications of a budget at most: leave out some of actual_percents and forecast_percents."
  }

  validation {
    condition = var.budget == null || try(alltrue([
      for percent in setunion(var.budget.actual_percents, var.budget.forecast_percents) : percent > 0 && percent <= 1000
    ]), false)
    error_message = "A threshold of a budget is a percentage above 0 and up to 1000."
  }

  validation {
    condition     = var.budget == null || try(length(var.budget.emails) + length(var.budget.action_group_ids) > 0, false)
    error_message = "A budget that tells nobody is refused: name somebody in emails, or a group in action_group_ids."
  }
}

variable "locks" {
  description = <<-EOT
    Resources that nobody can delete, or change, by a word for each. The module must depend on whatever Terraform deletes below them
    (containers, role assignments): then the locks go first when all is destroyed.

    * `id`: the resource.
    * `level`: CanNotDelete or ReadOnly.
  EOT
  type        = map(object({ id = string, level = optional(string, "CanNotDelete") }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for lock in var.locks : contains(["CanNotDelete", "ReadOnly"], lock.level)])
    error_message = "The level of a lock is CanNotDelete or ReadOnly."
  }

  validation {
    condition = alltrue([for lock in var.locks : !strcontains(lower(lock.id), "/providers/microsoft.machinelearningservices/")])
    error_message = join(" ", [
      "A lock on an Azure Machine Learning workspace keeps its managed network and computes from being deleted:",
      "lock its storage account, key vault and registry instead.",
      "https://learn.microsoft.com/azure/machine-learning/how-to-managed-network",
    ])
  }
}
