locals {
  smoke_container = "smoke"

  # What tasks print is kept in the container that Data Factory's Custom activities keep it in:
  # https://learn.microsoft.com/azure/data-factory/transform-data-using-custom-activity
  service_containers = local.with_batch ? ["adfjobs"] : []

  pointer_container = "ml-globals"
}

module "storage" {
  source = "../modules/storage_account"

  name                  = local.names.storage_account
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  sku                   = var.storage.sku
  retention_days        = var.storage.retention_days
  restore_days          = var.storage.restore_days
  file_shares           = true
  customer_managed_key  = lookup(local.customer_managed_key, "storage", null)
  resource_access_rules = { for id in var.storage.resource_access_rules : id => var.tenant_id }
  lifecycle_rules       = var.storage.lifecycle_rules
  containers            = setunion(var.storage.containers, local.service_containers)
  public_network_access = var.public_network_access.storage
  ip_rules              = local.open_ip_rules.storage
  private_endpoints     = local.private_endpoints.storage
  diagnostics           = local.diagnostics
}

module "lake" {
  source = "../modules/storage_account"

  name                  = local.names.lake_storage_account
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  sku                   = var.storage.sku
  is_hns_enabled        = true
  versioning            = false
  customer_managed_key  = lookup(local.customer_managed_key, "storage", null)
  retention_days        = var.storage.retention_days
  containers            = var.storage.lake_containers
  public_network_access = var.public_network_access.storage
  ip_rules              = local.open_ip_rules.lake
  private_endpoints     = local.private_endpoints.lake
  diagnostics           = local.diagnostics
}

# Apart from the workspace's account, whose writers (jobs, tasks, people) would otherwise choose the code that production runs
# next: docs/adr/0007. No lifecycle rule: versions of pointers are small, and the way back.
module "pointer_storage" {
  source = "../modules/storage_account"

  name                  = local.names.pointer_storage_account
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  sku                   = var.storage.sku
  retention_days        = var.storage.retention_days
  customer_managed_key  = lookup(local.customer_managed_key, "storage", null)
  containers            = [local.pointer_container]
  public_network_access = var.public_network_access.storage
  ip_rules              = local.open_ip_rules.pointer_storage
  private_endpoints     = local.private_endpoints.pointer_storage
  diagnostics           = local.diagnostics
}
