# Filled in by the toolkit from envs/<env>/env.toml and what it knows at the moment of the plan.

variable "environment" {
  description = "Name of the environment: the folder under envs/."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "location is the region's short name (westeurope): az account list-locations --query [].name"
  }
}

variable "tenant_id" {
  description = "Entra tenant of the subscription."
  type        = string
}

variable "subscription_id" {
  description = "Subscription of the environment."
  type        = string
}

variable "state" {
  description = <<-EOT
    Where the bootstrap keeps its state: its output `state`.

    * `resource_group_name`, `storage_account_name`, `container_name`: where the blob is.
    * `tenant_id`, `subscription_id`: whose account that is.
  EOT
  type = object({
    resource_group_name  = string
    storage_account_name = string
    container_name       = string
    tenant_id            = string
    subscription_id      = string
  })
}

variable "public_network_access" {
  description = <<-EOT
    Whether a public endpoint answers those whom the rules allow (Enabled), or private endpoints only (Disabled).

    * `storage`: of the storage accounts.
    * `key_vault`, `container_registry`, `data_factory`, `machine_learning_workspace`: of that service.
  EOT
  type = object({
    storage                    = string
    key_vault                  = string
    container_registry         = string
    data_factory               = string
    machine_learning_workspace = string
  })

  validation {
    condition     = alltrue([for access in values(var.public_network_access) : contains(["Enabled", "Disabled"], access)])
    error_message = "Each service of public_network_access is Enabled or Disabled: correct [public_network_access] in envs/<env>/env.toml."
  }
}

variable "alert_receiver_required" {
  description = "Whether somebody has to be told of alerts: true for every environment whose env.toml has another target than the sandbox."
  type        = bool
  default     = false
  nullable    = false
}

variable "toolkit_leases" {
  description = "Addresses that `toolkit firewall` holds open at the moment, by the resource's type and name in lower case."
  type        = map(list(string))
  default     = {}
  nullable    = false
}

variable "schema_validation" {
  description = "False with azapi 1.15, which does not know the newest api-versions; the others are checked all the same."
  type        = bool
  default     = true
}
