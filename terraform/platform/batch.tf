locals {
  with_batch = var.batch != null

  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  batch_zones = local.with_batch ? {
    batchAccount   = ["privatelink.batch.azure.com"]
    nodeManagement = ["privatelink.batch.azure.com"]
  } : {}
}

# The account reaches its storage account as one of these; tasks act as the other, and may do less.
module "batch_identity" {
  source   = "../modules/user_assigned_identity"
  for_each = local.with_batch ? toset(["batch", "batch-nodes"]) : toset([])

  name      = "${local.names.identity}-${each.key}"
  parent_id = local.resource_group_id
  location  = var.location
  tags      = local.tags
}

module "batch_account" {
  source = "../modules/batch_account"
  count  = local.with_batch ? 1 : 0

  name                  = local.names.batch_account
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  identity_id           = module.batch_identity["batch"].id
  node_identity_id      = module.batch_identity["batch-nodes"].id
  storage_account_id    = module.storage.id
  customer_managed_key  = lookup(local.customer_managed_key, "batch", null)
  public_network_access = var.batch.public_network_access
  ip_rules              = local.open_ip_rules.batch
  pool = {
    vm_size             = var.batch.vm_size
    max_nodes           = var.batch.max_nodes
    task_slots_per_node = var.batch.task_slots_per_node
    subnet_id           = local.subnet_ids["batch"]
  }
  private_endpoints = local.private_endpoints.batch
  diagnostics       = local.diagnostics
}
