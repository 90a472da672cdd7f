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
      "Key Vault Reader",
      "Key Vault Secrets User",
      "Reader",
      "Storage Blob Data Contributor",
      "Storage Blob Data Owner", # of the function app's identity on its host storage
      "Storage Blob Data Reader",
      "Storage File Data Privileged Contributor",
    ],
    var.further_delegated_roles,
  )

  # No list may name them, so that nobody widens the delegation by mistake.
  never_delegated = toset(["Owner", "Role Based Access Control Administrator", "User Access Administrator"])

  delegated_role_ids = sort(concat(
    [for role in local.delegated_roles : lookup(module.role_assignments.built_in_roles, role, "no GUID for ${role}")],
    [azapi_resource.role_definition["private_endpoint_approver"].name],
  ))

  # People get their access through groups; the operator is whom env.toml names.
  delegated_principal_types = setunion(["Group", "ServicePrincipal"], [var.operator_principal_type])

  # Azure gives each action its own attribute source, hence two halves:
  # https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples
  delegation_condition = join(" AND ", [
    for action, source in { write = "Request", delete = "Resource" } : join("", [
      "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/${action}'})) OR (",
      "@${source}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals ",
      "{${join(", ", local.delegated_role_ids)}}",
      " AND @${source}[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase ",
      "{${join(", ", [for type in local.delegated_principal_types : "'${type}'"])}}",
      "))",
    ])
  ])
}
