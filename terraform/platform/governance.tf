locals {
  # What cannot be made again from code: data, secrets, images.
  stateful_resources = merge({
    storage            = module.storage.id
    lake               = module.lake.id
    pointer_storage    = module.pointer_storage.id
    key_vault          = module.key_vault.id
    container_registry = module.container_registry.id
    },
    local.with_function_app ? { function_storage = module.function_storage[0].id } : {},
  )

  # What locks and role assignments of the environment can name.
  resources = merge(
    local.stateful_resources,
    {
      resource_group             = local.resource_group_id
      machine_learning_workspace = module.machine_learning_workspace.id
      data_factory               = module.data_factory.id
      log_analytics              = module.monitoring.log_analytics_workspace_id
      application_insights       = module.monitoring.application_insights_id
    },
    local.with_batch ? { batch = module.batch_account[0].id } : {},
    local.with_function_app ? { function_app = module.function_app[0].id } : {},
  )

  # What is left out of the environment has neither.
  further_access = {
    for name, a in var.further_role_assignments : "further_${name}" => {
      scope          = local.resources[a.resource]
      role           = a.role
      principal_id   = a.principal_id
      principal_type = a.principal_type
      why            = a.why
    } if contains(keys(local.resources), a.resource)
  }
  locked = merge(
    { for name, id in local.stateful_resources : name => { id = id, level = "CanNotDelete" } if var.locks },
    {
      for name, level in var.further_locks : name => { id = local.resources[name], level = level }
      if contains(keys(local.resources), name)
    },
  )

  action_group_ids = concat([module.monitoring.action_group_id], sort(var.monitoring.action_group_ids))
}

module "metric_alerts" {
  source = "../modules/metric_alerts"

  parent_id        = local.resource_group_id
  name_prefix      = local.names.alert
  tags             = local.tags
  action_group_ids = local.action_group_ids
  alerts = {
    failed-pipelines = {
      description = "A pipeline of the data factory failed."
      scope       = module.data_factory.id
      namespace   = "Microsoft.DataFactory/factories"
      metric      = "PipelineFailedRuns"
      severity    = 1
    }
    failed-triggers = {
      description = "A trigger of the data factory failed."
      scope       = module.data_factory.id
      namespace   = "Microsoft.DataFactory/factories"
      metric      = "TriggerFailedRuns"
    }
    # https://azure.github.io/azure-monitor-baseline-alerts/services/MachineLearningServices/workspaces
    failed-jobs = {
      description = "A job of the workspace failed."
      scope       = module.machine_learning_workspace.id
      namespace   = "Microsoft.MachineLearningServices/workspaces"
      metric      = "Failed Runs"
      severity    = 1
    }
    unusable-nodes = {
      description = "A cluster has nodes that do not work."
      scope       = module.machine_learning_workspace.id
      namespace   = "Microsoft.MachineLearningServices/workspaces"
      metric      = "Unusable Nodes"
    }
  }
}

module "governance" {
  source = "../modules/governance"

  resource_group_id = local.resource_group_id
  budget = var.budget == null ? null : {
    amount            = var.budget.amount
    actual_percents   = var.budget.actual_percents
    forecast_percents = var.budget.forecast_percents
    emails            = var.monitoring.alert_emails
    action_group_ids  = local.action_group_ids
  }
  locks = local.locked

  # A lock holds what is below its resource, so that it must go before any of that: role assignments, containers,
  # endpoints' connections. An output would order the creation only behind what it names. So these are all the modules
  # of this folder, this one aside; tests/unit/test_terraform_files.py knows when one is missing.
  # https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
  depends_on = [
    module.access,
    module.batch_account,
    module.batch_identity,
    module.container_registry,
    module.data_factory,
    module.data_factory_pipelines,
    module.encryption_access,
    module.encryption_identity,
    module.function_app,
    module.function_storage,
    module.identity,
    module.key_vault,
    module.lake,
    module.machine_learning_workspace,
    module.metric_alerts,
    module.monitoring,
    module.naming,
    module.network,
    module.network_security_perimeter,
    module.pointer_storage,
    module.private_dns,
    module.storage,
    module.workspace_identity_access,
  ]
}
