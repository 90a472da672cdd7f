variable "development" {
  description = "Whether people draft pipelines here: only then may the factory be connected to a Git repository."
  type        = bool
  default     = false
  nullable    = false
}

variable "data_factory" {
  description = <<-EOT
    The factory.

    * `time_to_live_minutes`: for how long its integration runtime keeps machines.
    * `global_parameters`: texts that every pipeline can read.
    * `git_configuration`: on a development factory the repository of its drafts; as in modules/data_factory.
    * `self_hosted_integration_runtimes`: on machines of your own, by name, with a description.
    * `linked_services`: further ones by name, as `further_linked_services` of modules/data_factory: their secrets are in the key vault.
  EOT
  type = object({
    time_to_live_minutes = optional(number, 10)
    global_parameters    = optional(map(string), {})
    git_configuration = optional(object({
      account_name         = string
      repository_name      = string
      collaboration_branch = optional(string, "main")
      root_folder          = optional(string, "/")
      azure_devops         = optional(object({ project_name = string, tenant_id = string }))
    }))
    self_hosted_integration_runtimes = optional(map(string), {})
    linked_services = optional(map(object({
      type        = string
      description = optional(string, "")
      properties  = optional(map(string), {})
      secrets     = optional(map(object({ name = string, key_vault = optional(string, "ls_key_vault") })), {})
      credential  = optional(string)
      connect_via = optional(string)
    })), {})
  })
  default  = {}
  nullable = false

  # https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery
  validation {
    condition = var.development || var.data_factory.git_configuration == null
    error_message = join(" ", [
      "Only a development factory is connected to Git, the others get what Terraform deploys:",
      "remove data_factory.git_configuration from envs/${var.environment}/terraform.tfvars,",
      "or say development = true there.",
    ])
  }
}

variable "pipelines" {
  description = <<-EOT
    The factory's pipelines (modules/data_factory_pipelines): what their jobs run on, and what triggers them.

    * `code_asset`: the code that they run.
    * `compute`: a key of machine_learning.computes.
    * `environment`: a key of machine_learning_environments, or the address of an environment elsewhere.
    * `commands`: what each stage's job runs.
    * `schedules`: schedule triggers by name.
    * `blob_events`: triggers on new blobs by name; `account` is storage or lake.
    * `triggers_started`: triggers stand still unless it is true.
  EOT
  type = object({
    code_asset  = optional(string, "training-code")
    compute     = optional(string)
    environment = optional(string, "azureml://registries/azureml/environments/sklearn-1.5/labels/latest")
    commands = optional(object({
      training     = optional(string)
      scoring      = optional(string)
      registration = optional(string)
      deployment   = optional(string)
    }), {})
    schedules = optional(map(object({
      pipeline   = string
      frequency  = optional(string)
      interval   = optional(number)
      start_time = optional(string)
      time_zone  = optional(string)
      hours      = optional(list(number))
      minutes    = optional(list(number))
      parameters = optional(map(string))
    })), {})
    blob_events = optional(map(object({
      pipeline    = string
      account     = optional(string, "storage")
      container   = string
      begins_with = optional(string)
      ends_with   = optional(string)
      parameters  = optional(map(string))
    })), {})
    triggers_started = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition = var.pipelines.compute == null || contains(keys(var.machine_learning.computes), coalesce(var.pipelines.compute, "-"))
    error_message = join(" ", [
      "pipelines.compute names no cluster of machine_learning.computes:",
      "use one of ${join(", ", keys(var.machine_learning.computes))}.",
    ])
  }

  validation {
    condition = (
      contains(keys(var.machine_learning_environments), var.pipelines.environment) ||
      can(regex("^(azureml:/)?/", var.pipelines.environment))
    )
    error_message = join(" ", [
      "pipelines.environment is neither one of machine_learning_environments",
      "(${join(", ", keys(var.machine_learning_environments))}) nor an address (azureml://registries/…,",
      "or a resource id).",
    ])
  }

  validation {
    condition     = alltrue([for event in var.pipelines.blob_events : contains(["storage", "lake"], event.account)])
    error_message = "account of a blob event is storage or lake."
  }

  validation {
    condition = alltrue([
      for event in var.pipelines.blob_events :
      contains(event.account == "lake" ? var.storage.lake_containers : var.storage.containers, event.container)
    ])
    error_message = join(" ", [
      "A blob event names a container that its account does not have:",
      "add it to storage.containers or storage.lake_containers, or correct pipelines.blob_events.",
    ])
  }
}

variable "batch" {
  description = <<-EOT
    Batch account and its pool, in the subnet `batch`; null for none.

    * `vm_size`: the pool's machines.
    * `max_nodes`: how many there may be.
    * `task_slots_per_node`: tasks that a machine runs at once.
    * `public_network_access`: whether the account's public endpoint answers at all.
    * `ip_rules`: public addresses that it answers then.
  EOT
  type = object({
    vm_size               = string
    max_nodes             = number
    task_slots_per_node   = optional(number, 1)
    public_network_access = optional(string, "Disabled")
    ip_rules              = optional(set(string), [])
  })
  default = null

  validation {
    condition = (
      var.batch == null ||
      contains(var.network.existing == null ? keys(var.network.subnets) : keys(var.network.existing.subnet_ids), "batch")
    )
    error_message = join(" ", [
      "batch needs a subnet called batch for its nodes:",
      "add it to network.subnets (or network.existing.subnet_ids), or set batch = null.",
    ])
  }

  validation {
    condition     = var.batch == null || try(var.network.existing == null && var.network.subnets["batch"].delegation == null, true)
    error_message = "Batch puts nodes into subnets without a delegation only: remove network.subnets.batch.delegation."
  }
}

variable "function_app" {
  description = <<-EOT
    Function app on Flex Consumption, with its outbound traffic through the subnet `functions`; null for none.

    * `runtime`: `name` and `version` of the language.
    * `memory_mb`: memory of an instance.
    * `max_instances`: how many there may be.
    * `zone_redundant`: instances in several zones, in regions that offer it; its storage (`storage.sku`) must be in zones, too.
    * `settings`: application settings; no secrets.
    * `application_insights`: telemetry, written with the app's identity.
    * `public_network_access`: whether the app's public endpoint answers at all.
  EOT
  type = object({
    runtime               = optional(object({ name = string, version = string }), { name = "python", version = "3.11" })
    memory_mb             = optional(number, 2048)
    max_instances         = optional(number, 40)
    zone_redundant        = optional(bool, false)
    settings              = optional(map(string), {})
    application_insights  = optional(bool, true)
    public_network_access = optional(string, "Disabled")
  })
  default = null

  # https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#virtual-network-integration
  validation {
    condition = (
      var.function_app == null ||
      contains(var.network.existing == null ? keys(var.network.subnets) : keys(var.network.existing.subnet_ids), "functions")
    )
    error_message = join(" ", [
      "function_app needs a subnet called functions for its outbound traffic:",
      "add it to network.subnets with delegation = \"Microsoft.App/environments\" (or to",
      "network.existing.subnet_ids), or set function_app = null.",
    ])
  }

  validation {
    condition = (
      var.function_app == null ||
      try(var.network.existing != null || var.network.subnets["functions"].delegation == "Microsoft.App/environments", true)
    )
    error_message = join(" ", [
      "Flex Consumption stands in subnets that are delegated to it:",
      "set network.subnets.functions.delegation = \"Microsoft.App/environments\".",
    ])
  }

  # https://learn.microsoft.com/azure/reliability/reliability-functions
  validation {
    condition = !try(var.function_app.zone_redundant, false) || can(regex("_(RA)?G?ZRS$", var.storage.sku))
    error_message = join(" ", [
      "A zone-redundant function app on storage of one zone stops with that zone:",
      "set storage.sku to Standard_ZRS or Standard_GZRS, or function_app.zone_redundant = false.",
    ])
  }
}
