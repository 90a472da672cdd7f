# ---- filled in by the toolkit from envs/<env>/env.toml ----

variable "environment" {
  description = "Name of the environment: the folder under envs/."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tenant_id" {
  description = "Entra tenant of the subscription."
  type        = string
}

variable "subscription_id" {
  description = "Subscription of the environment."
  type        = string
}

variable "operator_principal_id" {
  description = "Object id of the person or service principal that runs the bootstrap: gets the data role on the state."
  type        = string

  validation {
    condition = can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.operator_principal_id))
    error_message = join(" ", [
      "operator_principal_id is the object id (a GUID) of the principal, not its name or client id:",
      "az ad signed-in-user show --query id",
    ])
  }
}

variable "operator_principal_type" {
  description = "User, Group or ServicePrincipal."
  type        = string
}

variable "state_ip_rules" {
  description = "Public addresses that reach the state."
  type        = set(string)
  default     = []
  nullable    = false

  # Default action Deny and no way in would be an account that nobody can move the state into, the one who makes it included.
  validation {
    condition = (
      length(var.state_ip_rules) + length(var.state_subnet_ids) > 0 ||
      var.public_network_access.state == "Disabled" ||
      var.state_private_endpoint != null
    )
    error_message = join(" ", [
      "Nobody may reach the state account: add the public address of the machine that bootstraps to state_ip_rules",
      "in env.toml (toolkit bootstrap finds it), or, for a runner in Azure,",
      "its subnet to state_subnet_ids or state_private_endpoint in terraform.tfvars.",
    ])
  }
}

variable "toolkit_leases" {
  description = "Addresses that `toolkit firewall` holds open at the moment, by the resource's type and name in lower case."
  type        = map(list(string))
  default     = {}
  nullable    = false
}

variable "public_network_access" {
  description = <<-EOT
    Whether the state account's public endpoint answers those whom state_ip_rules allow (Enabled),
    or private endpoints only (Disabled).
  EOT
  type        = object({ state = string })
  nullable    = false

  validation {
    condition = var.public_network_access.state == "Enabled" || var.state_private_endpoint != null
    error_message = join(" ", [
      "public_network_access.state is Disabled in env.toml, and nothing leads to the state account:",
      "set state_private_endpoint in terraform.tfvars to a subnet that the runner reaches, or Enabled with rules.",
    ])
  }
}

variable "github_repository" {
  description = <<-EOT
    owner/name of the repository whose workflows act as the identities,
    or owner@id/name@id where GitHub puts the ids into subjects; null for none.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.github_repository == null ||
      can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository)) ||
      can(regex("^[A-Za-z0-9-]+@[0-9]+/[A-Za-z0-9._-]+@[0-9]+$", var.github_repository))
    )
    error_message = join(" ", [
      "github_repository is owner/name, or owner@id/name@id where the repository's subjects have ids (gh api",
      "repos/OWNER/NAME/actions/oidc/customization/sub), without https://github.com/.",
    ])
  }
}

variable "github_subject" {
  description = <<-EOT
    Customised subject of the repository's OIDC tokens, with {context} where GitHub says environment,
    branch or pull request; null for GitHub's default.
  EOT
  type        = string
  default     = null

  # Without {context} all jobs have one subject, those of pull requests too.
  validation {
    condition     = var.github_subject == null || try(length(split("{context}", var.github_subject)) == 2, false)
    error_message = "github_subject has {context} in it, once: without it a pull request would act as CI."
  }
}

# ---- environment data: envs/common.tfvars, envs/<env>/terraform.tfvars ----

variable "workload" {
  description = "Short name of what the platform is for; part of every name."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "required_tags" {
  description = "Tags that must be there; envs/common.tfvars says which."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "name_overrides" {
  description = "Names to use instead of the computed ones; keys as in modules/naming."
  type        = map(string)
  default     = {}
}

variable "state_account" {
  description = <<-EOT
    The account that keeps the states of bootstrap and platform.

    * `sku`: redundancy of the account.
    * `retention_days`: how long deleted states, and versions of them, can be brought back.
  EOT
  type = object({
    sku            = optional(string, "Standard_LRS")
    retention_days = optional(number, 30)
  })
  default  = {}
  nullable = false
}

variable "state_subnet_ids" {
  description = <<-EOT
    Subnets of runners, with a service endpoint for Microsoft.Storage, that reach the state:
    rules for addresses have no effect from the account's own region.
  EOT
  type        = list(string)
  default     = []
  nullable    = false

  # https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
  validation {
    condition = alltrue([
      for id in var.state_subnet_ids :
      can(regex("(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Network/virtualNetworks/[^/]+/subnets/[^/]+$", id))
    ])
    error_message = "state_subnet_ids are resource ids of subnets: az network vnet subnet show --query id."
  }
}

variable "state_private_endpoint" {
  description = <<-EOT
    A private endpoint of the state account in a network of the runners; null for none.

    * `subnet_id`: the subnet that it stands in.
    * `private_dns_zone_ids`: the zones privatelink.blob.core.windows.net that get its record.
  EOT
  type = object({
    subnet_id            = string
    private_dns_zone_ids = optional(list(string), [])
  })
  default = null
}

variable "azure_devops_federation" {
  description = <<-EOT
    What the service connection of Azure DevOps shows; null for none.

    * `issuer`: who signs its tokens.
    * `subject`: whom they are about.
  EOT
  type = object({
    issuer  = string
    subject = string
  })
  default = null

  # https://github.com/microsoft/terraform-provider-azuredevops/issues/1361
  validation {
    condition = var.azure_devops_federation == null || try(
      can(regex("^https://vstoken\\.dev\\.azure\\.com/[^/]+$", var.azure_devops_federation.issuer)) &&
      can(regex("^sc://[^/]+/[^/]+/[^/]+$", var.azure_devops_federation.subject)) ||
      can(regex("^https://login\\.microsoftonline\\.com/[^/]+/v2\\.0$", var.azure_devops_federation.issuer)) &&
      can(regex("^/eid1/", var.azure_devops_federation.subject)),
      false
    )
    error_message = join(" ", [
      "azure_devops_federation takes both values from the service connection's page:",
      "https://login.microsoftonline.com/TENANT/v2.0 with a subject /eid1/..., or, of one made before 2025,",
      "https://vstoken.dev.azure.com/ORGANIZATION_ID with sc://ORGANIZATION/PROJECT/CONNECTION.",
    ])
  }
}

variable "github_branches" {
  description = "Branches whose jobs act as CI without an environment's approval: for repositories whose plan has no environments."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for branch in var.github_branches :
      can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", branch)) && !startswith(branch, "refs/")
    ])
    error_message = join(" ", [
      "github_branches are names such as main, without refs/heads/ and without wildcards:",
      "a federated credential matches its subject exactly.",
    ])
  }

  validation {
    condition = (
      length(distinct([for branch in var.github_branches : replace(branch, "/[^A-Za-z0-9-]/", "-")])) == length(var.github_branches) &&
      alltrue([for branch in var.github_branches : length(branch) <= 106])
    )
    error_message = join(" ", [
      "github_branches: two credentials would have one name, or a name more than 120 characters (github-branch- and",
      "the branch, with - for other characters than letters and digits).",
    ])
  }

  # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations#general-federated-identity-credential-considerations
  validation {
    condition = length(
      var.github_branches
    ) + (var.github_repository == null ? 0 : 1) + (var.azure_devops_federation == null ? 0 : 1) <= 20
    error_message = join(" ", [
      "Azure allows 20 federated credentials for one identity,",
      "and CI would have",
      "${length(var.github_branches) + (var.github_repository == null ? 0 : 1) + (var.azure_devops_federation == null ? 0 : 1)}:",
      "${length(var.github_branches)} of github_branches beside the environment's and Azure DevOps'.",
      "Name fewer branches, or let their jobs run in the GitHub environment, which is one credential.",
    ])
  }
}

variable "github_plan_branches" {
  description = "Branches whose jobs act as the read-only identity (scheduled plans), besides pull requests."
  type        = set(string)
  default     = ["main"]
  nullable    = false

  validation {
    condition = alltrue([
      for branch in var.github_plan_branches :
      can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", branch)) && !startswith(branch, "refs/")
    ])
    error_message = join(" ", [
      "github_plan_branches are names such as main, without refs/heads/ and without wildcards:",
      "a federated credential matches its subject exactly.",
    ])
  }

  validation {
    condition = (
      length(distinct([for branch in var.github_plan_branches : replace(branch, "/[^A-Za-z0-9-]/", "-")])) == length(
        var.github_plan_branches
      ) &&
      alltrue([for branch in var.github_plan_branches : length(branch) <= 106])
    )
    error_message = join(" ", [
      "github_plan_branches: two credentials would have one name,",
      "or a name more than 120 characters (github-branch- and the branch,",
      "with - for other characters than letters and digits).",
    ])
  }

  validation {
    condition = length(
      var.github_plan_branches
    ) + (var.github_repository == null ? 0 : 1) + (var.azure_devops_plan_federation == null ? 0 : 1) <= 20
    error_message = join(" ", [
      "Azure allows 20 federated credentials for one identity,",
      "and the one for plans would have",
      "${length(var.github_plan_branches) + (var.github_repository == null ? 0 : 1) + (var.azure_devops_plan_federation == null ? 0 : 1)}:",
      "name fewer in github_plan_branches.",
    ])
  }
}

variable "azure_devops_plan_federation" {
  description = <<-EOT
    As azure_devops_federation, of the service connection for plans of pull requests; null for none.

    * `issuer`: who signs its tokens.
    * `subject`: whom they are about.
  EOT
  type = object({
    issuer  = string
    subject = string
  })
  default = null

  # https://github.com/microsoft/terraform-provider-azuredevops/issues/1361
  validation {
    condition = var.azure_devops_plan_federation == null || try(
      can(regex("^https://vstoken\\.dev\\.azure\\.com/[^/]+$", var.azure_devops_plan_federation.issuer)) &&
      can(regex("^sc://[^/]+/[^/]+/[^/]+$", var.azure_devops_plan_federation.subject)) ||
      can(regex("^https://login\\.microsoftonline\\.com/[^/]+/v2\\.0$", var.azure_devops_plan_federation.issuer)) &&
      can(regex("^/eid1/", var.azure_devops_plan_federation.subject)),
      false
    )
    error_message = join(" ", [
      "azure_devops_plan_federation takes both values from the service connection's page:",
      "https://login.microsoftonline.com/TENANT/v2.0 with a subject /eid1/..., or, of one made before 2025,",
      "https://vstoken.dev.azure.com/ORGANIZATION_ID with sc://ORGANIZATION/PROJECT/CONNECTION.",
    ])
  }

  validation {
    condition = (
      var.azure_devops_plan_federation == null ||
      try(var.azure_devops_plan_federation.subject != var.azure_devops_federation.subject, true)
    )
    error_message = join(" ", [
      "azure_devops_plan_federation names the same service connection as azure_devops_federation:",
      "make a second one, which pull requests may use.",
    ])
  }
}

variable "further_delegated_roles" {
  description = "Built-in roles (names of modules/role_assignments/roles.tf) that CI may assign besides those of delegation.tf."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = length(setintersection(var.further_delegated_roles, local.never_delegated)) == 0
    error_message = join(" ", [
      "further_delegated_roles must not name ${join(", ", local.never_delegated)}: CI could make itself Owner.",
      "A person assigns these.",
    ])
  }
}

variable "operator_group_ids" {
  description = "Groups that CI may give the operators' roles: for a new one the operator bootstraps."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for id in var.operator_group_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "operator_group_ids takes object ids (GUIDs): az ad group show --group NAME --query id"
  }
}

variable "data_scientist_group_ids" {
  description = "Groups that CI may give the data scientists' roles: for a new one the operator bootstraps."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for id in var.data_scientist_group_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "data_scientist_group_ids takes object ids (GUIDs): az ad group show --group NAME --query id"
  }
}

variable "data_engineer_group_ids" {
  description = "Groups that CI may let run the factory's pipelines, or change it: for a new one the operator bootstraps."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for id in var.data_engineer_group_ids : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "data_engineer_group_ids takes object ids (GUIDs): az ad group show --group NAME --query id"
  }
}

variable "data_engineers_author" {
  description = "Whether CI may let those groups change the factory, and so act as its identities."
  type        = bool
  default     = false
  nullable    = false
}

variable "further_role_assignments" {
  description = <<-EOT
    Of the platform's further role assignments who gets which: CI may give roles to them.

    * `role`: its name.
    * `principal_id`, `principal_type`: who.
  EOT
  type = map(object({
    role           = string
    principal_id   = string
    principal_type = string
  }))
  default  = {}
  nullable = false
}

variable "service_principal_ids" {
  description = <<-EOT
    Service principals that CI may give roles to, besides the identities of the bootstrap; null for any but CI's own and plans'. With
    the platform's identities in it CI gives no role to one that it made for itself.
  EOT
  type        = set(string)
  default     = null

  validation {
    condition = alltrue([
      for id in coalesce(var.service_principal_ids, []) : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))
    ])
    error_message = "service_principal_ids takes object ids (GUIDs): toolkit outputs ENV shows the platform's identities"
  }
}

variable "key_vault" {
  description = "Of the platform's vault only whether it can be purged: where it cannot, nobody gets the right to purge."
  type        = object({ purge_protection = optional(bool, true) })
  default     = {}
  nullable    = false
}
