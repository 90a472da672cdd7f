variable "subscription_id" {
  description = "Subscription in which role definitions are named."
  type        = string
}

variable "assignments" {
  description = <<-EOT
    Who may do what where, by a stable key. `role` is the name of a built-in role of roles.tf, or the resource id of a custom
    role definition. `why` is stored as the assignment's description.
  EOT
  type = map(object({
    scope          = string
    role           = string
    principal_id   = string
    principal_type = string
    why            = string
  }))
  nullable = false

  # principalType spares the look-up of the principal, which fails while a new one replicates:
  # https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
  validation {
    condition     = alltrue([for a in var.assignments : contains(["User", "Group", "ServicePrincipal"], a.principal_type)])
    error_message = "principal_type of every assignment is User, Group or ServicePrincipal."
  }

  validation {
    condition     = alltrue([for a in var.assignments : contains(keys(local.built_in_roles), a.role) || startswith(a.role, "/")])
    error_message = "role of every assignment is a name in modules/role_assignments/roles.tf or the resource id of a role definition: add the built-in role's GUID there."
  }

  validation {
    condition     = alltrue([for a in var.assignments : length(a.why) > 0])
    error_message = "Every assignment says why it is there."
  }
}
