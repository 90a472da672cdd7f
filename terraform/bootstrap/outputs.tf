output "environment" {
  description = "Name of the environment."
  value       = var.environment
}

output "platform_resource_group_id" {
  description = "Resource group of the platform."
  value       = azapi_resource.platform_resource_group.id
}

output "platform_resource_group_name" {
  description = "Name of the platform's resource group."
  value       = azapi_resource.platform_resource_group.name
}

output "state_resource_group_id" {
  description = "Resource id of the resource group in which the state's account and the bootstrap's identities are."
  value       = azapi_resource.state_resource_group.id
}

output "state_storage_account_id" {
  description = "Account that keeps the states."
  value       = module.state.id
}

output "state" {
  description = "Where the states are: settings of Terraform's azurerm backend, and the platform's variable `state`."
  # Names and not attributes: a plan that prevent_destroy stops still says them, for backend.hcl to be corrected.
  value = {
    resource_group_name  = local.names.state_resource_group
    storage_account_name = local.names.state_storage_account
    container_name       = local.state_container
    tenant_id            = var.tenant_id
    subscription_id      = var.subscription_id
  }
}

output "ci_identity" {
  description = "What CI acts as."
  value = {
    id           = module.ci.id
    client_id    = module.ci.client_id
    principal_id = module.ci.principal_id
  }
}

output "plan_identity" {
  description = "What plans of pull requests act as; it can only read."
  value = {
    id           = module.plan.id
    client_id    = module.plan.client_id
    principal_id = module.plan.principal_id
  }
}

output "custom_roles" {
  description = "Resource ids of the custom role definitions, by name."
  value       = local.custom_role_ids
}

output "delegated_role_ids" {
  description = "GUIDs of the roles that CI may assign."
  value       = local.delegated_role_ids

  precondition {
    condition = alltrue([for role in local.delegated_roles : contains(keys(module.role_assignments.built_in_roles), role)])
    error_message = join(" ", [
      "further_delegated_roles names",
      "${join(", ", setsubtract(local.delegated_roles, keys(module.role_assignments.built_in_roles)))},",
      "which modules/role_assignments/roles.tf does not know:",
      "correct the name, or add the built-in role's GUID there.",
    ])
  }
}

output "bound_role_principals" {
  description = "Object ids of those that CI may give a role to, by the role's GUID, for roles that are bound to somebody."
  value       = local.bound_role_principals
}

output "delegated_principals" {
  description = "Object ids of those that CI may give the other roles to; null for any service principal but CI's and plans'."
  value = {
    people             = local.people
    service_principals = local.service_principals
  }
}

output "service_identities" {
  description = "What the workspace and the Functions host act as."
  value = {
    for name, identity in module.service_identity : name => {
      id           = identity.id
      client_id    = identity.client_id
      principal_id = identity.principal_id
    }
  }
}

output "operator" {
  description = "Who bootstraps and operates: the platform's roles for operators go here too."
  value = {
    principal_id   = var.operator_principal_id
    principal_type = var.operator_principal_type
  }
}

output "ip_rules" {
  description = "Addresses that the environment's data let in, by the resource's type and name in lower case: all but those of leases."
  value       = { (local.state_rule_key) = sort(var.state_ip_rules) }
}

output "probe_identities" {
  description = "What smoke tests act as: reader, writer, nobody."
  value = {
    for name, identity in module.probe : name => {
      id           = identity.id
      client_id    = identity.client_id
      principal_id = identity.principal_id
    }
  }
}

output "federation" {
  description = "The GitHub subject that may act as CI and as the probes; null without a repository."
  value = var.github_repository == null ? null : {
    issuer   = local.github_issuer
    subject  = local.github_credentials.ci["github-${var.environment}"].subject
    audience = "api://AzureADTokenExchange"
  }
}

output "federated_credentials" {
  description = "Who may act as which identity without a secret: what a refused token (AADSTS70021x) is compared with."
  value       = { ci = local.federated_credentials, probe = local.federated_credentials, plan = local.plan_credentials }
}

output "role_assignments" {
  description = "Who may do what where, and why."
  value       = module.role_assignments.assignments
}
