locals {
  # With AllowInternetOutbound the service makes private endpoints of its own only to what is closed to the public, so that jobs
  # would meet the firewall of the rest; with AllowOnlyApprovedOutbound it makes all of them. A second rule to one destination is
  # refused. https://learn.microsoft.com/azure/machine-learning/how-to-managed-network#list-of-required-rules
  default_outbound_endpoints = var.machine_learning.isolation_mode != "AllowInternetOutbound" ? {} : merge(
    var.public_network_access.storage == "Disabled" ? {} : {
      default-blob = { resource_id = module.storage.id, group_id = "blob" }
      default-file = { resource_id = module.storage.id, group_id = "file" }
    },
    var.public_network_access.key_vault == "Disabled" ? {} : {
      key-vault = { resource_id = module.key_vault.id, group_id = "vault" }
    },
    var.public_network_access.container_registry == "Disabled" ? {} : {
      container-registry = { resource_id = module.container_registry.id, group_id = "registry" }
    },
  )

  # To queues and tables the service makes none in any mode: https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
  outbound_endpoints = var.machine_learning.isolation_mode == "Disabled" ? {} : merge(
    local.default_outbound_endpoints,
    { for group in keys(local.parallel_zones) : "default-${group}" => { resource_id = module.storage.id, group_id = group } },
    {
      lake-blob = { resource_id = module.lake.id, group_id = "blob" }
      lake-dfs  = { resource_id = module.lake.id, group_id = "dfs" }
    },
  )
}

module "machine_learning_workspace" {
  source = "../modules/machine_learning_workspace"

  name                         = local.names.machine_learning_workspace
  parent_id                    = local.resource_group_id
  location                     = var.location
  tags                         = local.tags
  identity_id                  = local.service_identities.workspace.id
  compute_identity_id          = module.identity["compute"].id
  identity_role_assignment_ids = [for assignment in module.workspace_identity_access.assignments : assignment.id]
  storage_account_id           = module.storage.id
  key_vault_id                 = module.key_vault.id
  application_insights_id      = module.monitoring.application_insights_id
  container_registry_id        = module.container_registry.id
  customer_managed_key         = lookup(local.customer_managed_key, "machine_learning_workspace", null)
  public_network_access        = var.public_network_access.machine_learning_workspace
  isolation_mode               = var.machine_learning.isolation_mode
  accept_firewall_cost         = var.machine_learning.accept_firewall_cost
  firewall_sku                 = var.machine_learning.firewall_sku
  outbound_fqdns               = var.machine_learning.outbound_fqdns
  outbound_service_tags        = var.machine_learning.outbound_service_tags
  environments                 = var.machine_learning_environments
  high_business_impact         = var.machine_learning.high_business_impact
  computes                     = var.machine_learning.computes
  tenant_id                    = var.tenant_id
  compute_instances            = var.machine_learning.compute_instances
  ip_allowlist                 = local.open_ip_rules.workspace
  image_build_compute          = var.machine_learning.image_build_compute
  outbound_private_endpoints   = local.outbound_endpoints
  datastores = {
    adftrain = { kind = "AzureBlob", account_name = module.storage.name, container = "adftrain" }
    raw      = { kind = "AzureDataLakeGen2", account_name = module.lake.name, container = "raw" }
    curated  = { kind = "AzureDataLakeGen2", account_name = module.lake.name, container = "curated" }
  }
  timeouts          = { workspace = var.timeouts.machine_learning_workspace, computes = var.timeouts.machine_learning_computes }
  private_endpoints = local.private_endpoints.machine_learning_workspace
  diagnostics       = local.diagnostics
  schema_validation = var.schema_validation
}
