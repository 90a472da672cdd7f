# Which roles CI may hand out. Without a condition, who may assign roles can make itself Owner.
# https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-overview

locals {
  # What platform/rbac.tf assigns, and no more: the platform's plan names a role that is missing here.
  delegated_roles = setunion(
    [
      "AcrPull",
      "Azure Batch Job Submitter",
      "AzureML Data Scientist",
      "Contributor", # of the workspace's identity on what belongs to the workspace; CI has no wider right to pass on
      "Data Factory Contributor",
      "Key Vault Administrator",
      "Key Vault Crypto Service Encryption User", # of what encrypts with a customer-managed key
      "Key Vault Reader",
      "Key Vault Secrets User",
      "Monitoring Metrics Publisher",
      "Reader",
      "Storage Blob Data Contributor",
      "Storage Blob Data Owner", # of the function app's identity on its host storage
      "Storage Blob Data Reader",
      "Storage File Data Privileged Contributor",
      "Storage Queue Data Contributor", # of the clusters' identity, whose parallel jobs share out their work there
      "Storage Table Data Contributor",
    ],
    var.further_delegated_roles,
  )

  # No list may name them, so that nobody widens the delegation by mistake.
  never_delegated = toset(["Owner", "Role Based Access Control Administrator", "User Access Administrator"])

  delegated_role_ids = sort(concat(
    [for role in local.delegated_roles : lookup(module.role_assignments.built_in_roles, role, "no GUID for ${role}")],
    [azapi_resource.role_definition["private_endpoint_approver"].name],
  ))

  # Roles that lead to others' rights or data go to whom they are meant for, and to nobody else: docs/adr/0008. Names of
  # modules/role_assignments/roles.tf or of roles.tf here.
  bound_principals = {
    "Contributor"               = [module.service_identity["workspace"].principal_id]
    "Key Vault Administrator"   = [module.service_identity["workspace"].principal_id]
    "private_endpoint_approver" = [module.service_identity["workspace"].principal_id]
    "Storage Blob Data Owner"   = [module.service_identity["function"].principal_id]
    "Data Factory Contributor"  = sort(var.data_engineer_group_ids)
  }
  role_guids = merge(
    module.role_assignments.built_in_roles,
    { for key, definition in azapi_resource.role_definition : key => definition.name },
  )
  bound_role_principals = { for role, principals in local.bound_principals : local.role_guids[role] => principals }
  free_role_ids         = [for id in local.delegated_role_ids : id if !contains(keys(local.bound_role_principals), id)]

  # CI publishes code pointers, which takes one of the free roles; the others are for others than CI and plans themselves.
  roles_of_ci = [module.role_assignments.built_in_roles["Storage Blob Data Contributor"]]

  guids       = { for name, ids in { free = local.free_role_ids, ci = local.roles_of_ci } : name => "{${join(", ", ids)}}" }
  attribute   = "[Microsoft.Authorization/roleAssignments:"
  team_types  = "{${join(", ", [for type in ["Group", "ServicePrincipal"] : "'${type}'"])}}"
  ci_and_plan = "{${module.ci.principal_id}, ${module.plan.principal_id}}"

  # One of these is true of what CI may assign. Azure's language gives AND and OR no precedence, hence the parentheses:
  # https://learn.microsoft.com/azure/role-based-access-control/conditions-format
  grants = concat(
    [
      join(" AND ", [
        "@Request${local.attribute}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals ${local.guids.free}",
        "(${local.to_teams} OR ${local.to_the_operator})",
        "@Request${local.attribute}PrincipalId] ForAnyOfAllValues:GuidNotEquals ${local.ci_and_plan}",
      ]),
      join(" AND ", [
        "@Request${local.attribute}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals ${local.guids.ci}",
        "@Request${local.attribute}PrincipalId] ForAnyOfAnyValues:GuidEquals {${module.ci.principal_id}}",
      ]),
    ],
    [
      for role, principals in local.bound_role_principals : join(" AND ", [
        "@Request${local.attribute}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${role}}",
        "@Request${local.attribute}PrincipalId] ForAnyOfAnyValues:GuidEquals {${join(", ", principals)}}",
      ]) if length(principals) > 0
    ],
  )
  to_teams        = "@Request${local.attribute}PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase ${local.team_types}"
  to_the_operator = "@Request${local.attribute}PrincipalId] ForAnyOfAnyValues:GuidEquals {${var.operator_principal_id}}"

  # Azure gives each action its own attribute source, hence two halves. What CI may remove is bound to the roles only: an identity
  # that is replaced, or a group that is no longer named, leaves assignments behind that must go.
  # https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples
  delegation_condition = join(" AND ", [
    join("", [
      "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR ",
      join(" OR ", [for grant in local.grants : "(${grant})"]),
      ")",
    ]),
    join("", [
      "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR ",
      "(@Resource${local.attribute}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${join(", ", local.delegated_role_ids)}}))",
    ]),
  ])
}
