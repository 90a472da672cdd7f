variable "name" {
  description = "Name of the factory; unique in Azure."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9](-?[A-Za-z0-9]){2,62}$", var.name))
    error_message = "A factory's name has 3 to 63 letters, digits and single dashes."
  }
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

variable "time_to_live_minutes" {
  description = "Minutes for which the managed integration runtime keeps its machines after the last activity."
  type        = number
  default     = 10

  validation {
    condition     = var.time_to_live_minutes >= 5 && var.time_to_live_minutes <= 60
    error_message = "time_to_live_minutes must be between 5 and 60: below 5 every activity waits for a new machine."
  }
}

variable "managed_private_endpoints" {
  description = "What the managed virtual network reaches, by name."
  type = map(object({
    target_id = string
    group_id  = string
  }))
  default  = {}
  nullable = false
}

variable "blob_linked_services" {
  description = "Addresses of blob services, by name of the linked service."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "key_vault_linked_services" {
  description = "Addresses of vaults, by name of the linked service."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "public_network_access" {
  description = "Enabled: the public endpoint answers every caller with a token. Disabled: private endpoints only."
  type        = string

  validation {
    condition     = contains(["Enabled", "Disabled"], var.public_network_access)
    error_message = "public_network_access must be Enabled or Disabled."
  }
}

variable "private_endpoints" {
  description = "Private endpoints by group id (dataFactory, portal)."
  type = map(object({
    name                 = string
    subnet_id            = string
    private_dns_zone_ids = list(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.private_endpoints), ["dataFactory", "portal"])) == 0
    error_message = "The group ids of this resource are: dataFactory, portal."
  }
}

variable "diagnostics" {
  description = "Where logs and metrics go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
