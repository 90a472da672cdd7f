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
  description = "What the managed network reaches through private endpoints, beside the workspace's own resources, by name of the rule."
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

variable "computes" {
  description = "Clusters by name. They scale to zero."
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
    error_message = "A cluster's name has 3 to 24 letters, digits and dashes, starts with a letter and does not end with a dash and a number: cpu-cluster, not cpu-1."
  }

  validation {
    condition     = alltrue([for compute in var.computes : contains(["Dedicated", "LowPriority"], compute.priority)])
    error_message = "priority of a cluster is Dedicated or LowPriority."
  }

  validation {
    condition     = alltrue([for compute in var.computes : compute.max_nodes >= 1])
    error_message = "max_nodes of a cluster is at least 1: remove the cluster to have none."
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
  description = "Datastores by name; jobs reach them with their own identity."
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

variable "schema_validation" {
  description = "Check the body against the provider's schema. False with azapi 1.15, which does not know the api-version."
  type        = bool
  default     = true
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
  description = "Private endpoints by group id (amlworkspace)."
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
