variable "budget" {
  description = "What the platform may cost a month, in the currency of the billing account; monitoring.alert_emails and the action group are told. Null: no budget."
  type = object({
    amount            = number
    actual_percents   = optional(set(number), [80, 100])
    forecast_percents = optional(set(number), [100])
  })
  default = null
}

variable "locks" {
  description = "Nobody can delete storage, lake, key vault and registry, nor what is in them through Azure Resource Manager (containers, roles): set to false and apply before that."
  type        = bool
  default     = false
  nullable    = false
}
