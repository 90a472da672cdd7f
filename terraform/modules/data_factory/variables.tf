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

variable "customer_managed_key" {
  description = <<-EOT
    Key of the customer's to encrypt with; null for Microsoft's. For a factory in which nothing is yet, and never given up.

    * `key_name`, `vault_uri`: the key, and the vault that it is in.
    * `identity_id`: user-assigned identity that uses it.
    * `role_assignment_ids`: what lets it; must be there first.
  EOT
  type = object({
    key_name            = string
    vault_uri           = string
    identity_id         = string
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

variable "managed_private_endpoints" {
  description = <<-EOT
    What the managed virtual network reaches, by name of the managed private endpoint.

    * `target_id`: the resource.
    * `group_id`: its sub-resource.
  EOT
  type = map(object({
    target_id = string
    group_id  = string
  }))
  default  = {}
  nullable = false
}

variable "global_parameters" {
  description = "Texts that every pipeline can read: pipeline().globalParameters.NAME."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.global_parameters) : can(regex("^[A-Za-z_][A-Za-z0-9_]{0,127}$", name))])
    error_message = "A global parameter's name starts with a letter and has letters, digits and underscores."
  }
}

variable "git_configuration" {
  description = <<-EOT
    Repository in which the studio keeps drafts; on a development factory only.

    * `account_name`: organisation on GitHub or in Azure DevOps.
    * `repository_name`: the repository.
    * `collaboration_branch`: where drafts meet.
    * `root_folder`: the factory's folder in the repository.
    * `azure_devops`: `project_name` and `tenant_id`, for Azure Repos; else GitHub.
  EOT
  type = object({
    account_name         = string
    repository_name      = string
    collaboration_branch = optional(string, "main")
    root_folder          = optional(string, "/")
    azure_devops         = optional(object({ project_name = string, tenant_id = string }))
  })
  default = null

  validation {
    condition     = try(startswith(var.git_configuration.root_folder, "/"), true)
    error_message = "git_configuration.root_folder starts with a slash."
  }
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
  description = <<-EOT
    Private endpoints by group id (dataFactory, portal).

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
    condition     = length(setsubtract(keys(var.private_endpoints), ["dataFactory", "portal"])) == 0
    error_message = "The group ids of this resource are: dataFactory, portal."
  }
}

variable "diagnostics" {
  description = "Where logs and metrics go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
