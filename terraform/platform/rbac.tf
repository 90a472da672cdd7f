# Who may do what where, and why, by principal. One row is one role assignment; its key is <principal>_on_<row>.

locals {
  identities = merge(
    module.identity,
    module.batch_identity,
    { for name, identity in local.service_identities : name => identity if name != "function" || local.with_function_app },
    local.customer_managed_keys_on ? { encryption = module.encryption_identity[0] } : {},
  )

  containers       = module.storage.container_ids
  pointers         = module.pointer_storage.container_ids[local.pointer_container]
  probe_principals = local.bootstrap.probe_identities

  # Azure Machine Learning demands these before the workspace is made:
  # https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication
  # https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
  workspace_identity_access = {
    storage = { scope = module.storage.id, role = "Contributor", why = "the workspace manages its default storage account" }
    storage_data = {
      scope = module.storage.id
      role  = "Storage Blob Data Contributor"
      why   = "the workspace reads and writes its system datastores"
    }
    key_vault = { scope = module.key_vault.id, role = "Contributor", why = "the workspace manages its key vault" }
    secrets   = { scope = module.key_vault.id, role = "Key Vault Administrator", why = "the workspace keeps secrets in its key vault" }
    registry  = { scope = module.container_registry.id, role = "Contributor", why = "the workspace pushes and pulls its images" }
    insights  = { scope = module.monitoring.application_insights_id, role = "Contributor", why = "the workspace writes its telemetry" }
    network = {
      scope = local.resource_group_id
      role  = "private_endpoint_approver"
      why   = "the managed network's private endpoints are approved on their targets"
    }
    blob_endpoint = {
      scope = module.storage.private_endpoints["blob"].id
      role  = "Reader"
      why   = "studio finds the way to the closed default storage account"
    }
    file_endpoint = {
      scope = module.storage.private_endpoints["file"].id
      role  = "Reader"
      why   = "studio finds the way to the closed default storage account"
    }
  }

  # The datastores of the lake are read as the workspace, which finds a closed account through its private endpoints:
  # https://learn.microsoft.com/azure/machine-learning/how-to-administrate-data-authentication
  workspace_access = {
    itself = {
      scope = module.machine_learning_workspace.id
      role  = "Contributor"
      why   = "the workspace manages its own jobs and endpoints"
    }
    raw = {
      scope = module.lake.container_ids["raw"]
      role  = "Storage Blob Data Reader"
      why   = "studio shows what the datastore of raw data holds"
    }
    curated = {
      scope = module.lake.container_ids["curated"]
      role  = "Storage Blob Data Reader"
      why   = "studio shows what the datastore of curated data holds"
    }
    lake_blob_endpoint = {
      scope = module.lake.private_endpoints["blob"].id
      role  = "Reader"
      why   = "studio finds the way to the closed lake"
    }
    lake_dfs_endpoint = {
      scope = module.lake.private_endpoints["dfs"].id
      role  = "Reader"
      why   = "studio finds the way to the closed lake"
    }
  }

  # Parallel jobs and batch endpoints: the scenario "Parallel Run Step" of
  # https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage#scenarios-for-role-assignments
  parallel_access = {
    for group, role in { queue = "Storage Queue Data Contributor", table = "Storage Table Data Contributor" } :
    "storage_${group}s" => { scope = module.storage.id, role = role, why = "parallel jobs share out their work through ${group}s" }
    if var.machine_learning.parallel_jobs
  }

  compute_access = merge(local.parallel_access, {
    registry = { scope = module.container_registry.id, role = "AcrPull", why = "jobs start from images of the registry" }
    storage = {
      scope = module.storage.id
      role  = "Storage Blob Data Contributor"
      why   = "jobs write outputs and MLflow artifacts to the default storage account"
    }
    raw     = { scope = module.lake.container_ids["raw"], role = "Storage Blob Data Reader", why = "jobs read raw data" }
    curated = { scope = module.lake.container_ids["curated"], role = "Storage Blob Data Contributor", why = "jobs write curated data" }
  })

  # https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage#managed-identity
  factory_access = {
    pointers = {
      scope = local.pointers
      role  = "Storage Blob Data Reader"
      why   = "pipelines read code pointers, and must not write them"
    }
    adftrain = {
      scope = local.containers["adftrain"]
      role  = "Storage Blob Data Contributor"
      why   = "pipelines train and score in their own container"
    }
    raw = {
      scope = module.lake.container_ids["raw"]
      role  = "Storage Blob Data Contributor"
      why   = "pipelines bring raw data into the lake"
    }
    curated = {
      scope = module.lake.container_ids["curated"]
      role  = "Storage Blob Data Contributor"
      why   = "pipelines write curated data"
    }
    secrets   = { scope = module.key_vault.id, role = "Key Vault Secrets User", why = "linked services read secrets" }
    workspace = { scope = module.machine_learning_workspace.id, role = "AzureML Data Scientist", why = "pipelines submit jobs" }
  }

  # The identity that the factory has for Batch, whose linked service takes no system-assigned one. Azure Batch Job Submitter may
  # not read the account itself: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/compute
  factory_identity_access = local.with_batch ? {
    batch         = { scope = module.batch_account[0].id, role = "Azure Batch Job Submitter", why = "pipelines run tasks" }
    batch_account = { scope = module.batch_account[0].id, role = "Reader", why = "pipelines find the account that runs their tasks" }
  } : {}

  # https://learn.microsoft.com/azure/batch/batch-application-packages#link-a-storage-account
  batch_access = local.with_batch ? {
    storage = {
      scope = module.storage.id
      role  = "Storage Blob Data Contributor"
      why   = "the Batch account keeps packages and task files in its storage account; no code runs as this identity"
    }
  } : {}

  batch_nodes_access = local.with_batch ? {
    adftrain = { scope = local.containers["adftrain"], role = "Storage Blob Data Contributor", why = "tasks read data and write results" }
    adfjobs  = { scope = local.containers["adfjobs"], role = "Storage Blob Data Contributor", why = "tasks keep what they print" }
  } : {}

  # https://learn.microsoft.com/azure/azure-functions/functions-reference#grant-permission-to-the-identity
  # https://learn.microsoft.com/azure/app-service/app-service-key-vault-references#grant-your-app-access-to-a-key-vault
  # https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
  function_access = local.with_function_app ? merge({
    storage = {
      scope = module.function_storage[0].id
      role  = "Storage Blob Data Owner"
      why   = "the Functions host keeps its packages, keys and leases in an account of its own"
    }
    secrets = { scope = module.key_vault.id, role = "Key Vault Secrets User", why = "settings of the app refer to secrets" }
    }, !var.function_app.application_insights ? {} : {
    telemetry = {
      scope = module.function_app[0].application_insights_id
      role  = "Monitoring Metrics Publisher"
      why   = "the app writes its telemetry, for which its Application Insights takes no key"
    }
  }) : {}

  # Smoke tests prove with these what is allowed and what is refused; probe nobody has no role at all.
  probe_reader_access = {
    smoke     = { scope = local.containers[local.smoke_container], role = "Storage Blob Data Reader", why = "smoke tests read" }
    key_vault = { scope = module.key_vault.id, role = "Key Vault Reader", why = "smoke tests read the names of secrets, and no values" }
  }
  probe_writer_access = {
    smoke = { scope = local.containers[local.smoke_container], role = "Storage Blob Data Contributor", why = "smoke tests write" }
  }

  operators_access = {
    resource_group = { scope = local.resource_group_id, role = "Reader", why = "operators see the platform" }
    key_vault      = { scope = module.key_vault.id, role = "Key Vault Reader", why = "operators see which secrets there are" }
    pointers       = { scope = local.pointers, role = "Storage Blob Data Reader", why = "operators see which code runs" }
  }

  # https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage
  data_scientists_access = {
    resource_group = { scope = local.resource_group_id, role = "Reader", why = "data scientists find the workspace" }
    workspace      = { scope = module.machine_learning_workspace.id, role = "AzureML Data Scientist", why = "data scientists run jobs" }
    storage_blob = {
      scope = module.storage.id
      role  = "Storage Blob Data Contributor"
      why   = "data scientists upload code and read outputs"
    }
    storage_file = {
      scope = module.storage.id
      role  = "Storage File Data Privileged Contributor"
      why   = "notebooks live on the file share"
    }
    lake = { scope = module.lake.id, role = "Storage Blob Data Reader", why = "data scientists read the lake" }
  }

  # Whoever changes a factory acts as its identities: in production data engineers run what is there, and CI brings changes.
  data_engineers_access = {
    resource_group = { scope = local.resource_group_id, role = "Reader", why = "data engineers find the factory and its targets" }
    factory = {
      scope = module.data_factory.id
      role  = var.data_engineers_author ? "Data Factory Contributor" : "data_factory_operator"
      why = (
        var.data_engineers_author
        ? "data engineers write pipelines, run them again and watch them"
        : "data engineers run pipelines, run them again and watch them, and change none"
      )
    }
  }

  # Who bootstrapped (envs/<env>/env.toml) operates; more groups may.
  operator = local.bootstrap.operator

  service_access = [
    { name = "workspace", id = local.service_identities.workspace.principal_id, rows = local.workspace_access },
    { name = "compute", id = module.identity["compute"].principal_id, rows = local.compute_access },
    { name = "factory", id = module.data_factory.principal_id, rows = local.factory_access },
    { name = "factory", id = module.identity["factory"].principal_id, rows = local.factory_identity_access },
    { name = "batch", id = try(module.batch_identity["batch"].principal_id, null), rows = local.batch_access },
    { name = "batch_nodes", id = try(module.batch_identity["batch-nodes"].principal_id, null), rows = local.batch_nodes_access },
    { name = "function", id = local.service_identities.function.principal_id, rows = local.function_access },
    { name = "probe_reader", id = local.probe_principals["reader"].principal_id, rows = local.probe_reader_access },
    { name = "probe_writer", id = local.probe_principals["writer"].principal_id, rows = local.probe_writer_access },
  ]
  operator_group_ids = setsubtract(var.operator_group_ids, [local.operator.principal_id])
  group_access = concat(
    [for id in local.operator_group_ids : { name = "operators_${id}", id = id, rows = local.operators_access }],
    [for id in var.data_scientist_group_ids : { name = "data_scientists_${id}", id = id, rows = local.data_scientists_access }],
    [for id in var.data_engineer_group_ids : { name = "data_engineers_${id}", id = id, rows = local.data_engineers_access }],
  )

  access = merge([
    for principal in concat(
      [for service in local.service_access : merge(service, { type = "ServicePrincipal" })],
      [{ name = "operator", id = local.operator.principal_id, rows = local.operators_access, type = local.operator.principal_type }],
      [for group in local.group_access : merge(group, { type = "Group" })],
      ) : {
      for where, row in principal.rows :
      "${principal.name}_on_${where}" => merge(row, { principal_id = principal.id, principal_type = principal.type })
    }
  ]...)
}

# Apart from the others, because the workspace waits for them, and the others for the workspace.
module "workspace_identity_access" {
  source = "../modules/role_assignments"

  subscription_id       = var.subscription_id
  custom_roles          = local.bootstrap.custom_roles
  assignable_role_ids   = local.bootstrap.delegated_role_ids
  bound_role_principals = local.bootstrap.bound_role_principals
  assignable_principals = local.bootstrap.delegated_principals
  assignments = {
    for where, row in local.workspace_identity_access :
    "workspace_on_${where}" => merge(row, {
      principal_id = local.service_identities.workspace.principal_id, principal_type = "ServicePrincipal"
    })
  }
}

module "access" {
  source = "../modules/role_assignments"

  subscription_id       = var.subscription_id
  custom_roles          = local.bootstrap.custom_roles
  assignable_role_ids   = local.bootstrap.delegated_role_ids
  bound_role_principals = local.bootstrap.bound_role_principals
  assignable_principals = local.bootstrap.delegated_principals
  assignments           = merge(local.access, local.further_access)
}
