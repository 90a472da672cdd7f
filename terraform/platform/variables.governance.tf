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
