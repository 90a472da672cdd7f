locals {
  definition_prefix = "/subscriptions/${var.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
  role_ids = merge(
    { for role, guid in local.built_in_roles : role => "${local.definition_prefix}/${guid}" },
    var.custom_roles,
  )
  definition_id = { for key, a in var.assignments : key => lookup(local.role_ids, a.role, a.role) }
}

resource "azapi_resource" "this" {
  for_each = var.assignments

  type      = "Microsoft.Authorization/roleAssignments@2022-04-01"
  parent_id = each.value.scope
  # The same assignment has the same name everywhere and for ever, so that two runs never make it twice (409 RoleAssignmentExists).
  name = uuidv5("url", "${each.value.scope}|${basename(local.definition_id[each.key])}|${each.value.principal_id}")
  body = {
    properties = merge(
      {
        roleDefinitionId = local.definition_id[each.key]
        principalId      = each.value.principal_id
        principalType    = each.value.principal_type
        description      = each.value.why
      },
      each.value.condition == null ? {} : { condition = each.value.condition, conditionVersion = "2.0" },
    )
  }
}
