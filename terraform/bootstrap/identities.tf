locals {
  github_issuer = "https://token.actions.githubusercontent.com"

  # Repositories made, renamed or transferred since 2026-07-15 have ids in their subjects, others may have a customised template;
  # Entra compares literally: https://docs.github.com/actions/reference/security/oidc#immutable-subject-claims
  github_template = var.github_repository == null ? null : coalesce(var.github_subject, "repo:${var.github_repository}:{context}")
  github_contexts = {
    ci = merge(
      { "github-${var.environment}" = "environment:${var.environment}" },
      { for branch in var.github_branches : "github-branch-${replace(branch, "/[^A-Za-z0-9-]/", "-")}" => "ref:refs/heads/${branch}" },
    )
    # GitHub gives a pull request from a fork no token; one from a branch runs the code of whoever may push, so it gets an identity
    # that cannot change anything.
    plan = merge(
      { "github-pull-request" = "pull_request" },
      { for branch in var.github_plan_branches : "github-branch-${replace(branch, "/[^A-Za-z0-9-]/", "-")}" => "ref:refs/heads/${branch}" },
    )
  }
  github_credentials = {
    for identity, contexts in local.github_contexts : identity => {
      for name, context in contexts : name => {
        issuer = local.github_issuer, subject = replace(local.github_template, "{context}", context)
      } if local.github_template != null
    }
  }

  federated_credentials = merge(
    local.github_credentials.ci, var.azure_devops_federation == null ? {} : { "azure-devops" = var.azure_devops_federation }
  )
  plan_credentials = merge(
    local.github_credentials.plan, var.azure_devops_plan_federation == null ? {} : { "azure-devops" = var.azure_devops_plan_federation }
  )
}

module "ci" {
  source = "../modules/user_assigned_identity"

  name                  = "${local.names.identity}-ci"
  parent_id             = azapi_resource.state_resource_group.id
  location              = azapi_resource.state_resource_group.location
  tags                  = local.tags
  federated_credentials = local.federated_credentials
}

# Plans of pull requests act as this one: it reads the platform and the states, and takes no lock (toolkit plan ENV --no-lock).
module "plan" {
  source = "../modules/user_assigned_identity"

  name                  = "${local.names.identity}-plan"
  parent_id             = azapi_resource.state_resource_group.id
  location              = azapi_resource.state_resource_group.location
  tags                  = local.tags
  federated_credentials = local.plan_credentials
}

# What the workspace and the Functions host act as. Their roles reach far (the workspace administers its vault, the host owns its
# storage), so that CI may give these to them alone, and stand where CI cannot write: whoever may add a federated credential to an
# identity can act as it. docs/adr/0008
module "service_identity" {
  source   = "../modules/user_assigned_identity"
  for_each = toset(["workspace", "function"])

  name      = "${local.names.identity}-${each.key}"
  parent_id = azapi_resource.state_resource_group.id
  location  = azapi_resource.state_resource_group.location
  tags      = local.tags
}

# Smoke tests act as these: one that may read, one that may write, one that may do nothing.
module "probe" {
  source   = "../modules/user_assigned_identity"
  for_each = toset(["reader", "writer", "nobody"])

  name                  = "${local.names.identity}-probe-${each.key}"
  parent_id             = azapi_resource.state_resource_group.id
  location              = azapi_resource.state_resource_group.location
  tags                  = local.tags
  federated_credentials = local.federated_credentials
}

module "role_assignments" {
  source = "../modules/role_assignments"

  subscription_id = var.subscription_id
  custom_roles    = local.custom_role_ids
  assignments = merge(local.identity_assignments, {
    ci_platform = {
      scope          = azapi_resource.platform_resource_group.id
      role           = "Contributor"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI makes the platform's resources"
    }
    ci_platform_access = {
      scope          = azapi_resource.platform_resource_group.id
      role           = "Role Based Access Control Administrator"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI makes the platform's role assignments, in its resource group and from the roles of delegation.tf only"
      condition      = local.delegation_condition
    }
    # Azure ML makes a new container of the default account for each upload of code, and hands out a signature that is worth what
    # the uploader may do: a container's scope is too narrow, and a role on the workspace allows no upload.
    # https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage
    ci_platform_data = {
      scope          = azapi_resource.platform_resource_group.id
      role           = "Storage Blob Data Contributor"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI uploads code and publishes pointers to it: in the default and the pointers' account only, by its condition"
      condition      = local.ci_data_condition
    }
    ci_platform_locks = {
      scope          = azapi_resource.platform_resource_group.id
      role           = "Locks Contributor"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI makes and lifts the platform's locks, which Contributor does not cover"
    }
    ci_deleted_vaults = {
      scope          = local.subscription
      role           = "deleted_vault_operator"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "deleted vaults keep their names, deleted storage accounts what they held: both belong to the subscription then"
    }
    ci_preflight = {
      scope          = local.subscription
      role           = "preflight_reader"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "quotas, zones and names are a subscription's, and are looked at before anything is changed"
    }
    plan_preflight = {
      scope          = local.subscription
      role           = "preflight_reader"
      principal_id   = module.plan.principal_id
      principal_type = "ServicePrincipal"
      why            = "a plan says what the apply would be refused for"
    }
    ci_state_firewall = {
      scope          = module.state.id
      role           = "storage_firewall_operator"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI lets its agent's address in for the time of a run"
    }
    ci_state_leases = {
      scope          = azapi_resource.state_resource_group.id
      role           = "firewall_lease_keeper"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI writes down for how long an address is let in to the state's account, beside that account"
    }
    # Identities and whom they trust stand there: who may act as them is compared with what is meant after every apply.
    ci_state_group = {
      scope          = azapi_resource.state_resource_group.id
      role           = "Reader"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI's smoke checks compare what the bootstrap made with what is meant"
    }
    ci_state = {
      scope          = module.state.container_ids["tfstate"]
      role           = "Storage Blob Data Contributor"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI keeps Terraform's state"
    }
    ci_plans = {
      scope          = module.state.container_ids["plans"]
      role           = "Storage Blob Data Contributor"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI keeps plans from the job that made them to the one that applies them; nobody else reads them"
    }
    plan_platform = {
      scope          = azapi_resource.platform_resource_group.id
      role           = "Reader"
      principal_id   = module.plan.principal_id
      principal_type = "ServicePrincipal"
      why            = "plans of pull requests read the platform"
    }
    plan_state = {
      scope          = module.state.container_ids["tfstate"]
      role           = "Storage Blob Data Reader"
      principal_id   = module.plan.principal_id
      principal_type = "ServicePrincipal"
      why            = "plans of pull requests read the states, and cannot lock or write them"
    }
    operator_state = {
      scope          = module.state.container_ids["tfstate"]
      role           = "Storage Blob Data Contributor"
      principal_id   = var.operator_principal_id
      principal_type = var.operator_principal_type
      why            = "the engineer who bootstraps moves Terraform's state here"
    }
  })
}

locals {
  # A service that acts as an identity is written with the right to assign it, at every write:
  # https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-manage-user-assigned-managed-identities
  identity_assignments = merge([
    for name, identity in module.service_identity : {
      "ci_on_${name}_identity" = {
        scope          = identity.id
        role           = "Managed Identity Operator"
        principal_id   = module.ci.principal_id
        principal_type = "ServicePrincipal"
        why            = "CI makes what acts as this identity, and cannot change the identity itself"
      }
      "plan_on_${name}_identity" = {
        scope          = identity.id
        role           = "Reader"
        principal_id   = module.plan.principal_id
        principal_type = "ServicePrincipal"
        why            = "a plan sees whether services still have this identity, or a deleted one of its name"
      }
    }
  ]...)
}
