module "container_registry" {
  source = "../modules/container_registry"

  name                    = local.names.container_registry
  parent_id               = local.resource_group_id
  location                = var.location
  tags                    = local.tags
  sku                     = var.container_registry.sku
  zone_redundancy         = var.container_registry.zone_redundancy
  untagged_retention_days = var.container_registry.untagged_retention_days
  customer_managed_key    = lookup(local.customer_managed_key, "container_registry", null)
  public_network_access   = var.public_network_access.container_registry
  ip_rules                = local.open_ip_rules.container_registry
  private_endpoints       = local.private_endpoints.container_registry
  diagnostics             = local.diagnostics
}
