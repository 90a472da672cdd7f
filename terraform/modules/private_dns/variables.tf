variable "parent_id" {
  description = "Resource group."
  type        = string
}

variable "tags" {
  description = "Tags of the zones and links."
  type        = map(string)
  default     = {}
}

variable "zones" {
  description = "Names of the zones."
  type        = set(string)

  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  validation {
    condition     = alltrue([for zone in var.zones : startswith(zone, "privatelink.")])
    error_message = "A zone for private endpoints begins with \"privatelink.\": a zone of the public name itself would hide every other resource of that service."
  }
}

variable "virtual_network_ids" {
  description = "Virtual networks that resolve through the zones, by a short name for the link."
  type        = map(string)
}
