variable "parent_id" {
  description = "Resource group."
  type        = string
}

variable "name_prefix" {
  description = "Begins the name of every alert."
  type        = string
}

variable "tags" {
  description = "Tags of the alerts."
  type        = map(string)
  default     = {}
}

variable "action_group_ids" {
  description = "Action groups that are told."
  type        = list(string)
}

variable "alerts" {
  description = <<-EOT
    Alerts by name.

    * `description`: what happened, for who is told.
    * `scope`: the resource that is watched.
    * `namespace`, `metric`: of https://learn.microsoft.com/azure/azure-monitor/reference/metrics-index
    * `aggregation`, `operator`, `threshold`: when the alert is raised.
    * `severity`: from 0 (critical) to 4 (verbose).
    * `frequency`, `window`: how often the metric is looked at, and how far back; ISO 8601 durations.
  EOT
  type = map(object({
    description = string
    scope       = string
    namespace   = string
    metric      = string
    aggregation = optional(string, "Total")
    operator    = optional(string, "GreaterThan")
    threshold   = optional(number, 0)
    severity    = optional(number, 2)
    frequency   = optional(string, "PT5M")
    window      = optional(string, "PT15M")
  }))

  # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
  validation {
    condition = alltrue([
      for name in keys(var.alerts) :
      can(regex("^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$", name)) && length("${var.name_prefix}-${name}") <= 260
    ])
    error_message = "An alert's name has letters, digits, dashes and underscores, and at most 260 characters together with name_prefix."
  }

  validation {
    condition     = alltrue([for alert in var.alerts : contains([0, 1, 2, 3, 4], alert.severity)])
    error_message = "severity of an alert is 0 (critical), 1 (error), 2 (warning), 3 (informational) or 4 (verbose)."
  }

  # https://learn.microsoft.com/rest/api/monitor/metric-alerts/create-or-update
  validation {
    condition     = alltrue([for alert in var.alerts : contains(["Average", "Count", "Maximum", "Minimum", "Total"], alert.aggregation)])
    error_message = "aggregation of an alert is Average, Count, Maximum, Minimum or Total."
  }

  validation {
    condition = alltrue([
      for alert in var.alerts :
      contains(["GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual", "Equals"], alert.operator)
    ])
    error_message = "operator of an alert is GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual or Equals."
  }
}
