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
  description = <<-EOT
    The storage accounts.

    * `sku`: redundancy.
    * `retention_days`: for how long deleted blobs and containers come back.
    * `restore_days`: how far back the workspace's account can be restored to a point in time.
    * `ip_rules`, `lake_ip_rules`, `pointer_ip_rules`: public addresses that may reach the workspace's account, the lake, and
      the account of code pointers.
    * `resource_access_rules`: resource ids of this tenant that may reach the workspace's account, such as another factory's.
    * `containers`: of the workspace's account.
    * `lake_containers`: of the data lake.
    * `lifecycle_rules`: of the workspace's account, as in modules/storage_account.
  EOT
  type = object({
    sku                   = string
    retention_days        = number
    restore_days          = optional(number)
    ip_rules              = optional(set(string), [])
    lake_ip_rules         = optional(set(string), [])
    pointer_ip_rules      = optional(set(string), [])
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
    condition     = length(setsubtract(["smoke", "adftrain"], var.storage.containers)) == 0
    error_message = "storage.containers must hold smoke (smoke tests) and adftrain (training from the factory)."
  }

  validation {
    condition     = length(setsubtract(["raw", "curated"], var.storage.lake_containers)) == 0
    error_message = "storage.lake_containers must hold raw and curated: the workspace's datastores lead there."
  }

  validation {
    condition = (
      var.public_network_access.storage == "Enabled" ||
      length(setunion(var.storage.ip_rules, var.storage.lake_ip_rules, var.storage.pointer_ip_rules)) == 0
    )
    error_message = join(" ", [
      "ip_rules, lake_ip_rules and pointer_ip_rules of storage have no effect while public network access of storage is Disabled:",
      "set it to Enabled in envs/<env>/env.toml, or remove the rules.",
    ])
  }
}

variable "key_vault" {
  description = <<-EOT
    The vault.

    * `retention_days`: for how long deleted secrets, and the vault itself, come back.
    * `purge_protection`: whether nobody can end that sooner.
    * `ip_rules`: public addresses that may reach it.
  EOT
  type = object({
    retention_days   = number
    purge_protection = bool
    ip_rules         = optional(set(string), [])
  })

  validation {
    condition = !var.key_vault.purge_protection || var.key_vault.retention_days >= 30
    error_message = join(" ", [
      "Purge protection with a retention below 30 days is neither a throw-away environment nor protection:",
      "turn it off, or keep deleted vaults for 30 to 90 days.",
    ])
  }
}

variable "container_registry" {
  description = <<-EOT
    The registry.

    * `sku`: its tier.
    * `zone_redundancy`: images in several zones.
    * `untagged_retention_days`: for how long images without a tag are kept.
  EOT
  type = object({
    sku                     = optional(string, "Premium")
    zone_redundancy         = optional(bool, false)
    untagged_retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false
}

variable "monitoring" {
  description = <<-EOT
    Logs and who is told.

    * `retention_days`: for how long logs are kept.
    * `daily_quota_gb`: what a day may bring; -1 for no limit.
    * `alert_emails`: who is told of alerts and of the budget; outside the sandbox there is somebody.
    * `action_group_ids`: action groups that stand already (of those on call), which are told, too.
  EOT
  type = object({
    retention_days   = number
    daily_quota_gb   = optional(number, -1)
    alert_emails     = optional(set(string), [])
    action_group_ids = optional(set(string), [])
  })

  validation {
    condition = !var.alert_receiver_required || length(var.monitoring.alert_emails) + length(var.monitoring.action_group_ids) > 0
    error_message = join(" ", [
      "monitoring.alert_emails is empty: nobody would be told of failed pipelines and jobs, or of the budget.",
      "Name an address that somebody reads, or in monitoring.action_group_ids the action group of those on call.",
    ])
  }

  # An alert has five groups at most, of which one is the platform's own:
  # https://learn.microsoft.com/azure/azure-monitor/service-limits#alerts
  validation {
    condition = length(var.monitoring.action_group_ids) <= 4 && alltrue([
      for id in var.monitoring.action_group_ids :
      can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Insights/actionGroups/[^/]+$", id))
    ])
    error_message = join(" ", [
      "monitoring.action_group_ids takes up to four resource ids of action groups:",
      "az monitor action-group show --resource-group GROUP --name NAME --query id",
    ])
  }
}

variable "machine_learning" {
  description = <<-EOT
    The workspace's managed network and its clusters; as in modules/machine_learning_workspace.

    * `isolation_mode`: AllowInternetOutbound, AllowOnlyApprovedOutbound or Disabled.
    * `accept_firewall_cost`: somebody decided that rules by host name are worth an Azure Firewall.
    * `firewall_sku`: the tier of that firewall.
    * `outbound_fqdns`: host names that the managed network reaches, by name of the rule.
    * `outbound_service_tags`: service tags that it reaches, by name of the rule.
    * `high_business_impact`: less diagnostic data for Microsoft, encrypted scratch disks.
    * `image_build_compute`: the cluster that builds images.
    * `computes`: clusters by name.
    * `compute_instances`: machines of single people, by name; in no subnet of the platform.
    * `ip_allowlist`: public addresses that reach the workspace, when its public network access is Enabled.
    * `parallel_jobs`: private endpoints to queues and tables of the default storage account, without which batch endpoints and
      parallel jobs wait for ever.
  EOT
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
    compute_instances = optional(map(object({
      vm_size        = string
      user_object_id = string
      idle_minutes   = optional(number, 60)
      start          = optional(string)
      stop           = optional(string)
      time_zone      = optional(string, "UTC")
    })), {})
    ip_allowlist  = optional(list(string), [])
    parallel_jobs = optional(bool, true)
  })

  validation {
    condition     = var.machine_learning.image_build_compute != null || var.public_network_access.container_registry == "Enabled"
    error_message = "A private registry cannot be reached by its own build tasks: name a cluster in machine_learning.image_build_compute."
  }
}

variable "machine_learning_environments" {
  description = <<-EOT
    What jobs run in, by name; as in modules/machine_learning_workspace.

    * `description`: for people.
    * `image`: the image.
    * `conda`: packages on top of it: `channels`, `dependencies`, and `pip` for those of PyPI.
  EOT
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
    condition = alltrue([
      for id in var.data_scientist_group_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "data_scientist_group_ids takes object ids (GUIDs): az ad group show --group NAME --query id"
  }
}

variable "data_engineer_group_ids" {
  description = "Object ids of groups that run the factory's pipelines, and change them where data_engineers_author says so."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for id in var.data_engineer_group_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "data_engineer_group_ids takes object ids (GUIDs): az ad group show --group NAME --query id"
  }
}

variable "data_engineers_author" {
  description = "Whether data engineers write pipelines here, and so act as the factory's identities; otherwise they run what is there."
  type        = bool
  default     = false
  nullable    = false
}
