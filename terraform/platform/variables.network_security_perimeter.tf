variable "network_security_perimeter" {
  description = <<-EOT
    A network security perimeter around storage accounts, key vault and logs; null for none.

    * `members`: access mode of each member: storage, lake, pointer_storage, function_storage, key_vault, log_analytics. With Learning the
      resource's own rules count beside those of the perimeter, with Enforced they count for nothing.
    * `inbound_address_prefixes`: ranges of public addresses that reach the members.
    * `inbound_subscription_ids`: subscriptions whose managed identities and services reach them. Whoever applies needs
      Microsoft.Resources/subscriptions/joinPerimeterRule/action on each, which CI has not.
    * `outbound_fqdns`: domain names that members may reach.
  EOT
  type = object({
    members = optional(map(string), {
      storage          = "Learning"
      lake             = "Learning"
      pointer_storage  = "Learning"
      function_storage = "Learning"
      key_vault        = "Learning"
      log_analytics    = "Learning"
    })
    inbound_address_prefixes = optional(set(string), [])
    inbound_subscription_ids = optional(set(string), [])
    outbound_fqdns           = optional(set(string), [])
  })
  default = null

  validation {
    condition = length(setsubtract(
      try(keys(var.network_security_perimeter.members), []),
      ["storage", "lake", "pointer_storage", "function_storage", "key_vault", "log_analytics"],
    )) == 0
    error_message = join(" ", [
      "network_security_perimeter.members are storage, lake, pointer_storage, function_storage, key_vault and log_analytics:",
      "Azure takes no other resource of the platform into a perimeter.",
    ])
  }

  validation {
    condition = alltrue([
      for mode in try(values(var.network_security_perimeter.members), []) : contains(["Learning", "Enforced"], mode)
    ])
    error_message = "The access mode of a member of network_security_perimeter is Learning or Enforced."
  }

  validation {
    condition = alltrue([
      for prefix in try(var.network_security_perimeter.inbound_address_prefixes, []) :
      try(cidrhost(prefix, 0) == split("/", prefix)[0], false)
    ])
    error_message = join(" ", [
      "network_security_perimeter.inbound_address_prefixes are ranges that begin at their first address:",
      "203.0.113.7/32, 203.0.113.0/24.",
    ])
  }

  validation {
    condition = alltrue([
      for id in try(var.network_security_perimeter.inbound_subscription_ids, []) :
      can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "network_security_perimeter.inbound_subscription_ids are GUIDs: az account show --query id"
  }

  # Registry, factory, workspace and Batch reach the vault as trusted services, and Azure Resource Manager makes the keys as one: an
  # enforced perimeter lets no trusted service in.
  # https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
  validation {
    condition = (
      !var.customer_managed_keys.enabled || try(var.network_security_perimeter.members["key_vault"], "Learning") == "Learning"
    )
    error_message = join(" ", [
      "network_security_perimeter.members.key_vault = \"Enforced\" would keep the services from their customer-managed keys:",
      "they and Azure Resource Manager, which makes the keys, are trusted services, whom an enforced perimeter does not let in.",
      "Leave key_vault at Learning, or set customer_managed_keys.enabled to false.",
    ])
  }

  # https://learn.microsoft.com/azure/storage/common/storage-network-security-perimeter
  validation {
    condition = length([
      for name, rules in {
        storage         = var.storage.ip_rules
        lake            = var.storage.lake_ip_rules
        pointer_storage = var.storage.pointer_ip_rules
        key_vault       = var.key_vault.ip_rules
      } : name if length(rules) > 0 && try(var.network_security_perimeter.members[name], "Learning") == "Enforced"
    ]) == 0
    error_message = join(" ", [
      "ip_rules of a member that network_security_perimeter enforces have no effect:",
      "move them to network_security_perimeter.inbound_address_prefixes, or set the member to Learning.",
    ])
  }
}
