variable "name" {
  description = "Name of the app; unique in Azure, since it is a host name."
  type        = string

  # The host id is cut off after 32 characters, and two apps with one host id on one storage account disturb each other:
  # https://learn.microsoft.com/azure/azure-functions/storage-considerations#host-id-considerations
  validation {
    condition = can(regex("^[A-Za-z0-9](-?[A-Za-z0-9]){1,31}$", var.name))
    error_message = join(" ", [
      "A function app's name has 2 to 32 letters, digits and single dashes here:",
      "the host takes the first 32 characters as its id.",
    ])
  }
}

variable "plan_name" {
  description = "Name of the plan."
  type        = string
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

variable "identity" {
  description = <<-EOT
    User-assigned identity that the app acts as.

    * `id`: its resource id.
    * `client_id`: its client id.
  EOT
  type        = object({ id = string, client_id = string })
}

variable "storage" {
  description = <<-EOT
    Host storage; reached with the identity, never with a key.

    * `account_name`, `blob_endpoint`: the account and the address of its blobs.
    * `container`: what packages are deployed to.
  EOT
  type = object({
    account_name  = string
    blob_endpoint = string
    container     = string
  })

  validation {
    condition     = endswith(var.storage.blob_endpoint, "/")
    error_message = "storage.blob_endpoint ends with a slash, as the output blob_endpoint of modules/storage_account."
  }
}

variable "subnet_id" {
  description = <<-EOT
    Subnet of the app's outbound traffic, delegated to Microsoft.App/environments, /27 or larger,
    without an underscore in its name.
  EOT
  type        = string

  # https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#virtual-network-integration
  validation {
    condition     = !strcontains(basename(var.subnet_id), "_")
    error_message = "Flex Consumption refuses subnets with an underscore in their name: rename ${basename(var.subnet_id)}."
  }
}

variable "runtime" {
  description = <<-EOT
    What the functions are written in.

    * `name`: the language.
    * `version`: its version.
  EOT
  type        = object({ name = string, version = string })
  default     = { name = "python", version = "3.11" }

  validation {
    condition     = contains(["dotnet-isolated", "java", "node", "powershell", "python", "custom"], var.runtime.name)
    error_message = "runtime.name must be dotnet-isolated, java, node, powershell, python or custom."
  }
}

variable "scale" {
  description = <<-EOT
    How far the app scales out; no instance runs while nobody calls.

    * `memory_mb`: memory of an instance.
    * `max_instances`: how many there may be.
  EOT
  type = object({
    memory_mb     = optional(number, 2048)
    max_instances = optional(number, 40)
  })
  default  = {}
  nullable = false

  # https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan
  validation {
    condition     = contains([512, 2048, 4096], var.scale.memory_mb)
    error_message = "scale.memory_mb must be 512, 2048 or 4096."
  }

  validation {
    condition     = var.scale.max_instances >= 1 && var.scale.max_instances <= 1000
    error_message = "scale.max_instances must be between 1 and 1000; the app scales to zero by itself."
  }
}

variable "zone_redundant" {
  description = "Spread the instances over availability zones."
  type        = bool
  default     = false
}

variable "settings" {
  description = "Application settings. They stand in Terraform's state: secrets belong into a key vault, named by a reference."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : !startswith(name, "AzureWebJobsStorage")])
    error_message = "The host storage is set by `storage`: remove AzureWebJobsStorage… from settings."
  }

  validation {
    condition = var.application_insights == null || !anytrue([
      for name in keys(var.settings) : startswith(name, "APPLICATIONINSIGHTS_")
    ])
    error_message = join(" ", [
      "The app's telemetry is set by `application_insights`, which needs no key:",
      "remove APPLICATIONINSIGHTS_… from settings.",
    ])
  }

  # https://learn.microsoft.com/azure/azure-functions/functions-app-settings: Flex Consumption has these in functionAppConfig.
  validation {
    condition = length(
      setintersection(
        keys(var.settings),
        ["FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_CONTENTSHARE"]
      )
    ) == 0
    error_message = join(" ", [
      "Flex Consumption refuses FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION,",
      "WEBSITE_RUN_FROM_PACKAGE and WEBSITE_CONTENTSHARE: use runtime and storage.",
    ])
  }

  validation {
    condition = alltrue([for value in values(var.settings) : !can(regex("(?i)(AccountKey|SharedAccessKey|password|pwd)\\s*=", value))])
    error_message = join(" ", [
      "A setting holds a secret, which would be readable in Terraform's state:",
      "put it into the key vault and write @Microsoft.KeyVault(SecretUri=…).",
    ])
  }
}

variable "application_insights" {
  description = <<-EOT
    Application Insights of the app's own, which takes telemetry from its identity and from nobody with a key; null for none. The
    identity needs Monitoring Metrics Publisher on it.

    * `name`: its name.
    * `workspace_id`: the Log Analytics workspace that keeps the telemetry.
  EOT
  type        = object({ name = string, workspace_id = string })
  default     = null

}

variable "timeout" {
  description = "For how long Terraform waits for Azure to make or delete the app."
  type        = string
  default     = "30m"
}

variable "public_network_access" {
  description = "Enabled: the public endpoint answers. Disabled: private endpoints only."
  type        = string

  validation {
    condition     = contains(["Enabled", "Disabled"], var.public_network_access)
    error_message = "public_network_access must be Enabled or Disabled."
  }
}

variable "private_endpoints" {
  description = <<-EOT
    Private endpoints by group id (sites).

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
    condition     = length(setsubtract(keys(var.private_endpoints), ["sites"])) == 0
    error_message = "The group ids of this resource are: sites."
  }
}

variable "diagnostics" {
  description = "Where logs and metrics go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
