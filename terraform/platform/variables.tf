# Environment data: envs/common.tfvars and envs/<env>/terraform.tfvars.

variable "workload" {
  description = "Short name of what the platform is for; part of every name."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "required_tags" {
  description = "Tags that must be there; envs/common.tfvars says which."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "name_overrides" {
  description = "Names to use instead of the computed ones; keys as in modules/naming."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "storage" {
  description = "Redundancy, retention and declared firewall rules of both storage accounts, and the containers of each. restore_days (point-in-time restore), lifecycle_rules and resource_access_rules (resource ids, such as another factory's, of this tenant) are of the workspace's account."
  type = object({
    sku                   = string
    retention_days        = number
    restore_days          = optional(number)
    ip_rules              = optional(set(string), [])
    resource_access_rules = optional(set(string), [])
    containers            = set(string)
    lake_containers       = set(string)
    lifecycle_rules = optional(map(object({
      prefixes              = list(string)
      tier_to_cool_after    = optional(number)
      delete_after          = optional(number)
      delete_versions_after = optional(number)
    })), {})
  })

  validation {
    condition     = length(setsubtract(["ml-globals", "smoke", "adftrain"], var.storage.containers)) == 0
    error_message = "storage.containers must hold ml-globals (code pointers), smoke (smoke tests) and adftrain (training from the factory)."
  }

  validation {
    condition     = length(setsubtract(["raw", "curated"], var.storage.lake_containers)) == 0
    error_message = "storage.lake_containers must hold raw and curated: the workspace's datastores lead there."
  }

  validation {
    condition     = var.public_network_access.storage == "Enabled" || length(var.storage.ip_rules) == 0
    error_message = "storage.ip_rules have no effect while public network access of storage is Disabled: set it to Enabled in envs/<env>/env.toml, or remove the rules."
  }
}

variable "key_vault" {
  description = "Retention and protection of the vault, and the public addresses that may reach it."
  type = object({
    retention_days   = number
    purge_protection = bool
    ip_rules         = optional(set(string), [])
  })

  validation {
    condition     = !var.key_vault.purge_protection || var.key_vault.retention_days >= 30
    error_message = "Purge protection with a retention below 30 days is neither a throw-away environment nor protection: turn it off, or keep deleted vaults for 30 to 90 days."
  }
}

variable "container_registry" {
  description = "Tier of the registry."
  type = object({
    sku                     = optional(string, "Premium")
    zone_redundancy         = optional(bool, false)
    untagged_retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false
}

variable "monitoring" {
  description = "Retention of logs, quota, and who is told."
  type = object({
    retention_days = number
    daily_quota_gb = optional(number, -1)
    alert_emails   = optional(set(string), [])
  })
}

variable "machine_learning" {
  description = "The workspace's managed network and its clusters; see modules/machine_learning_workspace."
  type = object({
    isolation_mode       = optional(string, "AllowInternetOutbound")
    accept_firewall_cost = optional(bool, false)
    firewall_sku         = optional(string, "Standard")
    outbound_fqdns       = optional(map(string), {})
    outbound_service_tags = optional(map(object({
      tag      = string
      protocol = optional(string, "TCP")
      ports    = optional(string, "443")
    })), {})
    high_business_impact = optional(bool, false)
    image_build_compute  = optional(string)
    computes = map(object({
      vm_size      = string
      priority     = optional(string, "Dedicated")
      max_nodes    = number
      idle_seconds = optional(number, 120)
    }))
  })

  validation {
    condition     = var.machine_learning.image_build_compute != null || var.public_network_access.container_registry == "Enabled"
    error_message = "A private registry cannot be reached by its own build tasks: name a cluster in machine_learning.image_build_compute."
  }
}

variable "machine_learning_environments" {
  description = "What jobs run in, by name; see modules/machine_learning_workspace."
  type = map(object({
    description = optional(string, "")
    image       = string
    conda = optional(object({
      channels     = optional(list(string), ["conda-forge"])
      dependencies = list(string)
      pip          = optional(list(string), [])
    }))
  }))
  default  = {}
  nullable = false
}

variable "operator_group_ids" {
  description = "Object ids of groups that operate the platform: they read it, its logs and its secrets' names."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.operator_group_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))])
    error_message = "operator_group_ids takes object ids (GUIDs): az ad group show --group NAME --query id"
  }
}

variable "data_scientist_group_ids" {
  description = "Object ids of groups that work in the workspace and with its data."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.data_scientist_group_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))])
    error_message = "data_scientist_group_ids takes object ids (GUIDs): az ad group show --group NAME --query id"
  }
}
