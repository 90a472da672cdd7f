locals {
  with_function_app  = var.function_app != null
  function_container = "function-packages"

  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  function_zones = local.with_function_app ? { sites = ["privatelink.azurewebsites.net"] } : {}
}

# The app's own: whoever writes its packages and its host's keys chooses what it runs.
# https://learn.microsoft.com/azure/azure-functions/storage-considerations
module "function_storage" {
  source = "../modules/storage_account"
  count  = local.with_function_app ? 1 : 0

  name                  = local.names.function_storage_account
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  sku                   = var.storage.sku
  retention_days        = var.storage.retention_days
  customer_managed_key  = lookup(local.customer_managed_key, "storage", null)
  containers            = [local.function_container]
  public_network_access = var.public_network_access.storage
  ip_rules              = local.open_ip_rules.function_storage
  private_endpoints     = local.private_endpoints.function_storage
  diagnostics           = local.diagnostics
}

module "function_app" {
  source = "../modules/function_app"
  count  = local.with_function_app ? 1 : 0

  name      = local.names.function_app
  plan_name = local.names.app_service_plan
  parent_id = local.resource_group_id
  location  = var.location
  tags      = local.tags
  identity  = { id = local.service_identities.function.id, client_id = local.service_identities.function.client_id }
  storage = {
    account_name  = module.function_storage[0].name
    blob_endpoint = module.function_storage[0].blob_endpoint
    container     = local.function_container
  }
  subnet_id      = local.subnet_ids["functions"]
  runtime        = var.function_app.runtime
  scale          = { memory_mb = var.function_app.memory_mb, max_instances = var.function_app.max_instances }
  zone_redundant = var.function_app.zone_redundant
  settings       = var.function_app.settings
  application_insights = !var.function_app.application_insights ? null : {
    name         = "${local.names.application_insights}-function"
    workspace_id = module.monitoring.log_analytics_workspace_id
  }
  public_network_access = var.function_app.public_network_access
  timeout               = var.timeouts.function_app
  private_endpoints     = local.private_endpoints.function
  diagnostics           = local.diagnostics
}
