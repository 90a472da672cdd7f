module "data_factory_pipelines" {
  source = "../modules/data_factory_pipelines"

  data_factory_id          = module.data_factory.id
  integration_runtime_name = module.data_factory.integration_runtime_name
  storage = {
    blob_endpoint = module.storage.blob_endpoint
  }
  pointer_container_url = "${module.pointer_storage.blob_endpoint}${local.pointer_container}"
  machine_learning = {
    workspace_id   = module.machine_learning_workspace.id
    compute_id     = module.machine_learning_workspace.compute_ids[local.pipeline_compute]
    environment_id = lookup(module.machine_learning_workspace.environment_ids, var.pipelines.environment, var.pipelines.environment)
  }
  batch = local.with_batch ? {
    endpoint                = module.batch_account[0].endpoint
    pool_name               = module.batch_account[0].pool_name
    credential_name         = module.data_factory.credential_names["factory"]
    node_identity_id        = module.batch_identity["batch-nodes"].id
    node_identity_client_id = module.batch_identity["batch-nodes"].client_id
  } : null
  code_asset = var.pipelines.code_asset
  commands   = var.pipelines.commands
  schedules  = var.pipelines.schedules
  blob_events = {
    for name, event in var.pipelines.blob_events : name => merge(event, {
      storage_account_id = event.account == "lake" ? module.lake.id : module.storage.id
    })
  }
  triggers_started = var.pipelines.triggers_started
}

locals {
  pipeline_compute = coalesce(var.pipelines.compute, var.machine_learning.image_build_compute, keys(var.machine_learning.computes)[0])
}
