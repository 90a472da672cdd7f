variable "name" {
  description = "Name of the managed private endpoint."
  type        = string
}

variable "data_factory_id" {
  description = "The factory."
  type        = string
}

variable "managed_virtual_network_id" {
  description = "The factory's managed virtual network."
  type        = string
}

variable "target_id" {
  description = "Resource that the endpoint leads to."
  type        = string
}

variable "group_id" {
  description = "Sub-resource of the target: blob, dfs, file, queue, table, vault, amlworkspace, batchAccount."
  type        = string

  validation {
    condition = contains(keys(local.targets), var.group_id)
    error_message = join(" ", [
      "group_id \"${var.group_id}\" is none that this module can approve:",
      "add its target's type to local.targets in modules/data_factory/modules/managed_private_endpoint/main.tf.",
    ])
  }
}
