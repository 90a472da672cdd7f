output "assignments" {
  description = "What was assigned, by the keys of the input."
  value = {
    for key, a in var.assignments : key => {
      id                 = azapi_resource.this[key].id
      scope              = a.scope
      principal_id       = a.principal_id
      role_definition_id = local.definition_id[key]
      role               = a.role
      why                = a.why
      condition          = a.condition
    }
  }
}

output "built_in_roles" {
  description = "GUIDs of the built-in roles that can be named, by name."
  value       = local.built_in_roles
}
