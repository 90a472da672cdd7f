variable "subscription_id" {
  description = "Subscription in which role definitions are named."
  type        = string
}

variable "assignments" {
  description = <<-EOT
    Who may do what where, by a stable key.

    * `scope`: the resource id of where.
    * `role`: name of a built-in role of roles.tf, a key of `custom_roles`, or the resource id of a role definition.
    * `principal_id`, `principal_type`: who: object id, and User, Group or ServicePrincipal.
    * `why`: stored as the assignment's description.
    * `condition`: limits a role that may assign roles (https://learn.microsoft.com/azure/role-based-access-control/conditions-format).
  EOT
  type = map(object({
    scope          = string
    role           = string
    principal_id   = string
    principal_type = string
    why            = string
    condition      = optional(string)
  }))
  nullable = false

  # principalType spares the look-up of the principal, which fails while a new one replicates:
  # https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
  validation {
    condition     = alltrue([for a in var.assignments : contains(["User", "Group", "ServicePrincipal"], a.principal_type)])
    error_message = "principal_type of every assignment is User, Group or ServicePrincipal."
  }

  validation {
    condition = alltrue([
      for a in var.assignments :
      contains(keys(local.built_in_roles), a.role) || contains(keys(var.custom_roles), a.role) || startswith(a.role, "/")
    ])
    error_message = join(" ", [
      "role of every assignment is a name in modules/role_assignments/roles.tf,",
      "a key of custom_roles or the resource id of a role definition: add the built-in role's GUID there.",
    ])
  }

  validation {
    condition     = alltrue([for a in var.assignments : length(a.why) > 0])
    error_message = "Every assignment says why it is there."
  }
}

variable "custom_roles" {
  description = "Resource ids of custom role definitions, by the names that assignments use."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "assignable_role_ids" {
  description = "GUIDs of the roles that whoever applies this may assign; null where nothing limits it."
  type        = set(string)
  default     = null

  validation {
    condition = var.assignable_role_ids == null || length(setsubtract(
      [for id in values(local.definition_id) : basename(id)], coalesce(var.assignable_role_ids, [])
    )) == 0
    error_message = join(" ", [
      "CI may not assign",
      "${join(", ", distinct([
        for key, a in var.assignments : a.role if !contains(coalesce(var.assignable_role_ids, []), basename(local.definition_id[key]))
      ]))}:",
      "add it to delegated_roles in terraform/bootstrap/delegation.tf,",
      "or to further_delegated_roles in the environment's variables, and run toolkit bootstrap.",
    ])
  }
}

variable "bound_role_principals" {
  description = "Object ids of those that whoever applies this may give a role to, by the role's GUID; a role that is not here is free."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, a in var.assignments :
      contains(lookup(var.bound_role_principals, basename(local.definition_id[key]), [a.principal_id]), a.principal_id)
    ])
    error_message = join(" ", [
      "CI may not give ${join(", ", [
        for key, a in var.assignments : "${a.role} to ${a.principal_id} (${key})"
        if !contains(lookup(var.bound_role_principals, basename(local.definition_id[key]), [a.principal_id]), a.principal_id)
      ])}:",
      "the role is bound to others in terraform/bootstrap/delegation.tf.",
      "Where the environment's data names a new group, the operator runs toolkit bootstrap first.",
    ])
  }
}

variable "assignable_principals" {
  description = <<-EOT
    Object ids of those that whoever applies this may give the roles to that are not bound; null where nothing limits it.

    * `people`: the operator, and groups.
    * `service_principals`: null for any.
  EOT
  type = object({
    people             = set(string)
    service_principals = optional(set(string))
  })
  default = null

  # What is bound has rules of its own.
  validation {
    condition = alltrue([
      for key, a in var.assignments : anytrue([
        var.assignable_principals == null,
        contains(keys(var.bound_role_principals), basename(local.definition_id[key])),
        try(contains(var.assignable_principals.people, a.principal_id), false),
        a.principal_type == "ServicePrincipal" && try(contains(var.assignable_principals.service_principals, a.principal_id), true),
      ])
    ])
    error_message = join(" ", [
      "CI may not give every role that is planned:",
      join(", ", [
        for key, a in var.assignments : "to ${a.principal_id} (${key})" if !anytrue([
          contains(keys(var.bound_role_principals), basename(local.definition_id[key])),
          try(contains(var.assignable_principals.people, a.principal_id), false),
          a.principal_type == "ServicePrincipal" && try(contains(var.assignable_principals.service_principals, a.principal_id), true),
        ])
      ]),
      "is unknown to the bootstrap: a group that the environment's data names since, or an identity that service_principal_ids",
      "does not name. The operator runs toolkit bootstrap first.",
    ])
  }
}
