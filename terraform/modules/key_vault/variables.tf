variable "name" {
  description = "Name of the vault; unique in Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z](-?[a-zA-Z0-9]){2,23}$", var.name)) && length(var.name) <= 24
    error_message = "A vault's name has 3 to 24 letters, digits and single dashes, and starts with a letter."
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

variable "tenant_id" {
  description = "Entra tenant whose principals the vault trusts."
  type        = string
}

variable "purge_protection" {
  description = "Nobody can purge the deleted vault before its retention ends. Cannot be turned off again."
  type        = bool
}

variable "retention_days" {
  description = "Days for which the deleted vault and its secrets can be recovered; fixed when the vault is made."
  type        = number

  # https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
  validation {
    condition     = var.retention_days >= 7 && var.retention_days <= 90
    error_message = "retention_days must be between 7 and 90."
  }
}

variable "keys" {
  description = <<-EOT
    Keys that services encrypt with, by name. What is made stays as it is: a change of these is for keys that are not there yet.

    * `type`: RSA, or RSA-HSM (which makes the vault a premium one).
    * `size`: bits.
    * `rotate_after`: age at which Key Vault makes a new version, in days, months or years (P90D, P18M, P1Y).
    * `expire_after`: age at which a version that Key Vault made expires; null for never.
  EOT
  type = map(object({
    type         = optional(string, "RSA")
    size         = optional(number, 3072)
    rotate_after = optional(string, "P1Y")
    expire_after = optional(string)
  }))
  default  = {}
  nullable = false

  # https://learn.microsoft.com/azure/security/fundamentals/encryption-customer-managed-keys-support
  validation {
    condition     = length(var.keys) == 0 || var.purge_protection
    error_message = "What is encrypted with a key is lost with it: services take keys of a vault with purge_protection = true only."
  }

  validation {
    condition     = alltrue([for name in keys(var.keys) : can(regex("^[0-9a-zA-Z-]{1,127}$", name))])
    error_message = "A key's name has up to 127 letters, digits and dashes."
  }

  validation {
    condition     = alltrue([for key in var.keys : contains(["RSA", "RSA-HSM"], key.type) && contains([2048, 3072, 4096], key.size)])
    error_message = "A key is of the type RSA or RSA-HSM, with 2048, 3072 or 4096 bits."
  }
}

variable "ip_rules" {
  description = "Public IPv4 addresses or ranges that may reach the public endpoint."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for rule in var.ip_rules : can(cidrnetmask(strcontains(rule, "/") ? rule : "${rule}/32"))])
    error_message = "ip_rules takes IPv4 addresses (203.0.113.7) and ranges (203.0.113.0/24)."
  }

  validation {
    condition = alltrue([for rule in var.ip_rules : !can(regex("^(10\\.|127\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", rule))])
    error_message = join(" ", [
      "A private address cannot be an IP rule: Key Vault sees the public address of the egress.",
      "Name that one, or use a private endpoint.",
    ])
  }
}

variable "schema_validation" {
  description = "Check the body against the provider's schema. False with azapi 1.15, which does not know the api-version."
  type        = bool
  default     = true
}

variable "public_network_access" {
  description = "Enabled: the public endpoint answers those whom the rules allow. Disabled: private endpoints only."
  type        = string

  validation {
    condition     = contains(["Enabled", "Disabled"], var.public_network_access)
    error_message = "public_network_access must be Enabled or Disabled."
  }
}

variable "private_endpoints" {
  description = <<-EOT
    Private endpoints by group id (vault).

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

  validation {
    condition     = length(setsubtract(keys(var.private_endpoints), ["vault"])) == 0
    error_message = "The group ids of this resource are: vault."
  }
}

variable "diagnostics" {
  description = "Where logs and metrics go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
