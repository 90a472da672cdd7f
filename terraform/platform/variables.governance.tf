variable "budget" {
  description = <<-EOT
    What the platform may cost; null for no budget. monitoring.alert_emails and the action group are told.

    * `amount`: a month, in the currency of the billing account.
    * `actual_percents`: percentages of it at which they are told, of what was spent.
    * `forecast_percents`: the same of what is forecast.
  EOT
  type = object({
    amount            = number
    actual_percents   = optional(set(number), [80, 100])
    forecast_percents = optional(set(number), [100])
  })
  default = null
}

variable "locks" {
  description = <<-EOT
    Nobody can delete storage, lake, key vault and registry, nor what is in them through Azure Resource Manager
    (containers, roles): set to false and apply before that.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "further_locks" {
  description = <<-EOT
    Levels of further locks, by what they hold: CanNotDelete or ReadOnly, on storage, lake, pointer_storage, key_vault,
    container_registry, data_factory, log_analytics, batch or function_app.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for level in values(var.further_locks) : contains(["CanNotDelete", "ReadOnly"], level)])
    error_message = "The level of a lock in further_locks is CanNotDelete or ReadOnly."
  }

  validation {
    condition = length(setsubtract(keys(var.further_locks), [
      "storage", "lake", "pointer_storage", "key_vault", "container_registry", "data_factory", "log_analytics", "batch", "function_app"
    ])) == 0
    error_message = join(" ", [
      "further_locks locks storage, lake, pointer_storage, key_vault, container_registry, data_factory, log_analytics, batch or",
      "function_app; a lock on the workspace would keep its managed network and computes from being deleted.",
    ])
  }
}

variable "further_role_assignments" {
  description = <<-EOT
    Further role assignments, by a word for each: only roles that CI may assign (terraform/bootstrap/delegation.tf;
    further_delegated_roles makes them more), to groups and service principals.

    * `resource`: resource_group, storage, lake, pointer_storage, key_vault, container_registry, machine_learning_workspace,
      data_factory, log_analytics, application_insights, batch or function_app.
    * `role`: its name, as in modules/role_assignments.
    * `principal_id`, `principal_type`: who: object id, and Group or ServicePrincipal.
    * `why`: stored as the assignment's description.
  EOT
  type = map(object({
    resource       = string
    role           = string
    principal_id   = string
    principal_type = string
    why            = string
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for a in var.further_role_assignments : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", a.principal_id))
    ])
    error_message = "principal_id of a further role assignment is an object id (GUID): az ad group show --group NAME --query id"
  }

  validation {
    condition = alltrue([for a in var.further_role_assignments : contains(["Group", "ServicePrincipal"], a.principal_type)])
    error_message = join(" ", [
      "principal_type of a further role assignment is Group or ServicePrincipal: CI may assign roles to these only",
      "(terraform/bootstrap/delegation.tf), and people get their access through groups.",
    ])
  }

  validation {
    condition = length(setsubtract([for a in var.further_role_assignments : a.resource], [
      "resource_group", "storage", "lake", "pointer_storage", "key_vault", "container_registry", "machine_learning_workspace",
      "data_factory", "log_analytics", "application_insights", "batch", "function_app",
    ])) == 0
    error_message = join(" ", [
      "resource of a further role assignment is resource_group, storage, lake, pointer_storage, key_vault, container_registry,",
      "machine_learning_workspace, data_factory, log_analytics, application_insights, batch or function_app.",
    ])
  }
}

variable "timeouts" {
  description = <<-EOT
    For how long Terraform waits for what takes Azure longest, as a duration (90m).

    * `machine_learning_workspace`: to be made, changed or deleted, with its managed network.
    * `machine_learning_computes`: clusters and compute instances.
    * `function_app`: the app.
  EOT
  type = object({
    machine_learning_workspace = optional(string, "60m")
    machine_learning_computes  = optional(string, "60m")
    function_app               = optional(string, "30m")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for duration in values(var.timeouts) : can(regex("^([0-9]+(h|m|s))+$", duration))])
    error_message = "A duration of timeouts has hours, minutes and seconds: 90m, 1h30m."
  }
}
