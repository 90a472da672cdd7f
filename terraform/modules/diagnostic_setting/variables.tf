variable "name" {
  description = "Name of the setting; a resource takes five."
  type        = string
  default     = "to-log-analytics"
}

variable "target_ids" {
  description = "Resources whose logs and metrics are sent, by a word for each."
  type        = map(string)
  nullable    = false
}

variable "diagnostics" {
  description = "Log Analytics workspace that gets them; null for nowhere."
  type        = object({ workspace_id = string })
}

variable "log_categories" {
  description = "Categories of the logs; null for the group allLogs, which not every resource type has."
  type        = list(string)
  default     = null

  validation {
    condition     = var.log_categories == null || try(length(var.log_categories) > 0, false)
    error_message = "log_categories is empty: name a category, or leave it out for all of them."
  }
}

variable "metric_category" {
  description = "Category of the metrics; null for none, where the resource type has none."
  type        = string
  default     = "AllMetrics"
}

variable "dedicated_tables" {
  description = "One table per category instead of AzureDiagnostics for all of Azure, where the resource type leaves the choice."
  type        = bool
  default     = false
  nullable    = false
}
