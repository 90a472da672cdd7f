# Known at plan already: the state's group has prevent_destroy, so that nothing that a test applies could be cleared away.
mock_provider "azapi" {
  override_during = plan
  mock_resource "azapi_resource" {
    defaults = {
      id     = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
      output = { properties = { principalId = "11111111-1111-1111-1111-111111111111", clientId = "22222222-2222-2222-2222-222222222222" } }
    }
  }
  override_resource {
    target = module.state.azapi_resource.this
    values = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st" }
  }
  override_resource {
    target = module.state.azapi_resource.container
    values = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st/blobServices/default/containers/tfstate"
    }
  }
}

# Bootstrap writes their object ids into the condition of CI's role.
override_module {
  target          = module.ci
  override_during = plan
  outputs = {
    id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/c1"
    client_id    = "00000000-0000-0000-0001-0000000000c1"
    principal_id = "00000000-0000-0000-0000-0000000000c1"
  }
}

override_module {
  target          = module.plan
  override_during = plan
  outputs = {
    id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/c2"
    client_id    = "00000000-0000-0000-0001-0000000000c2"
    principal_id = "00000000-0000-0000-0000-0000000000c2"
  }
}

override_module {
  target          = module.probe["reader"]
  override_during = plan
  outputs = {
    id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/d1"
    client_id    = "00000000-0000-0000-0001-0000000000d1"
    principal_id = "00000000-0000-0000-0000-0000000000d1"
  }
}

override_module {
  target          = module.probe["writer"]
  override_during = plan
  outputs = {
    id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/d2"
    client_id    = "00000000-0000-0000-0001-0000000000d2"
    principal_id = "00000000-0000-0000-0000-0000000000d2"
  }
}

override_module {
  target          = module.probe["nobody"]
  override_during = plan
  outputs = {
    id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/d3"
    client_id    = "00000000-0000-0000-0001-0000000000d3"
    principal_id = "00000000-0000-0000-0000-0000000000d3"
  }
}

override_module {
  target          = module.service_identity["workspace"]
  override_during = plan
  outputs = {
    id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/f1"
    client_id    = "00000000-0000-0000-0001-0000000000f1"
    principal_id = "00000000-0000-0000-0000-0000000000f1"
  }
}

override_module {
  target          = module.service_identity["function"]
  override_during = plan
  outputs = {
    id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/f2"
    client_id    = "00000000-0000-0000-0001-0000000000f2"
    principal_id = "00000000-0000-0000-0000-0000000000f2"
  }
}

variables {
  environment             = "dev"
  location                = "westeurope"
  tenant_id               = "00000000-0000-0000-0000-0000000000aa"
  subscription_id         = "00000000-0000-0000-0000-000000000001"
  operator_principal_id   = "00000000-0000-0000-0000-0000000000bb"
  operator_principal_type = "User"
  workload                = "mlp"
  public_network_access   = { state = "Enabled" }
  state_ip_rules          = ["203.0.113.10"]
}

run "without_federation" {
  command = plan

  assert {
    condition     = output.federation == null && toset(keys(output.probe_identities)) == toset(["reader", "writer", "nobody"])
    error_message = "The identities stand, and nobody from outside may act as them."
  }

  assert {
    condition     = output.role_assignments["operator_state"].principal_id == var.operator_principal_id
    error_message = "The data role on the state goes to the principal that was named."
  }

  assert {
    condition     = output.state.container_name == "tfstate" && output.state.subscription_id == var.subscription_id
    error_message = "The output must say where the state is."
  }
}

run "only_deleted_vaults_reach_beyond_the_resource_groups" {
  command = plan

  assert {
    condition = toset([
      for key, a in output.role_assignments : key if !can(regex("/resourceGroups/", a.scope))
    ]) == toset(["ci_deleted_vaults", "ci_preflight", "plan_preflight"])
    error_message = "No role may reach as far as the subscription, except to vaults that are deleted, and to limits and names."
  }

  assert {
    condition = alltrue([
      for action in azapi_resource.role_definition["preflight_reader"].body.properties.permissions[0].actions : endswith(action, "/read")
    ])
    error_message = "Who looks before a change changes nothing."
  }
}

run "purging_is_nobodys_where_it_is_forbidden" {
  command = plan

  assert {
    condition     = !contains(local.custom_roles.deleted_vault_operator.actions, "Microsoft.KeyVault/locations/deletedVaults/purge/action")
    error_message = "With purge protection, which is the default, the right to purge would only reach other vaults."
  }
}

run "purging_where_it_is_allowed" {
  command = plan

  variables {
    key_vault = { purge_protection = false }
  }

  assert {
    condition = contains(
      azapi_resource.role_definition["deleted_vault_operator"].body.properties.permissions[0].actions,
      "Microsoft.KeyVault/locations/deletedVaults/purge/action"
    )
    error_message = "A throw-away platform must be able to free its vault's name."
  }
}

run "invalid_nobody_reaches_the_state" {
  command = plan

  variables {
    state_ip_rules = []
  }

  expect_failures = [var.state_ip_rules]
}

run "invalid_closed_state_without_endpoint" {
  command = plan

  variables {
    public_network_access = { state = "Disabled" }
  }

  expect_failures = [var.public_network_access]
}

run "invalid_state_subnet" {
  command = plan

  variables {
    state_subnet_ids = ["snet-runners"]
  }

  expect_failures = [var.state_subnet_ids]
}

run "runners_in_azure" {
  command = plan

  variables {
    state_ip_rules = []
    state_subnet_ids = [
      "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub/providers/Microsoft.Network/virtualNetworks/vnet-hub/subnets/snet-runners",
    ]
  }

  assert {
    condition     = length(var.state_ip_rules) == 0 && length(local.state_private_endpoints) == 0
    error_message = "Runners in Azure are let in by their subnet: no address is needed."
  }
}

run "closed_state_behind_an_endpoint" {
  command = plan

  variables {
    state_ip_rules        = []
    public_network_access = { state = "Disabled" }
    state_private_endpoint = {
      subnet_id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub/providers/Microsoft.Network/virtualNetworks/vnet-hub/subnets/snet-endpoints"
      private_dns_zone_ids = [
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net",
      ]
    }
  }

  assert {
    condition = (
      toset(keys(module.state.private_endpoints)) == toset(["blob"]) &&
      endswith(local.state_private_endpoints.blob.name, "-state-blob")
    )
    error_message = "A closed account is reached through its endpoint."
  }
}

run "what_flex_consumption_runs_on_is_registered" {
  command = plan

  assert {
    condition     = contains(keys(azapi_resource_action.register), "Microsoft.App")
    error_message = "Without Microsoft.App the site's PUT answers 500."
  }
}

run "custom_roles_are_made_where_they_can_be_assigned" {
  command = plan

  assert {
    condition     = azapi_resource.role_definition["deleted_vault_operator"].parent_id == local.subscription
    error_message = "A definition is PUT at its first assignable scope."
  }
}

run "custom_roles_are_narrow" {
  command = plan

  assert {
    condition = alltrue([
      for role in azapi_resource.role_definition :
      !anytrue([for action in role.body.properties.permissions[0].actions : strcontains(action, "*")])
    ])
    error_message = "A custom role lists its actions: a wildcard would grow with Azure."
  }

  assert {
    condition = alltrue([
      for scope in azapi_resource.role_definition["private_endpoint_approver"].body.properties.assignableScopes :
      can(regex("/resourceGroups/", scope))
    ])
    error_message = "The approver is for the platform's resource group."
  }

  assert {
    condition = alltrue([for action in azapi_resource.role_definition["storage_firewall_operator"].body.properties.permissions[0].actions :
    !can(regex("(?i)listkeys|delete|blobServices", action))])
    error_message = "Who changes firewall rules gets no keys and no data."
  }

  assert {
    condition = alltrue([for action in azapi_resource.role_definition["firewall_lease_keeper"].body.properties.permissions[0].actions :
    startswith(action, "Microsoft.Resources/deployments/")])
    error_message = "Who writes leases down makes deployments, and nothing that a deployment could make."
  }

  assert {
    condition = alltrue([
      for row in output.role_assignments :
      row.role != "firewall_lease_keeper" || row.principal_id == output.ci_identity.principal_id
    ])
    error_message = "CI takes leases; who plans does not."
  }
}

run "delegation" {
  command = plan

  assert {
    condition = (
      strcontains(local.delegation_condition, join("", [
        "@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals ",
        "{${join(", ", output.delegated_role_ids)}}",
      ]))
      && toset(concat(local.free_role_ids, keys(output.bound_role_principals))) == toset(output.delegated_role_ids)
      && length(local.delegation_condition) < 8192
    )
    error_message = "The condition limits what is assigned and what is removed, and Azure takes 8 KB of it."
  }

  assert {
    condition     = output.role_assignments["ci_platform_access"].condition == local.delegation_condition
    error_message = "CI may assign roles on the condition only."
  }

  assert {
    condition = length(setintersection(output.delegated_role_ids, [
      "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    ])) == 0
    error_message = "CI must not be able to make itself Owner."
  }

  assert {
    condition = (
      !strcontains(local.delegation_condition, "'User'") && strcontains(local.delegation_condition, var.operator_principal_id)
    )
    error_message = "The one person who gets roles on the platform is the operator."
  }

  assert {
    condition = alltrue([
      for role in keys(local.bound_principals) : !contains(local.free_role_ids, local.role_guids[role])
      ]) && alltrue([
      for role in [
        "Contributor", "Key Vault Administrator", "Storage Blob Data Owner", "private_endpoint_approver", "Data Factory Contributor",
        "data_factory_operator", "Key Vault Reader", "Monitoring Metrics Publisher", "Storage File Data Privileged Contributor",
      ] :
      contains(keys(local.bound_principals), role)
    ])
    error_message = "A broad role is bound to whom it is for."
  }

  assert {
    condition     = !strcontains(local.delegation_condition, local.role_guids["Data Factory Contributor"]) || length(local.grants) == 7
    error_message = "Without a group nobody gets the factory."
  }
}

run "ci_has_its_own_data_role_on_two_accounts" {
  command = plan

  assert {
    condition = (
      output.role_assignments["ci_platform_data"].condition == local.ci_data_condition
      && strcontains(local.ci_data_condition, "'${local.names.storage_account}'")
      && strcontains(local.ci_data_condition, "'${local.names.pointer_storage_account}'")
      && !strcontains(local.ci_data_condition, local.names.lake_storage_account)
    )
    error_message = "CI writes the default account and the pointers' account, and no other of the group."
  }

  assert {
    condition = alltrue([
      for grant in local.grants : !strcontains(replace(grant, "GuidNotEquals ${local.ci_and_plan}", ""), module.ci.principal_id)
    ])
    error_message = "CI gives itself nothing."
  }
}

run "people_who_are_named" {
  command = plan

  variables {
    operator_group_ids       = ["00000000-0000-0000-0000-0000000000e1"]
    data_scientist_group_ids = ["00000000-0000-0000-0000-0000000000e2"]
    data_engineer_group_ids  = ["00000000-0000-0000-0000-0000000000e4"]
    further_role_assignments = {
      auditors = { role = "Key Vault Reader", principal_id = "00000000-0000-0000-0000-0000000000e5", principal_type = "Group" }
    }
  }

  assert {
    condition = toset(output.delegated_principals.people) == toset([
      var.operator_principal_id, "00000000-0000-0000-0000-0000000000e1", "00000000-0000-0000-0000-0000000000e2",
      "00000000-0000-0000-0000-0000000000e4", "00000000-0000-0000-0000-0000000000e5",
    ]) && !strcontains(local.delegation_condition, "'Group'")
    error_message = "CI gives roles to the groups that the environment's data names, and to no other."
  }

  assert {
    condition = (
      contains(local.bound_role_principals[local.role_guids["Key Vault Reader"]], "00000000-0000-0000-0000-0000000000e5")
      && join(",", local.bound_role_principals[local.role_guids["data_factory_operator"]]) == "00000000-0000-0000-0000-0000000000e4"
      && length(local.bound_role_principals[local.role_guids["Data Factory Contributor"]]) == 0
    )
    error_message = "Data engineers run pipelines, and change none where nothing says so."
  }
}

run "any_service_principal" {
  command = plan

  assert {
    condition = (
      output.delegated_principals.service_principals == null && strcontains(local.delegation_condition, "{'ServicePrincipal'}")
    )
    error_message = "The platform's identities do not exist yet."
  }
}

run "service_principals_that_are_named" {
  command = plan

  variables {
    service_principal_ids = ["00000000-0000-0000-0000-0000000000f9"]
  }

  assert {
    condition = (
      contains(output.delegated_principals.service_principals, "00000000-0000-0000-0000-0000000000f9")
      && contains(output.delegated_principals.service_principals, module.service_identity["function"].principal_id)
      && !strcontains(local.delegation_condition, "ServicePrincipal'")
    )
    error_message = "CI gives roles to the identities that are named, and to the bootstrap's."
  }
}

run "invalid_service_principals" {
  command = plan

  variables {
    service_principal_ids = ["id-compute"]
  }

  expect_failures = [var.service_principal_ids]
}

run "invalid_groups" {
  command = plan

  variables {
    operator_group_ids       = ["team"]
    data_scientist_group_ids = ["team"]
  }

  expect_failures = [var.operator_group_ids, var.data_scientist_group_ids]
}

run "groups_that_change_the_factory" {
  command = plan

  variables {
    data_engineer_group_ids = ["00000000-0000-0000-0000-0000000000e4"]
    data_engineers_author   = true
  }

  assert {
    condition = anytrue([
      for grant in local.grants :
      strcontains(grant, local.role_guids["Data Factory Contributor"]) && strcontains(grant, one(var.data_engineer_group_ids))
    ])
    error_message = "CI lets the group change the factory that the environment's data names."
  }
}

run "invalid_group_that_changes_the_factory" {
  command = plan

  variables {
    data_engineer_group_ids = ["team"]
  }

  expect_failures = [var.data_engineer_group_ids]
}

# Whoever may write an identity, or what stands beside it in its group, can act as it.
run "broad_identities_stand_where_ci_cannot_write" {
  command = plan

  assert {
    condition = {
      for key, a in output.role_assignments : key => a.role if endswith(key, "_identity") && startswith(key, "ci_")
    } == { ci_on_function_identity = "Managed Identity Operator", ci_on_workspace_identity = "Managed Identity Operator" }
    error_message = "CI assigns these identities to services, and does not change them."
  }

  assert {
    condition     = toset(keys(output.service_identities)) == toset(["workspace", "function"])
    error_message = "The platform makes services of these identities."
  }
}

run "groups_operate" {
  command = plan

  variables {
    operator_principal_type = "Group"
  }

  assert {
    condition     = !strcontains(local.delegation_condition, "'User'")
    error_message = "Without a person as operator, no person gets a role."
  }
}

run "the_read_only_identity_reads" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
  }

  assert {
    condition = {
      for key, a in output.role_assignments : key => a.role if startswith(key, "plan_")
      } == {
      plan_on_function_identity  = "Reader"
      plan_on_workspace_identity = "Reader"
      plan_platform              = "Reader"
      plan_preflight             = "preflight_reader"
      plan_state                 = "Storage Blob Data Reader"
    }
    error_message = "Plans of pull requests read, and nothing else."
  }

  assert {
    condition = toset([for c in local.plan_credentials : c.subject]) == toset([
      "repo:contoso/ml-platform:pull_request", "repo:contoso/ml-platform:ref:refs/heads/main",
    ])
    error_message = "Pull requests and the main branch plan."
  }

  assert {
    condition     = !anytrue([for c in local.federated_credentials : strcontains(c.subject, "pull_request")])
    error_message = "A pull request must never act as CI."
  }
}

run "branches_act_as_ci_when_named" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
    github_branches   = ["release/1.x"]
  }

  assert {
    condition = (
      local.federated_credentials["github-branch-release-1-x"].subject == "repo:contoso/ml-platform:ref:refs/heads/release/1.x"
    )
    error_message = "A named branch acts as CI."
  }
}

run "github" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
  }

  assert {
    condition     = output.federation.subject == "repo:contoso/ml-platform:environment:dev"
    error_message = "Only the environment of that repository may act as the identities."
  }
}

run "github_with_immutable_subjects" {
  command = plan

  variables {
    github_repository = "contoso@5544123/ml-platform@821093847"
    github_branches   = ["main"]
  }

  assert {
    condition = toset([
      for c in merge(local.federated_credentials, { for n, c in local.plan_credentials : "plan-${n}" => c }) : c.subject
      ]) == toset([
      "repo:contoso@5544123/ml-platform@821093847:environment:dev",
      "repo:contoso@5544123/ml-platform@821093847:ref:refs/heads/main",
      "repo:contoso@5544123/ml-platform@821093847:pull_request",
    ])
    error_message = "Every subject has the ids of owner and repository, as a repository made since 2026-07-15 sends them."
  }
}

run "github_with_a_customised_subject" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
    github_subject    = "repository_owner_id:5544123:{context}:job_workflow_ref:contoso/ci/.github/workflows/deploy.yml@refs/heads/main"
  }

  assert {
    condition = (
      output.federated_credentials.ci["github-dev"].subject
      == "repository_owner_id:5544123:environment:dev:job_workflow_ref:contoso/ci/.github/workflows/deploy.yml@refs/heads/main"
    )
    error_message = "A customised template is taken as it is, with the context at its place."
  }

  assert {
    condition = (
      output.federated_credentials.plan["github-pull-request"].subject
      == "repository_owner_id:5544123:pull_request:job_workflow_ref:contoso/ci/.github/workflows/deploy.yml@refs/heads/main"
    )
    error_message = "Pull requests, too."
  }
}

run "twenty_credentials" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
    github_branches   = [for number in range(19) : "release-${number}"]
  }

  assert {
    condition     = length(local.federated_credentials) == 20
    error_message = "Twenty is what Azure allows."
  }
}

run "invalid_twenty_one_credentials" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
    github_branches   = [for number in range(20) : "release-${number}"]
  }

  expect_failures = [var.github_branches]
}

run "invalid_twenty_one_credentials_for_plans" {
  command = plan

  variables {
    github_repository    = "contoso/ml-platform"
    github_plan_branches = [for number in range(20) : "release-${number}"]
  }

  expect_failures = [var.github_plan_branches]
}

run "invalid_branches_of_one_name" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
    github_branches   = ["release/1.x", "release-1-x"]
  }

  expect_failures = [var.github_branches]
}

run "invalid_customised_subject" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
    github_subject    = "repository_id:821093847"
  }

  expect_failures = [var.github_subject]
}

run "invalid_half_of_the_ids" {
  command = plan

  variables {
    github_repository = "contoso@5544123/ml-platform"
  }

  expect_failures = [var.github_repository]
}

run "both_issuers" {
  command = plan

  variables {
    github_repository       = "contoso/ml-platform"
    azure_devops_federation = { issuer = "https://login.microsoftonline.com/t/v2.0", subject = "/eid1/c/pub/t/a/a/b/sc/o/s" }
  }

  assert {
    condition     = toset(keys(local.federated_credentials)) == toset(["github-dev", "azure-devops"])
    error_message = "GitHub and Azure DevOps may act as the identities side by side."
  }
}

run "invalid_repository" {
  command = plan

  variables {
    github_repository = "https://github.com/contoso/ml-platform"
  }

  expect_failures = [var.github_repository]
}

run "invalid_operator" {
  command = plan

  variables {
    operator_principal_id = "someone@contoso.com"
  }

  expect_failures = [var.operator_principal_id]
}

run "invalid_branch" {
  command = plan

  variables {
    github_branches = ["refs/heads/main"]
  }

  expect_failures = [var.github_branches]
}

run "invalid_plan_branch" {
  command = plan

  variables {
    github_plan_branches = ["feature/*"]
  }

  expect_failures = [var.github_plan_branches]
}

run "invalid_shared_service_connection" {
  command = plan

  variables {
    azure_devops_federation      = { issuer = "https://login.microsoftonline.com/t/v2.0", subject = "/eid1/c/pub/t/a/a/b/sc/o/s" }
    azure_devops_plan_federation = { issuer = "https://login.microsoftonline.com/t/v2.0", subject = "/eid1/c/pub/t/a/a/b/sc/o/s" }
  }

  expect_failures = [var.azure_devops_plan_federation]
}

run "invalid_delegation" {
  command = plan

  variables {
    further_delegated_roles = ["Role Based Access Control Administrator"]
  }

  expect_failures = [var.further_delegated_roles]
}

run "unknown_delegation" {
  command = plan

  variables {
    further_delegated_roles = ["Storge Blob Data Owner"]
  }

  expect_failures = [output.delegated_role_ids]
}

run "invalid_plan_branches_of_one_name" {
  command = plan

  variables {
    github_plan_branches = ["a/b", "a.b"]
  }

  expect_failures = [var.github_plan_branches]
}

run "service_connection_of_before_2025" {
  command = plan

  variables {
    azure_devops_federation = { issuer = "https://vstoken.dev.azure.com/o", subject = "sc://contoso/ml-platform/azure-dev" }
  }

  assert {
    condition     = local.federated_credentials["azure-devops"].subject == var.azure_devops_federation.subject
    error_message = "An older service connection signs in, too."
  }
}

run "invalid_service_connection" {
  command = plan

  variables {
    azure_devops_federation = { issuer = "https://vstoken.dev.azure.com/o", subject = "/eid1/c/pub/t/a" }
  }

  expect_failures = [var.azure_devops_federation]
}

run "invalid_service_connection_for_plans" {
  command = plan

  variables {
    azure_devops_plan_federation = { issuer = "https://login.microsoftonline.com/t/v2.0", subject = "sc://contoso/ml-platform/plan" }
  }

  expect_failures = [var.azure_devops_plan_federation]
}
