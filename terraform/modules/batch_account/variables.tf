variable "name" {
  description = "Name of the account; unique in its region."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.name))
    error_message = "A Batch account's name has 3 to 24 lower-case letters and digits."
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
  description = "User-assigned identity with which the account reaches its storage account."
  type        = string
}

variable "node_identity_id" {
  description = "User-assigned identity that tasks on the nodes act as."
  type        = string
}

variable "storage_account_id" {
  description = "Storage account for application packages and task files; the account keeps no key of it."
  type        = string
}

variable "customer_managed_key" {
  description = <<-EOT
    Key of the customer's to encrypt with; null for Microsoft's. For a new account.

    * `key_uri`: the key's address without a version, so that Batch follows its rotation.
    * `identity_id`: user-assigned identity that uses it.
    * `role_assignment_ids`: what lets it; must be there first.
  EOT
  type = object({
    key_uri             = string
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

  # The request does not say which of several identities reads the key.
  validation {
    condition     = try(var.customer_managed_key.identity_id == var.identity_id, true)
    error_message = "The account uses its key as identity_id: give that identity the role on the key."
  }
}

variable "pool" {
  description = <<-EOT
    The pool. It scales to zero when no task waits.

    * `name`: of the pool.
    * `vm_size`: its machines.
    * `max_nodes`: how many there may be.
    * `task_slots_per_node`: tasks that a machine runs at once.
    * `subnet_id`: where they stand.
    * `image`: what they run: `publisher`, `offer`, `sku`, `version`.
    * `node_agent_sku_id`: Batch's agent for that image.
  EOT
  type = object({
    name                = optional(string, "cpu")
    vm_size             = string
    max_nodes           = number
    task_slots_per_node = optional(number, 1)
    subnet_id           = string
    image = optional(object({
      publisher = string
      offer     = string
      sku       = string
      version   = optional(string, "latest")
    }), { publisher = "microsoft-dsvm", offer = "ubuntu-hpc", sku = "2204" })
    node_agent_sku_id = optional(string, "batch.node.ubuntu 22.04")
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.pool.name))
    error_message = "A pool's name has up to 64 letters, digits, dashes and underscores."
  }

  validation {
    condition     = var.pool.max_nodes >= 1 && var.pool.max_nodes <= 1000 && floor(var.pool.max_nodes) == var.pool.max_nodes
    error_message = "pool.max_nodes is a whole number between 1 and 1000; the pool scales to zero by itself."
  }

  # https://learn.microsoft.com/azure/batch/batch-parallel-node-tasks
  validation {
    condition     = var.pool.task_slots_per_node >= 1 && var.pool.task_slots_per_node <= 256
    error_message = "pool.task_slots_per_node is between 1 and 256 (and at most four for each core of the machine)."
  }
}

variable "public_network_access" {
  description = "Enabled: the public endpoint answers those whom ip_rules allow. Disabled: private endpoints only."
  type        = string

  validation {
    condition     = contains(["Enabled", "Disabled"], var.public_network_access)
    error_message = "public_network_access must be Enabled or Disabled."
  }
}

variable "ip_rules" {
  description = "Public IPv4 addresses and ranges that may reach the account."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.public_network_access == "Enabled" || length(var.ip_rules) == 0
    error_message = "ip_rules have no effect while public_network_access is Disabled: set it to Enabled, or remove the rules."
  }
}

variable "private_endpoints" {
  description = <<-EOT
    Private endpoints by group id (batchAccount, nodeManagement).

    * `name`: of the endpoint.
    * `subnet_id`: subnet that its address comes from.
    * `private_dns_zone_ids`: zones that get its records; empty where somebody else writes them.
  EOT
  type = map(object({
    name                 = string
    subnet_id            = string
    private_dns_zone_ids = list(string)
  }))
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.private_endpoints), ["batchAccount", "nodeManagement"])) == 0
    error_message = "The group ids of this resource are: batchAccount, nodeManagement."
  }

  validation {
    condition = contains(keys(var.private_endpoints), "nodeManagement")
    error_message = join(" ", [
      "The pool's nodes have no public address and reach Batch only through a private endpoint of the group",
      "nodeManagement: add it to private_endpoints.",
    ])
  }
}

variable "diagnostics" {
  description = "Where logs and metrics go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
