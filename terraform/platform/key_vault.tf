module "key_vault" {
  source = "../modules/key_vault"

  name             = local.names.key_vault
  parent_id        = local.resource_group_id
  location         = var.location
  tags             = local.tags
  tenant_id        = var.tenant_id
  purge_protection = var.key_vault.purge_protection
  retention_days   = var.key_vault.retention_days
  ip_rules         = local.open_ip_rules.key_vault
  keys = {
    for service, name in local.encryption_keys : name => {
      type         = var.customer_managed_keys.key_type
      size         = var.customer_managed_keys.key_size
      rotate_after = var.customer_managed_keys.rotate_after
      expire_after = var.customer_managed_keys.expire_after
    }
  }
  public_network_access = var.public_network_access.key_vault
  private_endpoints     = local.private_endpoints.key_vault
  diagnostics           = local.diagnostics
  schema_validation     = var.schema_validation
}
