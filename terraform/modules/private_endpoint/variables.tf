variable "name" {
  description = "Name of the private endpoint."
  type        = string

  # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
  validation {
    condition = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9_]$", var.name))
    error_message = join(" ", [
      "A private endpoint's name has 2 to 64 letters, digits, dots, dashes and underscores:",
      "\"${var.name}\" has ${length(var.name)}. Shorten name_overrides.private_endpoint.",
    ])
  }
}

variable "parent_id" {
  description = "Resource group."
  type        = string
}

variable "location" {
  description = "Azure region of the subnet."
  type        = string
}

variable "tags" {
  description = "Tags of the endpoint."
  type        = map(string)
  default     = {}
}

variable "subnet_id" {
  description = "Subnet that the endpoint's address comes from."
  type        = string
}

variable "target_id" {
  description = "Resource that the endpoint leads to."
  type        = string
}

variable "group_id" {
  description = <<-EOT
    Sub-resource of the target: blob, dfs, file, vault, registry, amlworkspace, dataFactory, portal, sites,
    batchAccount, nodeManagement.
  EOT
  type        = string

  validation {
    condition = contains([
      "blob", "dfs", "file", "queue", "table", "vault", "registry", "amlworkspace", "dataFactory", "portal", "sites",
      "batchAccount", "nodeManagement",
    ], var.group_id)
    error_message = join(" ", [
      "group_id \"${var.group_id}\" is none that this module knows:",
      "https://learn.microsoft.com/azure/private-link/private-endpoint-overview#private-link-resource lists them by",
      "resource type.",
    ])
  }
}

variable "private_dns_zone_ids" {
  description = "Zones that get the endpoint's records. Empty: records are somebody else's business (for example an Azure policy's)."
  type        = list(string)
  default     = []
  nullable    = false
}
