# Who may do what where, and why. One row is one role assignment.

locals {
  identities = merge(
    module.identity,
    module.batch_identity,
    local.with_function_app ? { function = module.function_identity[0] } : {},
  )

  workspace_principal = module.identity["workspace"].principal_id
  compute_principal   = module.identity["compute"].principal_id
  factory_principal   = module.data_factory.principal_id
  ci_principal        = local.bootstrap.ci_identity.principal_id
  probe_principals    = { for name, identity in local.bootstrap.probe_identities : name => identity.principal_id }

  # Azure Machine Learning demands these before the workspace is made:
  # https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication
  # https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
  workspace_identity_access = {
    workspace_on_storage       = { scope = module.storage.id, role = "Contributor", why = "the workspace manages its default storage account" }
    workspace_on_storage_data  = { scope = module.storage.id, role = "Storage Blob Data Contributor", why = "the workspace reads and writes its system datastores" }
    workspace_on_key_vault     = { scope = module.key_vault.id, role = "Contributor", why = "the workspace manages its key vault" }
    workspace_on_secrets       = { scope = module.key_vault.id, role = "Key Vault Administrator", why = "the workspace keeps secrets in its key vault" }
    workspace_on_registry      = { scope = module.container_registry.id, role = "Contributor", why = "the workspace pushes and pulls its images" }
    workspace_on_insights      = { scope = module.monitoring.application_insights_id, role = "Contributor", why = "the workspace writes its telemetry" }
    workspace_on_network       = { scope = local.resource_group_id, role = "private_endpoint_approver", why = "the managed network's private endpoints are approved on their targets" }
    workspace_on_blob_endpoint = { scope = module.storage.private_endpoints["blob"].id, role = "Reader", why = "studio finds the way to the closed default storage account" }
    workspace_on_file_endpoint = { scope = module.storage.private_endpoints["file"].id, role = "Reader", why = "studio finds the way to the closed default storage account" }
  }

  service_access = {
    workspace_on_itself = { scope = module.machine_learning_workspace.id, role = "Contributor", principal_id = local.workspace_principal, why = "the workspace manages its own jobs and endpoints" }

    compute_on_registry = { scope = module.container_registry.id, role = "AcrPull", principal_id = local.compute_principal, why = "jobs start from images of the registry" }
    compute_on_storage  = { scope = module.storage.id, role = "Storage Blob Data Contributor", principal_id = local.compute_principal, why = "jobs write outputs and MLflow artifacts to the default storage account" }
    compute_on_raw      = { scope = module.lake.container_ids["raw"], role = "Storage Blob Data Reader", principal_id = local.compute_principal, why = "jobs read raw data" }
    compute_on_curated  = { scope = module.lake.container_ids["curated"], role = "Storage Blob Data Contributor", principal_id = local.compute_principal, why = "jobs write curated data" }

    factory_on_pointers  = { scope = module.storage.container_ids["ml-globals"], role = "Storage Blob Data Reader", principal_id = local.factory_principal, why = "pipelines read code pointers, and must not write them" }
    factory_on_adftrain  = { scope = module.storage.container_ids["adftrain"], role = "Storage Blob Data Contributor", principal_id = local.factory_principal, why = "pipelines train and score in their own container" }
    factory_on_secrets   = { scope = module.key_vault.id, role = "Key Vault Secrets User", principal_id = local.factory_principal, why = "linked services read secrets" }
    factory_on_workspace = { scope = module.machine_learning_workspace.id, role = "AzureML Data Scientist", principal_id = local.factory_principal, why = "pipelines submit jobs" }

    ci_on_pointers = { scope = module.storage.container_ids["ml-globals"], role = "Storage Blob Data Contributor", principal_id = local.ci_principal, why = "CI publishes code pointers" }

    # Smoke tests prove with these what is allowed and what is refused; probe nobody has no role at all.
    probe_reader_on_smoke     = { scope = module.storage.container_ids[local.smoke_container], role = "Storage Blob Data Reader", principal_id = local.probe_principals["reader"], why = "smoke tests read" }
    probe_reader_on_key_vault = { scope = module.key_vault.id, role = "Key Vault Reader", principal_id = local.probe_principals["reader"], why = "smoke tests read the names of secrets, and no values" }
    probe_writer_on_smoke     = { scope = module.storage.container_ids[local.smoke_container], role = "Storage Blob Data Contributor", principal_id = local.probe_principals["writer"], why = "smoke tests write" }
  }

  batch_access = local.with_batch ? {
    # https://learn.microsoft.com/azure/batch/batch-application-packages#link-a-storage-account
    batch_on_storage        = { scope = module.storage.id, role = "Storage Blob Data Contributor", principal_id = module.batch_identity["batch"].principal_id, why = "the Batch account keeps packages and task files in its storage account; no code runs as this identity" }
    batch_nodes_on_adftrain = { scope = module.storage.container_ids["adftrain"], role = "Storage Blob Data Contributor", principal_id = module.batch_identity["batch-nodes"].principal_id, why = "tasks read data and write results" }
    batch_nodes_on_adfjobs  = { scope = module.storage.container_ids["adfjobs"], role = "Storage Blob Data Contributor", principal_id = module.batch_identity["batch-nodes"].principal_id, why = "tasks keep what they print" }
    factory_on_adfjobs      = { scope = module.storage.container_ids["adfjobs"], role = "Storage Blob Data Contributor", principal_id = local.factory_principal, why = "pipelines hand files to tasks and read what they printed" }
    factory_on_batch        = { scope = module.batch_account[0].id, role = "Azure Batch Job Submitter", principal_id = module.identity["factory"].principal_id, why = "pipelines run tasks" }
  } : {}

  function_access = local.with_function_app ? {
    # https://learn.microsoft.com/azure/azure-functions/functions-reference#grant-permission-to-the-identity
    function_on_storage = { scope = module.storage.id, role = "Storage Blob Data Owner", principal_id = module.function_identity[0].principal_id, why = "the Functions host keeps its packages, keys and leases in its storage account" }
  } : {}

  operator_access = {
    resource_group = { scope = local.resource_group_id, role = "Reader", why = "operators see the platform" }
    key_vault      = { scope = module.key_vault.id, role = "Key Vault Reader", why = "operators see which secrets there are" }
    pointers       = { scope = module.storage.container_ids["ml-globals"], role = "Storage Blob Data Reader", why = "operators see which code runs" }
  }

  # https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage
  data_scientist_access = {
    resource_group = { scope = local.resource_group_id, role = "Reader", why = "data scientists find the workspace" }
    workspace      = { scope = module.machine_learning_workspace.id, role = "AzureML Data Scientist", why = "data scientists run jobs" }
    storage_blob   = { scope = module.storage.id, role = "Storage Blob Data Contributor", why = "data scientists upload code and read outputs" }
    storage_file   = { scope = module.storage.id, role = "Storage File Data Privileged Contributor", why = "notebooks live on the file share" }
    lake           = { scope = module.lake.id, role = "Storage Blob Data Reader", why = "data scientists read the lake" }
  }

  # Who bootstrapped (envs/<env>/env.toml) operates; more groups may.
  operator = local.bootstrap.operator
  named_operator_access = {
    for key, row in local.operator_access : "operator_on_${key}" => merge(row, local.operator)
  }

  group_access = merge([
    for team, access in {
      operators       = { ids = setsubtract(var.operator_group_ids, [local.operator.principal_id]), rows = local.operator_access }
      data_scientists = { ids = var.data_scientist_group_ids, rows = local.data_scientist_access }
      } : merge([
        for id in access.ids : {
          for key, row in access.rows : "${team}_${id}_on_${key}" => merge(row, { principal_id = id, principal_type = "Group" })
        }
    ]...)
  ]...)
}

# Apart from the others, because the workspace waits for them, and the others for the workspace.
module "workspace_identity_access" {
  source = "../modules/role_assignments"

  subscription_id     = var.subscription_id
  custom_roles        = local.bootstrap.custom_roles
  assignable_role_ids = local.bootstrap.delegated_role_ids
  assignments = {
    for key, row in local.workspace_identity_access :
    key => merge(row, { principal_id = local.workspace_principal, principal_type = "ServicePrincipal" })
  }
}

module "access" {
  source = "../modules/role_assignments"

  subscription_id     = var.subscription_id
  custom_roles        = local.bootstrap.custom_roles
  assignable_role_ids = local.bootstrap.delegated_role_ids
  assignments = merge(
    { for key, row in merge(local.service_access, local.batch_access, local.function_access) : key => merge(row, { principal_type = "ServicePrincipal" }) },
    local.named_operator_access,
    local.group_access,
  )
}
