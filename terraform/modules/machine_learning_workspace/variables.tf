variable "name" {
  description = "Name of the workspace."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$", var.name))
    error_message = "A workspace's name has 3 to 33 letters, digits, dashes and underscores, and starts with a letter or digit."
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

variable "identity_id" {
  description = "User-assigned identity that the workspace acts as."
  type        = string
}

variable "identity_role_assignment_ids" {
  description = "Role assignments of that identity, which must stand before the workspace is made."
  type        = list(string)
}

variable "storage_account_id" {
  description = "Default storage account; without a hierarchical namespace."
  type        = string
}

variable "key_vault_id" {
  description = "Key vault of the workspace."
  type        = string
}

variable "application_insights_id" {
  description = "Application Insights of the workspace."
  type        = string
}

variable "container_registry_id" {
  description = "Registry for the workspace's images."
  type        = string
}

variable "high_business_impact" {
  description = "Send less diagnostic data to Microsoft and encrypt the nodes' scratch disks; fixed when the workspace is made."
  type        = bool
  default     = false
}

variable "isolation_mode" {
  description = "Egress of the managed network: AllowInternetOutbound, AllowOnlyApprovedOutbound or Disabled. Cannot be loosened again."
  type        = string
  default     = "AllowInternetOutbound"

  validation {
    condition     = contains(["AllowInternetOutbound", "AllowOnlyApprovedOutbound", "Disabled"], var.isolation_mode)
    error_message = "isolation_mode must be AllowInternetOutbound, AllowOnlyApprovedOutbound or Disabled."
  }
}

variable "outbound_private_endpoints" {
  description = <<-EOT
    What the managed network reaches through private endpoints, beside the workspace's own resources, by name of the rule.

    * `resource_id`: the resource.
    * `group_id`: its sub-resource.
  EOT
  type = map(object({
    resource_id = string
    group_id    = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(var.outbound_private_endpoints) == 0 || var.isolation_mode != "Disabled"
    error_message = "Without a managed network (isolation_mode = \"Disabled\") there are no outbound rules."
  }
}

variable "outbound_fqdns" {
  description = <<-EOT
    Host names that the managed network reaches over HTTP and HTTPS, by name of the rule.
    Needs AllowOnlyApprovedOutbound and accept_firewall_cost.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  # https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
  validation {
    condition = length(var.outbound_fqdns) == 0 || var.isolation_mode == "AllowOnlyApprovedOutbound"
    error_message = join(" ", [
      "Rules by host name work with isolation_mode = \"AllowOnlyApprovedOutbound\" only:",
      "the other modes let everything out already.",
    ])
  }

  # https://learn.microsoft.com/azure/machine-learning/how-to-managed-network#pricing
  validation {
    condition = length(var.outbound_fqdns) == 0 || var.accept_firewall_cost
    error_message = join(" ", [
      "The first rule by host name makes an Azure Firewall that is charged by the hour,",
      "and the mode cannot be undone: set accept_firewall_cost = true, or remove outbound_fqdns.",
    ])
  }

  validation {
    condition     = alltrue([for fqdn in var.outbound_fqdns : can(regex("^(\\*\\.)?([A-Za-z0-9-]+\\.)+[A-Za-z]{2,}$", fqdn))])
    error_message = "outbound_fqdns takes host names, without scheme and path: pypi.org, *.pythonhosted.org."
  }

  validation {
    condition = !anytrue([
      for fqdn in var.outbound_fqdns : can(regex("\\.(blob|dfs|file|queue|table)\\.core\\.windows\\.net$", lower(fqdn)))
    ])
    error_message = "A rule by host name cannot lead to Azure Storage: use outbound_private_endpoints."
  }
}

variable "outbound_service_tags" {
  description = <<-EOT
    Azure service tags that the managed network reaches, by name of the rule. Needs AllowOnlyApprovedOutbound.

    * `tag`: the service tag.
    * `protocol`: TCP, UDP, ICMP or *.
    * `ports`: a port, a range, or several of them with commas.
  EOT
  type = map(object({
    tag      = string
    protocol = optional(string, "TCP")
    ports    = optional(string, "443")
  }))
  default  = {}
  nullable = false

  validation {
    condition = length(var.outbound_service_tags) == 0 || var.isolation_mode == "AllowOnlyApprovedOutbound"
    error_message = join(" ", [
      "Rules by service tag work with isolation_mode = \"AllowOnlyApprovedOutbound\" only:",
      "the other modes let everything out already.",
    ])
  }

  validation {
    condition     = alltrue([for rule in var.outbound_service_tags : contains(["TCP", "UDP", "ICMP", "*"], rule.protocol)])
    error_message = "protocol of a service tag's rule is TCP, UDP, ICMP or *."
  }

  validation {
    condition = alltrue([
      for name in concat(keys(var.outbound_private_endpoints), keys(var.outbound_fqdns), keys(var.outbound_service_tags)) :
      can(regex("^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$", name))
      ]) && length(distinct(concat(keys(var.outbound_private_endpoints), keys(var.outbound_fqdns), keys(var.outbound_service_tags)))) == (
      length(var.outbound_private_endpoints) + length(var.outbound_fqdns) + length(var.outbound_service_tags)
    )
    error_message = join(" ", [
      "Names of outbound rules have 3 to 33 letters, digits, dashes and underscores,",
      "and each occurs once among outbound_private_endpoints, outbound_fqdns and outbound_service_tags.",
    ])
  }
}

variable "accept_firewall_cost" {
  description = <<-EOT
    Somebody decided that rules by host name are worth an Azure Firewall
    (https://azure.microsoft.com/pricing/details/azure-firewall/).
  EOT
  type        = bool
  default     = false
}

variable "firewall_sku" {
  description = "Tier of that firewall: Basic or Standard."
  type        = string
  default     = "Standard"

  validation {
    condition     = contains(["Basic", "Standard"], var.firewall_sku)
    error_message = "firewall_sku must be Basic or Standard."
  }
}

variable "environments" {
  description = <<-EOT
    What jobs run in, by name. Each content is a version of its own, called after a hash of it, and takes the place of the former
    one; jobs refer to `azureml:NAME@latest`.

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

  validation {
    condition     = alltrue([for name in keys(var.environments) : can(regex("^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$", name))])
    error_message = "An environment's name has up to 255 letters, digits, dashes and underscores, and starts with a letter or digit."
  }

  validation {
    condition     = alltrue([for name in keys(var.environments) : !startswith(lower(name), "azureml")])
    error_message = "Names that begin with AzureML belong to the curated environments: call yours otherwise."
  }

  validation {
    condition = alltrue([
      for environment in var.environments : can(regex("^[^\\s:/]+(\\.[^\\s/]+)?(:[0-9]+)?/[^\\s]+$", environment.image))
    ])
    error_message = "image of an environment is a full reference: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
  }

  validation {
    condition = alltrue([
      for environment in var.environments :
      environment.conda == null || anytrue([for package in try(environment.conda.dependencies, []) : startswith(package, "python")])
    ])
    error_message = "conda of an environment names the Python that it wants (python=3.11): otherwise the solver picks one."
  }
}

variable "computes" {
  description = <<-EOT
    Clusters by name. They scale to zero.

    * `vm_size`: their machines.
    * `priority`: Dedicated or LowPriority.
    * `max_nodes`: how many there may be.
    * `idle_seconds`: for how long a machine stays without a job.
  EOT
  type = map(object({
    vm_size      = string
    priority     = optional(string, "Dedicated")
    max_nodes    = number
    idle_seconds = optional(number, 120)
  }))
  default  = {}
  nullable = false

  # The pattern of the REST reference has a look-ahead, which the provider's regular expressions cannot do:
  # https://learn.microsoft.com/rest/api/azureml/compute/create-or-update
  validation {
    condition = alltrue([
      for name in keys(var.computes) : can(regex("^[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$", name)) && !can(regex("-[0-9]+$", name))
    ])
    error_message = join(" ", [
      "A cluster's name has 3 to 24 letters, digits and dashes,",
      "starts with a letter and does not end with a dash and a number: cpu-cluster, not cpu-1.",
    ])
  }

  validation {
    condition     = alltrue([for compute in var.computes : contains(["Dedicated", "LowPriority"], compute.priority)])
    error_message = "priority of a cluster is Dedicated or LowPriority."
  }

  validation {
    condition     = alltrue([for compute in var.computes : compute.max_nodes >= 1])
    error_message = "max_nodes of a cluster is at least 1: remove the cluster to have none."
  }

  validation {
    condition = alltrue([
      for compute in var.computes : compute.idle_seconds >= 1 && floor(compute.idle_seconds) == compute.idle_seconds
    ])
    error_message = "idle_seconds of a cluster is a whole number of seconds, 1 at least."
  }
}

variable "compute_identity_id" {
  description = "User-assigned identity that the clusters act as."
  type        = string
}

variable "image_build_compute" {
  description = "Cluster that builds images: a private registry cannot be reached by its own build tasks. Null with a public registry."
  type        = string
  default     = null

  validation {
    condition     = var.image_build_compute == null || contains(keys(var.computes), coalesce(var.image_build_compute, "-"))
    error_message = "image_build_compute names no cluster of computes."
  }
}

variable "datastores" {
  description = <<-EOT
    Datastores by name; jobs reach them with their own identity.

    * `kind`: AzureBlob or AzureDataLakeGen2.
    * `account_name`, `container`: where they lead.
  EOT
  type = map(object({
    kind         = string
    account_name = string
    container    = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for store in var.datastores : contains(["AzureBlob", "AzureDataLakeGen2"], store.kind)])
    error_message = "kind of a datastore is AzureBlob or AzureDataLakeGen2."
  }

  validation {
    condition     = alltrue([for name in keys(var.datastores) : can(regex("^[a-zA-Z0-9_]{1,255}$", name))])
    error_message = "A datastore's name has letters, digits and underscores."
  }
}

variable "timeouts" {
  description = <<-EOT
    For how long Terraform waits for Azure.

    * `workspace`: the workspace, with its managed network.
    * `computes`: clusters and compute instances.
  EOT
  type = object({
    workspace = optional(string, "60m")
    computes  = optional(string, "60m")
  })
  default  = {}
  nullable = false
}

variable "schema_validation" {
  description = "Check the body against the provider's schema. False with azapi 1.15, which does not know the api-version."
  type        = bool
  default     = true
}

variable "customer_managed_key" {
  description = <<-EOT
    Key of the customer's to encrypt the workspace's metadata with; null for Microsoft's. Fixed when the workspace is made, but
    for another key, or version, of the same vault.

    * `key_uri_with_version`: address of the key's version: the workspace does not follow its rotation.
    * `vault_id`: the vault that it is in, in the workspace's subscription.
    * `identity_id`: user-assigned identity that uses it.
    * `role_assignment_ids`: what lets it; must be there first.
  EOT
  type = object({
    key_uri_with_version = string
    vault_id             = string
    identity_id          = string
    role_assignment_ids  = list(string)
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
    Private endpoints by group id (amlworkspace).

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
    condition     = length(setsubtract(keys(var.private_endpoints), ["amlworkspace"])) == 0
    error_message = "The group ids of this resource are: amlworkspace."
  }
}

variable "diagnostics" {
  description = "Where logs and metrics go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
