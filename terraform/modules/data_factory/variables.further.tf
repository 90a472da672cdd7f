variable "self_hosted_integration_runtimes" {
  description = "Integration runtimes on machines of one's own, by name, with a description for people."
  type        = map(string)
  default     = {}
  nullable    = false

  # https://learn.microsoft.com/azure/data-factory/naming-rules
  validation {
    condition = alltrue([
      for name in keys(var.self_hosted_integration_runtimes) :
      can(regex("^[A-Za-z0-9](-?[A-Za-z0-9]){2,62}$", name)) && name != "ir-managed-vnet"
    ])
    error_message = "An integration runtime's name has 3 to 63 letters, digits and single dashes; ir-managed-vnet is the factory's own."
  }
}

variable "further_linked_services" {
  description = <<-EOT
    Further linked services by name. Nobody's secret stands here: a property that is one comes from a key vault (`secrets`), and what
    names no authentication acts as the factory's identity, or as that of `credential`.

    * `type`: as Data Factory names it (SqlServer, AzureSqlDatabase, HttpServer).
    * `description`: for people.
    * `properties`: its typeProperties that are no secrets, by name.
    * `secrets`: its typeProperties that are: `name` of the secret, and the linked service of the vault (`key_vault`).
    * `credential`: a key of `credentials`.
    * `connect_via`: a self-hosted integration runtime; the managed one where it is left out.
  EOT
  type = map(object({
    type        = string
    description = optional(string, "")
    properties  = optional(map(string), {})
    secrets     = optional(map(object({ name = string, key_vault = optional(string, "ls_key_vault") })), {})
    credential  = optional(string)
    connect_via = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for name in keys(var.further_linked_services) :
      can(regex("^[A-Za-z][A-Za-z0-9_ ]{0,259}$", name)) && !contains(keys(var.linked_services), name)
    ])
    error_message = join(" ", [
      "A further linked service's name starts with a letter, has letters, digits and underscores, and is none of",
      "${join(", ", keys(var.linked_services))}.",
    ])
  }

  # What its name says is a secret, unless it names one: https://learn.microsoft.com/azure/data-factory/store-credentials-in-key-vault
  validation {
    condition = length(flatten([
      for service in var.further_linked_services : [
        for property in keys(service.properties) : property
        if can(regex("(?i)(password|passphrase|secret|token|credential|sasuri|key)$", property))
      ]
    ])) == 0
    error_message = join(" ", [
      "properties of a further linked service holds a secret, which would be readable in Terraform's state and in Git:",
      "put it into the key vault, and name it in secrets; identities go into credential.",
    ])
  }

  validation {
    condition = length(flatten([
      for service in var.further_linked_services : [
        for value in values(service.properties) : value
        if can(regex("(?i)(key|signature|password|pwd|secret|token)\\s*=|[?&;]sig=|://[^/@\\s]+:[^/@\\s]+@", value))
      ]
    ])) == 0
    error_message = join(" ", [
      "A property of a further linked service has a password, key or signature in its text:",
      "put the whole text into the key vault, and name it in secrets.",
    ])
  }

  validation {
    condition = alltrue([
      for service in var.further_linked_services : alltrue([
        for secret in service.secrets : try(var.linked_services[secret.key_vault].type == "AzureKeyVault", false)
      ])
    ])
    error_message = join(" ", [
      "key_vault of a secret is a linked service to a key vault:",
      "${join(", ", [for name, service in var.linked_services : name if service.type == "AzureKeyVault"])}.",
    ])
  }

  validation {
    condition = alltrue([
      for service in var.further_linked_services :
      service.credential == null || contains(keys(var.credentials), coalesce(service.credential, "-"))
    ])
    error_message = "credential of a further linked service is none of: ${join(", ", keys(var.credentials))}."
  }

  validation {
    condition = alltrue([
      for service in var.further_linked_services :
      service.connect_via == null || contains(keys(var.self_hosted_integration_runtimes), coalesce(service.connect_via, "-"))
    ])
    error_message = join(" ", [
      "connect_via of a further linked service is one of self_hosted_integration_runtimes",
      "(${join(", ", keys(var.self_hosted_integration_runtimes))}); leave it out for the managed integration runtime.",
    ])
  }
}
