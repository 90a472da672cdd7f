locals {
  with_perimeter = var.network_security_perimeter != null

  # What of the platform can be within a perimeter, and is there:
  # https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts#onboarded-private-link-resources
  perimeter_candidates = merge(
    {
      storage         = module.storage.id
      lake            = module.lake.id
      pointer_storage = module.pointer_storage.id
      key_vault       = module.key_vault.id
      log_analytics   = module.monitoring.log_analytics_workspace_id
    },
    local.with_function_app ? { function_storage = module.function_storage[0].id } : {},
  )
}

module "network_security_perimeter" {
  source = "../modules/network_security_perimeter"
  count  = local.with_perimeter ? 1 : 0

  name      = local.names.network_security_perimeter
  parent_id = local.resource_group_id
  location  = var.location
  tags      = local.tags
  members = {
    for name, mode in var.network_security_perimeter.members : name => { id = local.perimeter_candidates[name], access_mode = mode }
    if contains(keys(local.perimeter_candidates), name)
  }
  inbound_address_prefixes = var.network_security_perimeter.inbound_address_prefixes
  inbound_subscription_ids = var.network_security_perimeter.inbound_subscription_ids
  outbound_fqdns           = var.network_security_perimeter.outbound_fqdns
  diagnostics              = local.diagnostics
  schema_validation        = var.schema_validation
}
