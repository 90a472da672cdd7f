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
    [for key in ["data_factory_operator", "private_endpoint_approver"] : azapi_resource.role_definition[key].name],
  ))

  # Roles that lead to others' rights or data go to whom they are meant for, and to nobody else: docs/adr/0008. Names of
  # modules/role_assignments/roles.tf or of roles.tf here.
  bound_principals = {
    "Contributor"               = [module.service_identity["workspace"].principal_id]
    "Key Vault Administrator"   = [module.service_identity["workspace"].principal_id]
    "private_endpoint_approver" = [module.service_identity["workspace"].principal_id]
    "Storage Blob Data Owner"   = [module.service_identity["function"].principal_id]
    "Data Factory Contributor"  = var.data_engineers_author ? sort(var.data_engineer_group_ids) : []
    "data_factory_operator"     = sort(var.data_engineer_group_ids)
    "Key Vault Reader" = concat(
      [var.operator_principal_id, module.probe["reader"].principal_id], sort(var.operator_group_ids)
    )
    "Monitoring Metrics Publisher"             = [module.service_identity["function"].principal_id]
    "Storage File Data Privileged Contributor" = sort(var.data_scientist_group_ids)
  }
  # Those whom further_role_assignments names may have these too; the broad ones above never.
  further_principals = {
    for role in ["Key Vault Reader", "Monitoring Metrics Publisher", "Storage File Data Privileged Contributor"] :
    role => [for a in values(var.further_role_assignments) : a.principal_id if a.role == role]
  }

  # Who exists when the condition is written. The identities of compute, factory and Batch do not: the platform makes them. So any
  # service principal may have a free role until service_principal_ids names those that there are.
  groups = sort(setunion(
    var.operator_group_ids, var.data_scientist_group_ids, var.data_engineer_group_ids,
    [for a in values(var.further_role_assignments) : a.principal_id if a.principal_type == "Group"],
  ))
  people = distinct(concat([var.operator_principal_id], local.groups))
  service_principals = var.service_principal_ids == null ? null : sort(setunion(
    var.service_principal_ids,
    [for identity in module.service_identity : identity.principal_id],
    [for name, identity in module.probe : identity.principal_id if name != "nobody"],
    [for a in values(var.further_role_assignments) : a.principal_id if a.principal_type == "ServicePrincipal"],
  ))

  role_guids = merge(
    module.role_assignments.built_in_roles,
    { for key, definition in azapi_resource.role_definition : key => definition.name },
  )
  bound_role_principals = {
    for role, principals in local.bound_principals :
    local.role_guids[role] => distinct(concat(principals, lookup(local.further_principals, role, [])))
  }
  free_role_ids = [for id in local.delegated_role_ids : id if !contains(keys(local.bound_role_principals), id)]

  attribute   = "[Microsoft.Authorization/roleAssignments:"
  free_roles  = "{${join(", ", local.free_role_ids)}}"
  ci_and_plan = "{${module.ci.principal_id}, ${module.plan.principal_id}}"

  # One of these is true of what CI may assign. Azure's language gives AND and OR no precedence, hence the parentheses:
  # https://learn.microsoft.com/azure/role-based-access-control/conditions-format
  grants = concat(
    [
      join(" AND ", [
        "@Request${local.attribute}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals ${local.free_roles}",
        "(${local.to_services} OR ${local.to_people})",
        "@Request${local.attribute}PrincipalId] ForAnyOfAllValues:GuidNotEquals ${local.ci_and_plan}",
      ]),
    ],
    [
      for role, principals in local.bound_role_principals : join(" AND ", [
        "@Request${local.attribute}RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${role}}",
        "@Request${local.attribute}PrincipalId] ForAnyOfAnyValues:GuidEquals {${join(", ", principals)}}",
      ]) if length(principals) > 0
    ],
  )
  to_services = (
    local.service_principals == null
    ? "@Request${local.attribute}PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}"
    : "@Request${local.attribute}PrincipalId] ForAnyOfAnyValues:GuidEquals {${join(", ", coalesce(local.service_principals, []))}}"
  )
  to_people = "@Request${local.attribute}PrincipalId] ForAnyOfAnyValues:GuidEquals {${join(", ", local.people)}}"

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

# What CI itself does with data, which it could not be given by the platform without being able to give itself more: a condition on
# who assigns does not see scopes. So the bootstrap gives it, in the platform's group and in two accounts of it.
# https://learn.microsoft.com/azure/storage/blobs/storage-auth-abac-attributes#account-name
locals {
  blob_actions = [
    for action in ["read", "write", "delete", "add/action", "move/action"] :
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/${action}"
  ]
  ci_data_condition = join("", [
    "((${join(" AND ", [for action in local.blob_actions : "!(ActionMatches{'${action}'})"])}) OR (",
    join(" OR ", [
      for account in ["storage_account", "pointer_storage_account"] :
      "@Resource[Microsoft.Storage/storageAccounts:name] StringEquals '${local.names[account]}'"
    ]),
    "))",
  ])
}
