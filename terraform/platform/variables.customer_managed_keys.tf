variable "customer_managed_keys" {
  description = <<-EOT
    Encryption with keys of the platform's own vault, one for each service. Decided when an environment is made: registry, factory,
    workspace and Batch account take a key only then, and never give it up (but Batch), nor does the workspace; a plan that would
    change it is refused.

    * `enabled`: whether there are such keys.
    * `services`: what uses its key: storage (every account), container_registry, data_factory, machine_learning_workspace, batch.
    * `queues_and_tables`: those of the storage accounts, too; also fixed when an account is made.
    * `key_type`, `key_size`: RSA or RSA-HSM (a premium vault), and bits; for keys that are not there yet.
    * `rotate_after`: age at which Key Vault makes a new version of a key, such as P90D, P18M or P1Y. The workspace takes it with the
      next apply, the others by themselves.
    * `expire_after`: age at which such a version expires; null for never.
  EOT
  type = object({
    enabled = optional(bool, false)
    services = optional(set(string), [
      "storage", "container_registry", "data_factory", "machine_learning_workspace", "batch",
    ])
    queues_and_tables = optional(bool, true)
    key_type          = optional(string, "RSA")
    key_size          = optional(number, 3072)
    rotate_after      = optional(string, "P1Y")
    expire_after      = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition = length(setsubtract(
      var.customer_managed_keys.services,
      ["storage", "container_registry", "data_factory", "machine_learning_workspace", "batch"],
    )) == 0
    error_message = join(" ", [
      "customer_managed_keys.services takes storage, container_registry, data_factory, machine_learning_workspace and batch.",
    ])
  }

  validation {
    condition     = !var.customer_managed_keys.enabled || length(var.customer_managed_keys.services) > 0
    error_message = "customer_managed_keys.enabled needs somebody in customer_managed_keys.services who uses a key."
  }

  # https://learn.microsoft.com/azure/security/fundamentals/encryption-customer-managed-keys-support
  validation {
    condition = !var.customer_managed_keys.enabled || var.key_vault.purge_protection
    error_message = join(" ", [
      "customer_managed_keys.enabled needs key_vault.purge_protection = true:",
      "what is encrypted with a key is lost with it, and services take no other.",
    ])
  }

  validation {
    condition = (
      contains(["RSA", "RSA-HSM"], var.customer_managed_keys.key_type) &&
      contains([2048, 3072, 4096], var.customer_managed_keys.key_size)
    )
    error_message = "customer_managed_keys.key_type is RSA or RSA-HSM, and key_size 2048, 3072 or 4096."
  }

  # https://learn.microsoft.com/azure/key-vault/keys/how-to-configure-key-rotation
  validation {
    condition = alltrue([
      for age in compact([var.customer_managed_keys.rotate_after, var.customer_managed_keys.expire_after]) :
      can(regex("^P[1-9][0-9]*[DMY]$", age))
    ])
    error_message = join(" ", [
      "customer_managed_keys.rotate_after and expire_after are numbers of days, months or years, as Key Vault writes them:",
      "P90D, P18M, P2Y.",
    ])
  }

  validation {
    condition = try(
      tonumber(trim(var.customer_managed_keys.rotate_after, "PDMY")) *
      { D = 1, M = 30, Y = 365 }[substr(var.customer_managed_keys.rotate_after, -1, 1)] >= 7, true
    )
    error_message = "Key Vault rotates a key after 7 days at the earliest: raise customer_managed_keys.rotate_after."
  }

  # The workspace takes a new version with an apply, which somebody has to do before the old one expires.
  validation {
    condition = var.customer_managed_keys.expire_after == null || try(
      tonumber(trim(var.customer_managed_keys.expire_after, "PDMY")) *
      { D = 1, M = 30, Y = 365 }[substr(var.customer_managed_keys.expire_after, -1, 1)] -
      tonumber(trim(var.customer_managed_keys.rotate_after, "PDMY")) *
      { D = 1, M = 30, Y = 365 }[substr(var.customer_managed_keys.rotate_after, -1, 1)] >= 28, true
    )
    error_message = join(" ", [
      "A version of a key must outlive its rotation by 28 days or more, in which services take the new one:",
      "raise customer_managed_keys.expire_after, lower rotate_after, or leave expire_after out.",
    ])
  }
}
