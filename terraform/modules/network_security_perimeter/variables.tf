variable "name" {
  description = "Name of the perimeter."
  type        = string
}

variable "parent_id" {
  description = "Resource group of the perimeter."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tags" {
  description = "Tags of the perimeter."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "members" {
  description = <<-EOT
    Resources within the perimeter, by a word for each.

    * `id`: the resource.
    * `access_mode`: Learning (its own rules count, too) or Enforced (the perimeter alone decides).
  EOT
  type        = map(object({ id = string, access_mode = string }))
  nullable    = false

  validation {
    condition     = alltrue([for member in var.members : contains(["Learning", "Enforced"], member.access_mode)])
    error_message = "The access_mode of a member is Learning or Enforced."
  }
}

variable "inbound_address_prefixes" {
  description = "Ranges of public addresses that reach the members."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for prefix in var.inbound_address_prefixes :
      can(cidrhost(prefix, 0)) && try(cidrhost(prefix, 0) == split("/", prefix)[0], false)
    ])
    error_message = "inbound_address_prefixes are ranges that begin at their first address, such as 203.0.113.7/32 or 203.0.113.0/24."
  }
}

variable "inbound_subscription_ids" {
  description = "Subscriptions whose managed identities reach the members, and whose services do."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for id in var.inbound_subscription_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "inbound_subscription_ids are the GUIDs of subscriptions."
  }
}

variable "outbound_fqdns" {
  description = "Domain names that the members may reach."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "diagnostics" {
  description = "Log Analytics workspace that gets the access logs; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}

variable "schema_validation" {
  description = "Whether the provider checks the bodies; false with its version 1.15, which does not know this api-version."
  type        = bool
  default     = true
  nullable    = false
}
