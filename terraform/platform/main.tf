data "terraform_remote_state" "bootstrap" {
  backend = "azurerm"
  config = {
    resource_group_name  = var.state.resource_group_name
    storage_account_name = var.state.storage_account_name
    container_name       = var.state.container_name
    tenant_id            = var.state.tenant_id
    subscription_id      = var.state.subscription_id
    key                  = "bootstrap.tfstate"
    use_azuread_auth     = true
  }

  lifecycle {
    postcondition {
      condition     = self.outputs.environment == var.environment
      error_message = "The bootstrap's state belongs to the environment ${self.outputs.environment}, not to ${var.environment}: correct envs/${var.environment}/backend.hcl, or run toolkit bootstrap ${var.environment}."
    }
  }
}

module "naming" {
  source = "../modules/naming"

  workload        = var.workload
  environment     = var.environment
  subscription_id = var.subscription_id
  overrides       = var.name_overrides
  tags            = var.tags
  required_tags   = var.required_tags
}

locals {
  bootstrap         = data.terraform_remote_state.bootstrap.outputs
  resource_group_id = local.bootstrap.platform_resource_group_id
  names             = module.naming.names
  tags              = module.naming.tags
  diagnostics       = { workspace_id = module.monitoring.log_analytics_workspace_id }
  smoke_container   = "smoke"

  # The factory keeps what tasks print in adfjobs: https://learn.microsoft.com/azure/data-factory/transform-data-using-custom-activity
  service_containers = concat(
    local.with_batch ? ["adfjobs"] : [],
    local.with_function_app ? [local.function_container] : [],
  )
}

module "monitoring" {
  source = "../modules/monitoring"

  names = {
    log_analytics_workspace = local.names.log_analytics_workspace
    application_insights    = local.names.application_insights
    action_group            = local.names.action_group
  }
  parent_id      = local.resource_group_id
  location       = var.location
  tags           = local.tags
  retention_days = var.monitoring.retention_days
  daily_quota_gb = var.monitoring.daily_quota_gb
  alert_emails   = var.monitoring.alert_emails
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
  resource_access_rules = { for id in var.storage.resource_access_rules : id => var.tenant_id }
  lifecycle_rules       = var.storage.lifecycle_rules
  containers            = setunion(var.storage.containers, local.service_containers)
  public_network_access = var.public_network_access.storage
  ip_rules              = setunion(var.storage.ip_rules, var.lease_ip_rules)
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
  retention_days        = var.storage.retention_days
  containers            = var.storage.lake_containers
  public_network_access = var.public_network_access.storage
  ip_rules              = var.storage.ip_rules
  private_endpoints     = local.private_endpoints.lake
  diagnostics           = local.diagnostics
}

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

module "container_registry" {
  source = "../modules/container_registry"

  name                    = local.names.container_registry
  parent_id               = local.resource_group_id
  location                = var.location
  tags                    = local.tags
  sku                     = var.container_registry.sku
  zone_redundancy         = var.container_registry.zone_redundancy
  untagged_retention_days = var.container_registry.untagged_retention_days
  public_network_access   = var.public_network_access.container_registry
  private_endpoints       = local.private_endpoints.container_registry
  diagnostics             = local.diagnostics
}

# The workspace acts as one of these, its clusters as another. The factory submits to Batch as the third, since a linked service
# to Batch takes no system-assigned identity; it is there without Batch, too, because the factory's own principal id is unknown
# in any plan that changes its identities, and every role of the factory would be replaced when Batch comes or goes.
module "identity" {
  source   = "../modules/user_assigned_identity"
  for_each = toset(["workspace", "compute", "factory"])

  name      = "${local.names.identity}-${each.key}"
  parent_id = local.resource_group_id
  location  = var.location
  tags      = local.tags
}

module "machine_learning_workspace" {
  source = "../modules/machine_learning_workspace"

  name                         = local.names.machine_learning_workspace
  parent_id                    = local.resource_group_id
  location                     = var.location
  tags                         = local.tags
  identity_id                  = module.identity["workspace"].id
  compute_identity_id          = module.identity["compute"].id
  identity_role_assignment_ids = [for assignment in module.workspace_identity_access.assignments : assignment.id]
  storage_account_id           = module.storage.id
  key_vault_id                 = module.key_vault.id
  application_insights_id      = module.monitoring.application_insights_id
  container_registry_id        = module.container_registry.id
  public_network_access        = var.public_network_access.machine_learning_workspace
  isolation_mode               = var.machine_learning.isolation_mode
  accept_firewall_cost         = var.machine_learning.accept_firewall_cost
  firewall_sku                 = var.machine_learning.firewall_sku
  outbound_fqdns               = var.machine_learning.outbound_fqdns
  outbound_service_tags        = var.machine_learning.outbound_service_tags
  environments                 = var.machine_learning_environments
  high_business_impact         = var.machine_learning.high_business_impact
  computes                     = var.machine_learning.computes
  image_build_compute          = var.machine_learning.image_build_compute
  outbound_private_endpoints = var.machine_learning.isolation_mode == "Disabled" ? {} : {
    lake-blob = { resource_id = module.lake.id, group_id = "blob" }
    lake-dfs  = { resource_id = module.lake.id, group_id = "dfs" }
  }
  datastores = {
    adftrain = { kind = "AzureBlob", account_name = module.storage.name, container = "adftrain" }
    raw      = { kind = "AzureDataLakeGen2", account_name = module.lake.name, container = "raw" }
    curated  = { kind = "AzureDataLakeGen2", account_name = module.lake.name, container = "curated" }
  }
  private_endpoints = local.private_endpoints.machine_learning_workspace
  diagnostics       = local.diagnostics
  schema_validation = var.schema_validation
}

module "data_factory" {
  source = "../modules/data_factory"

  name                  = local.names.data_factory
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  public_network_access = var.public_network_access.data_factory
  time_to_live_minutes  = var.data_factory.time_to_live_minutes
  global_parameters     = merge({ environment = var.environment }, var.data_factory.global_parameters)
  git_configuration     = var.data_factory.git_configuration
  credentials           = { factory = module.identity["factory"].id }
  managed_private_endpoints = merge(
    {
      mpe-storage-blob = { target_id = module.storage.id, group_id = "blob" }
      mpe-lake-blob    = { target_id = module.lake.id, group_id = "blob" }
      mpe-lake-dfs     = { target_id = module.lake.id, group_id = "dfs" }
      mpe-key-vault    = { target_id = module.key_vault.id, group_id = "vault" }
      mpe-workspace    = { target_id = module.machine_learning_workspace.id, group_id = "amlworkspace" }
    },
    local.with_batch ? { mpe-batch = { target_id = module.batch_account[0].id, group_id = "batchAccount" } } : {},
  )
  blob_linked_services             = { ls_storage = module.storage.blob_endpoint }
  lake_linked_services             = { ls_lake = "https://${module.lake.name}.dfs.core.windows.net" }
  key_vault_linked_services        = { ls_key_vault = module.key_vault.uri }
  machine_learning_linked_services = { ls_workspace = module.machine_learning_workspace.id }
  batch_linked_services = local.with_batch ? {
    ls_batch = {
      account_name        = module.batch_account[0].name
      endpoint            = module.batch_account[0].endpoint
      pool_name           = module.batch_account[0].pool_name
      credential          = "factory"
      blob_linked_service = "ls_storage"
    }
  } : {}
  private_endpoints = local.private_endpoints.data_factory
  diagnostics       = local.diagnostics
}
