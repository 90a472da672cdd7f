module "data_factory" {
  source = "../modules/data_factory"

  name                  = local.names.data_factory
  parent_id             = local.resource_group_id
  location              = var.location
  tags                  = local.tags
  public_network_access = var.public_network_access.data_factory
  customer_managed_key  = lookup(local.customer_managed_key, "data_factory", null)
  time_to_live_minutes  = var.data_factory.time_to_live_minutes
  global_parameters     = merge({ environment = var.environment }, var.data_factory.global_parameters)
  git_configuration     = var.data_factory.git_configuration
  credentials           = { factory = module.identity["factory"].id }
  managed_private_endpoints = merge(
    {
      mpe-storage-blob = { target_id = module.storage.id, group_id = "blob" }
      mpe-pointers     = { target_id = module.pointer_storage.id, group_id = "blob" }
      mpe-lake-blob    = { target_id = module.lake.id, group_id = "blob" }
      mpe-lake-dfs     = { target_id = module.lake.id, group_id = "dfs" }
      mpe-key-vault    = { target_id = module.key_vault.id, group_id = "vault" }
      mpe-workspace    = { target_id = module.machine_learning_workspace.id, group_id = "amlworkspace" }
    },
    local.with_batch ? { mpe-batch = { target_id = module.batch_account[0].id, group_id = "batchAccount" } } : {},
  )
  linked_services = merge(
    {
      ls_storage   = { type = "AzureBlobStorage", url = module.storage.blob_endpoint }
      ls_lake      = { type = "AzureBlobFS", url = "https://${module.lake.name}.dfs.core.windows.net" }
      ls_key_vault = { type = "AzureKeyVault", url = module.key_vault.uri }
      ls_workspace = { type = "AzureMLService", workspace_id = module.machine_learning_workspace.id }
    },
    local.with_batch ? {
      ls_batch = {
        type = "AzureBatch"
        batch = {
          account_name = module.batch_account[0].name
          endpoint     = module.batch_account[0].endpoint
          pool_name    = module.batch_account[0].pool_name
          credential   = "factory"
          storage      = "ls_storage"
        }
      }
    } : {},
  )
  self_hosted_integration_runtimes = var.data_factory.self_hosted_integration_runtimes
  further_linked_services          = var.data_factory.linked_services
  private_endpoints                = local.private_endpoints.data_factory
  diagnostics                      = local.diagnostics
}
