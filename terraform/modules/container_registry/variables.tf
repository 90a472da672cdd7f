variable "name" {
  description = "Name of the registry; unique in Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9]{5,50}$", var.name))
    error_message = "A registry's name has 5 to 50 letters and digits."
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

variable "sku" {
  description = "Basic, Standard or Premium."
  type        = string
  default     = "Premium"

  # https://learn.microsoft.com/azure/container-registry/container-registry-private-link
  validation {
    condition = (
      var.sku == "Premium" ||
      (contains(["Basic", "Standard"], var.sku) && length(var.private_endpoints) == 0 && var.public_network_access == "Enabled")
    )
    error_message = "Private endpoints and a closed public endpoint need sku = \"Premium\"."
  }
}

variable "zone_redundancy" {
  description = "Spread the registry over availability zones; fixed when it is made."
  type        = bool
  default     = false

  validation {
    condition     = !var.zone_redundancy || var.sku == "Premium"
    error_message = "zone_redundancy needs sku = \"Premium\"."
  }
}

variable "untagged_retention_days" {
  description = "Days after which untagged manifests are deleted (Premium only)."
  type        = number
  default     = 30

  validation {
    condition     = var.untagged_retention_days >= 0 && var.untagged_retention_days <= 365
    error_message = "untagged_retention_days must be between 0 and 365."
  }
}

variable "customer_managed_key" {
  description = <<-EOT
    Key of the customer's to encrypt with; null for Microsoft's. Fixed when the registry is made.

    * `key_uri`: the key's address without a version, so that the registry follows its rotation.
    * `identity_id`: user-assigned identity that uses it.
    * `identity_client_id`: that identity's client id.
    * `role_assignment_ids`: what lets it; must be there first.
  EOT
  type = object({
    key_uri             = string
    identity_id         = string
    identity_client_id  = string
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

  validation {
    condition     = var.customer_managed_key == null || var.sku == "Premium"
    error_message = "A customer-managed key needs sku = \"Premium\"."
  }
}

variable "public_network_access" {
  description = "Enabled: the public endpoint answers trusted Azure services. Disabled: private endpoints only."
  type        = string

  validation {
    condition     = contains(["Enabled", "Disabled"], var.public_network_access)
    error_message = "public_network_access must be Enabled or Disabled."
  }
}

variable "ip_rules" {
  description = "Public IPv4 addresses and ranges that may reach the registry; of sku Premium only."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "private_endpoints" {
  description = <<-EOT
    Private endpoints by group id (registry).

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
    condition     = length(setsubtract(keys(var.private_endpoints), ["registry"])) == 0
    error_message = "The group ids of this resource are: registry."
  }
}

variable "diagnostics" {
  description = "Where logs and metrics go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
