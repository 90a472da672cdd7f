variable "name" {
  description = "Name of the account; unique in Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.name))
    error_message = "A storage account's name has 3 to 24 lower-case letters and digits."
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
  description = "Tags of the account and its private endpoints."
  type        = map(string)
  default     = {}
}

variable "sku" {
  description = "Redundancy."
  type        = string

  validation {
    condition = contains(
      ["Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS"],
      var.sku
    )
    error_message = "sku must be Standard_LRS, Standard_ZRS, Standard_GRS, Standard_RAGRS, Standard_GZRS or Standard_RAGZRS."
  }

  validation {
    condition = !can(regex("_(RA)?G", var.sku)) || contains(keys(local.region_pairs), var.location)
    error_message = join(" ", [
      "${var.location} has no paired region that ${var.sku} could replicate to:",
      "choose Standard_ZRS or Standard_LRS, or a region with a pair",
      "(https://learn.microsoft.com/azure/reliability/regions-list;",
      "modules/storage_account/locals.regions.tf has the list).",
    ])
  }
}

variable "is_hns_enabled" {
  description = "Hierarchical namespace (ADLS Gen2); fixed when the account is made."
  type        = bool
  default     = false
}

variable "versioning" {
  description = "Keep former versions of blobs. Not there with a hierarchical namespace."
  type        = bool
  default     = true

  # https://learn.microsoft.com/azure/storage/blobs/versioning-overview
  validation {
    condition     = !(var.versioning && var.is_hns_enabled)
    error_message = "Azure has no blob versioning on an account with a hierarchical namespace: set versioning = false."
  }
}

variable "retention_days" {
  description = "Days for which deleted blobs and containers can be restored."
  type        = number

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 365
    error_message = "retention_days must be between 1 and 365."
  }
}

variable "restore_days" {
  description = "Days back to which block blobs can be restored as they were; null for no point-in-time restore."
  type        = number
  default     = null

  # https://learn.microsoft.com/azure/storage/blobs/point-in-time-restore-overview
  validation {
    condition = var.restore_days == null || try(var.restore_days >= 1 && var.restore_days < var.retention_days, false)
    error_message = join(" ", [
      "restore_days must be at least 1 and below retention_days (${var.retention_days}):",
      "deleted blobs must be there for as long as a restore reaches back.",
    ])
  }

  validation {
    condition = var.restore_days == null || (var.versioning && !var.is_hns_enabled)
    error_message = join(" ", [
      "Point-in-time restore works from versions, which need versioning = true and no hierarchical namespace:",
      "leave restore_days out.",
    ])
  }
}

variable "file_shares" {
  description = "The account's file shares are used: soft delete and diagnostics for them."
  type        = bool
  default     = false
}

variable "customer_managed_key" {
  description = <<-EOT
    Key of the customer's to encrypt with; null for Microsoft's.

    * `key_name`, `vault_uri`: the key, and the vault that it is in.
    * `identity_id`: user-assigned identity that uses it.
    * `queues_and_tables`: queues and tables, too; fixed when the account is made.
    * `role_assignment_ids`: what lets it; must be there first.
  EOT
  type = object({
    key_name            = string
    vault_uri           = string
    identity_id         = string
    queues_and_tables   = optional(bool, true)
    role_assignment_ids = list(string)
  })
  default = null

  validation {
    condition = try(length(var.customer_managed_key.role_assignment_ids) > 0, true)
    error_message = join(" ", [
      "Azure refuses a key that its identity cannot use: pass the ids of the identity's role assignments on the key",
      "(Key Vault Crypto Service Encryption User) in customer_managed_key.role_assignment_ids.",
    ])
  }
}

variable "resource_access_rules" {
  description = "Resource instances that pass the firewall with their identity: tenant by resource id."
  type        = map(string)
  default     = {}
  nullable    = false

  # https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
  validation {
    condition = length(var.resource_access_rules) <= 200
    error_message = join(" ", [
      "A storage account takes 200 resource instance rules:",
      "name them by subscription (a * in place of the resource), or use private endpoints.",
    ])
  }

  validation {
    condition = alltrue([
      for id in keys(var.resource_access_rules) :
      can(regex("(?i)^/subscriptions/[^/]+/(resourceGroups/[^/]+/)?providers/[^/]+/[^/]+/[^/]+$", id))
    ])
    error_message = join(" ", [
      "resource_access_rules takes resource ids:",
      "/subscriptions/…/resourceGroups/…/providers/Microsoft.DataFactory/factories/NAME",
    ])
  }
}

variable "lifecycle_rules" {
  description = <<-EOT
    What becomes of block blobs, by name of the rule.

    * `prefixes`: which blobs, by the beginnings of their paths (container/folder/).
    * `tier_to_cool_after`: days since the last change until they go to the cool tier.
    * `delete_after`: days since the last change until they are deleted.
    * `delete_versions_after`: days for which a former version is kept.
  EOT
  type = map(object({
    prefixes              = list(string)
    tier_to_cool_after    = optional(number)
    delete_after          = optional(number)
    delete_versions_after = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for rule in var.lifecycle_rules :
      rule.tier_to_cool_after != null || rule.delete_after != null || rule.delete_versions_after != null
    ])
    error_message = "A lifecycle rule needs tier_to_cool_after, delete_after or delete_versions_after: one without does nothing."
  }

  validation {
    condition     = var.versioning || alltrue([for rule in var.lifecycle_rules : rule.delete_versions_after == null])
    error_message = "An account without versioning has no versions to delete: leave delete_versions_after out."
  }
}

variable "containers" {
  description = <<-EOT
    Blob containers (file systems, with a hierarchical namespace), made through Azure Resource Manager:
    its firewall does not stand in the way.
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.containers : can(regex("^[a-z0-9](-?[a-z0-9]){2,62}$", name))])
    error_message = "A container's name has 3 to 63 lower-case letters, digits and single dashes."
  }
}

variable "public_network_access" {
  description = "Enabled: the public endpoint answers those whom the rules allow. Disabled: private endpoints only."
  type        = string

  validation {
    condition     = contains(["Enabled", "Disabled"], var.public_network_access)
    error_message = "public_network_access must be Enabled or Disabled."
  }
}

variable "ip_rules" {
  description = "Public IPv4 addresses or ranges that may reach the public endpoint."
  type        = set(string)
  default     = []
  nullable    = false

  # Limits: https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
  validation {
    condition     = length(var.ip_rules) <= 400
    error_message = "A storage account takes 400 IP rules: merge neighbours into ranges, or use private endpoints."
  }

  validation {
    condition     = alltrue([for rule in var.ip_rules : can(cidrnetmask(strcontains(rule, "/") ? rule : "${rule}/32"))])
    error_message = "ip_rules takes IPv4 addresses (203.0.113.7) and ranges (203.0.113.0/24)."
  }

  validation {
    condition     = alltrue([for rule in var.ip_rules : !can(regex("/3[12]$", rule))])
    error_message = "Azure Storage refuses /31 and /32 ranges: write the addresses themselves, without a suffix."
  }

  validation {
    condition = alltrue([for rule in var.ip_rules : !can(regex("^(10\\.|127\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", rule))])
    error_message = join(" ", [
      "A private address cannot be an IP rule: Azure Storage sees the public address of the egress.",
      "Name that one, or use a private endpoint or subnet_ids.",
    ])
  }
}

variable "subnet_ids" {
  description = "Subnets with a service endpoint for storage that may reach the public endpoint."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "bypass" {
  description = "What passes the firewall: AzureServices (trusted services) or None."
  type        = string
  default     = "AzureServices"

  validation {
    condition     = contains(["AzureServices", "None"], var.bypass)
    error_message = "bypass must be AzureServices or None."
  }
}

variable "private_endpoints" {
  description = <<-EOT
    Private endpoints by group id (blob, dfs, file).

    * `name`: of the endpoint.
    * `subnet_id`: subnet that its address comes from.
    * `private_dns_zone_ids`: zones that get its records; empty where somebody else writes them.
  EOT
  type = map(object({
    name                 = string
    subnet_id            = string
    private_dns_zone_ids = list(string)
  }))
  default  = {}
  nullable = false

  # The DFS client falls back to the blob API: https://learn.microsoft.com/azure/storage/common/storage-private-endpoints
  validation {
    condition     = !contains(keys(var.private_endpoints), "dfs") || contains(keys(var.private_endpoints), "blob")
    error_message = "An account with a private endpoint for dfs needs one for blob, too."
  }
}

variable "diagnostics" {
  description = "Where the logs and metrics of blobs and file shares go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
