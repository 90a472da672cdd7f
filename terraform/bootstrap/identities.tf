locals {
  github_issuer  = "https://token.actions.githubusercontent.com"
  github_subject = var.github_repository == null ? null : "repo:${var.github_repository}:environment:${var.environment}"

  github_credential = var.github_repository == null ? {} : {
    "github-${var.environment}" = { issuer = local.github_issuer, subject = local.github_subject }
  }
  azure_devops_credential = var.azure_devops_federation == null ? {} : { "azure-devops" = var.azure_devops_federation }

  federated_credentials = merge(local.github_credential, local.azure_devops_credential)
}

module "ci" {
  source = "../modules/user_assigned_identity"

  name                  = "${local.names.identity}-ci"
  parent_id             = azapi_resource.state_resource_group.id
  location              = var.location
  tags                  = local.tags
  federated_credentials = local.federated_credentials
}

# Smoke tests act as these: one that may read, one that may write, one that may do nothing.
module "probe" {
  source   = "../modules/user_assigned_identity"
  for_each = toset(["reader", "writer", "nobody"])

  name                  = "${local.names.identity}-probe-${each.key}"
  parent_id             = azapi_resource.state_resource_group.id
  location              = var.location
  tags                  = local.tags
  federated_credentials = local.federated_credentials
}

module "role_assignments" {
  source = "../modules/role_assignments"

  subscription_id = var.subscription_id
  assignments = {
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
      why            = "CI makes the platform's role assignments, in its resource group only"
    }
    ci_state = {
      scope          = module.state.container_ids["tfstate"]
      role           = "Storage Blob Data Contributor"
      principal_id   = module.ci.principal_id
      principal_type = "ServicePrincipal"
      why            = "CI keeps Terraform's state"
    }
    operator_state = {
      scope          = module.state.container_ids["tfstate"]
      role           = "Storage Blob Data Contributor"
      principal_id   = var.operator_principal_id
      principal_type = var.operator_principal_type
      why            = "the engineer who bootstraps moves Terraform's state here"
    }
  }
}
