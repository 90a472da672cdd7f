module "key_vault" {
  source = "../modules/key_vault"

  name                  = local.names.key_vault
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  tenant_id             = var.tenant_id
  purge_protection      = var.key_vault.purge_protection
  retention_days        = var.key_vault.retention_days
  ip_rules              = var.key_vault.ip_rules
  public_network_access = var.public_network_access.key_vault
  private_endpoints     = local.private_endpoints.key_vault
  diagnostics           = local.diagnostics
  schema_validation     = var.schema_validation
}
