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
  description = "Names of the zones that are made here."
  type        = set(string)
  default     = []
  nullable    = false

  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  validation {
    condition = alltrue([for zone in var.zones : startswith(zone, "privatelink.")])
    error_message = join(" ", [
      "A zone for private endpoints begins with \"privatelink.\":",
      "a zone of the public name itself would hide every other resource of that service.",
    ])
  }
}

variable "existing_zone_ids" {
  description = "Resource ids of zones that stand already (a hub's), which get links only."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for id in var.existing_zone_ids :
      can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Network/privateDnsZones/[^/]+$", id)) &&
      can(regex("(?i)/privatelink[.][a-z0-9.-]+$", id))
    ])
    error_message = "existing_zone_ids takes resource ids of private endpoints' zones: az network private-dns zone list --query [].id"
  }

  # Azure refuses the second link: "A virtual network cannot be linked to multiple zones with overlapping namespaces."
  # https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links
  validation {
    condition = (
      length(distinct(concat(tolist(var.zones), [for id in var.existing_zone_ids : lower(basename(id))]))) ==
      length(var.zones) + length(var.existing_zone_ids)
    )
    error_message = join(" ", [
      "A virtual network can be linked to one zone of a name only:",
      "leave out all but one zone of each name in zones and existing_zone_ids.",
    ])
  }
}

variable "virtual_network_ids" {
  description = "Virtual networks that resolve through the zones, by a short name for the link."
  type        = map(string)

  # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
  validation {
    condition = alltrue([
      for link in keys(var.virtual_network_ids) : can(regex("^[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$", link))
    ])
    error_message = "A link's name has 1 to 80 letters, digits, dots, dashes and underscores, and starts with a letter or digit."
  }
}
