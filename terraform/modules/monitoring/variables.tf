variable "names" {
  description = <<-EOT
    Names of the three resources.

    * `log_analytics_workspace`, `application_insights`, `action_group`: the name of each.
  EOT
  type = object({
    log_analytics_workspace = string
    application_insights    = string
    action_group            = string
  })
}

variable "parent_id" {
  description = "Resource group."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "retention_days" {
  description = "Days for which logs are kept."
  type        = number

  # https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure
  validation {
    condition     = var.retention_days >= 30 && var.retention_days <= 730
    error_message = "retention_days must be between 30 and 730."
  }
}

variable "daily_quota_gb" {
  description = "Gigabytes a day after which ingestion stops; -1 for no limit."
  type        = number
  default     = -1

  validation {
    condition     = var.daily_quota_gb == -1 || var.daily_quota_gb > 0
    error_message = "daily_quota_gb must be -1 (no limit) or more than 0."
  }
}

variable "alert_emails" {
  description = "Who is told when an alert fires. Empty: the action group is made, and tells nobody."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "alert_emails takes e-mail addresses."
  }
}
