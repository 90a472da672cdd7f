# Read by smoke tests and later pipelines: names are stable, and nothing here is secret.

output "environment" {
  description = "Name of the environment."
  value       = var.environment
}

output "location" {
  description = "Azure region."
  value       = var.location
}

output "tenant_id" {
  description = "Entra tenant."
  value       = var.tenant_id
}

output "subscription_id" {
  description = "Subscription."
  value       = var.subscription_id
}

output "resource_group_name" {
  description = "Resource group of the platform."
  value       = local.bootstrap.platform_resource_group_name
}

output "resource_group_id" {
  description = "Resource id of the platform's resource group."
  value       = local.resource_group_id
}

output "virtual_network_id" {
  description = "Resource id of the virtual network."
  value       = local.virtual_network_id
}

output "private_endpoint_subnet_id" {
  description = "Subnet of the private endpoints."
  value       = local.subnet_ids["private_endpoints"]
}

output "storage_account_name" {
  description = "The workspace's default storage account."
  value       = module.storage.name
}

output "storage_account_id" {
  description = "Resource id of that account."
  value       = module.storage.id
}

output "storage_blob_endpoint" {
  description = "Address of its blob service."
  value       = module.storage.blob_endpoint
}

output "storage_containers" {
  description = "Resource ids of its containers, by name."
  value       = module.storage.container_ids
}

output "smoke_container_name" {
  description = "Container that smoke tests read and write."
  value       = local.smoke_container
}

output "lake_storage_account_name" {
  description = "Data lake (ADLS Gen2)."
  value       = module.lake.name
}

output "lake_storage_account_id" {
  description = "Resource id of the data lake."
  value       = module.lake.id
}

output "lake_containers" {
  description = "Resource ids of the data lake's file systems, by name."
  value       = module.lake.container_ids
}

output "pointer_storage_account_name" {
  description = "Account of the code pointers."
  value       = module.pointer_storage.name
}

output "pointer_storage_account_id" {
  description = "Resource id of that account."
  value       = module.pointer_storage.id
}

output "pointer_storage_blob_endpoint" {
  description = "Address of its blob service."
  value       = module.pointer_storage.blob_endpoint
}

output "pointer_storage_containers" {
  description = "Resource ids of its containers, by name."
  value       = module.pointer_storage.container_ids
}

output "pointer_container_name" {
  description = "Container in which CI publishes code pointers (code-assets/ASSET/latest.json), and pipelines read them."
  value       = local.pointer_container
}

output "function_storage_account_name" {
  description = "Host storage of the function app; null without one."
  value       = one(module.function_storage[*].name)
}

output "function_storage_account_id" {
  description = "Resource id of that account; null without a function app."
  value       = one(module.function_storage[*].id)
}

output "function_storage_containers" {
  description = "Resource ids of its containers, by name; null without a function app."
  value       = one(module.function_storage[*].container_ids)
}

output "key_vault_name" {
  description = "Key vault."
  value       = module.key_vault.name
}

output "key_vault_id" {
  description = "Resource id of the key vault."
  value       = module.key_vault.id
}

output "key_vault_uri" {
  description = "Address of the key vault."
  value       = module.key_vault.uri
}

output "container_registry_name" {
  description = "Container registry."
  value       = module.container_registry.name
}

output "container_registry_id" {
  description = "Resource id of the registry."
  value       = module.container_registry.id
}

output "container_registry_login_server" {
  description = "Host name of the registry."
  value       = module.container_registry.login_server
}

output "log_analytics_workspace_id" {
  description = "Resource id of the Log Analytics workspace."
  value       = module.monitoring.log_analytics_workspace_id
}

output "application_insights_id" {
  description = "Resource id of Application Insights."
  value       = module.monitoring.application_insights_id
}

output "machine_learning_workspace_name" {
  description = "Azure Machine Learning workspace."
  value       = module.machine_learning_workspace.name
}

output "machine_learning_workspace_id" {
  description = "Resource id of the workspace."
  value       = module.machine_learning_workspace.id
}

output "machine_learning_computes" {
  description = "Resource ids of the clusters, by name."
  value       = module.machine_learning_workspace.compute_ids
}

output "machine_learning_compute_instances" {
  description = "Resource ids of the compute instances, by name."
  value       = module.machine_learning_workspace.compute_instance_ids
}

output "machine_learning_environments" {
  description = "Resource ids of the environments' versions, by name."
  value       = module.machine_learning_workspace.environment_ids
}

output "data_factory_name" {
  description = "Data factory."
  value       = module.data_factory.name
}

output "data_factory_id" {
  description = "Resource id of the factory."
  value       = module.data_factory.id
}

output "data_factory_principal_id" {
  description = "Object id of the factory's identity."
  value       = module.data_factory.principal_id
}

output "data_factory_integration_runtime_name" {
  description = "Integration runtime in the factory's managed virtual network."
  value       = module.data_factory.integration_runtime_name
}

output "data_factory_managed_private_endpoints" {
  description = "Approved managed private endpoints, by name."
  value       = module.data_factory.managed_private_endpoints
}

output "private_endpoints" {
  description = "Private endpoints in the virtual network, by resource and group, with the public host names that they serve."
  value = merge([
    for resource, endpoints in {
      storage                    = module.storage.private_endpoints
      lake                       = module.lake.private_endpoints
      pointer_storage            = module.pointer_storage.private_endpoints
      key_vault                  = module.key_vault.private_endpoints
      container_registry         = module.container_registry.private_endpoints
      machine_learning_workspace = module.machine_learning_workspace.private_endpoints
      data_factory               = module.data_factory.private_endpoints
      batch                      = local.with_batch ? module.batch_account[0].private_endpoints : {}
      function                   = local.with_function_app ? module.function_app[0].private_endpoints : {}
      function_storage           = local.with_function_app ? module.function_storage[0].private_endpoints : {}
    } : { for group, endpoint in endpoints : "${resource}_${group}" => endpoint }
  ]...)
}

output "data_factory_pipelines" {
  description = "Resource ids of the factory's pipelines, by name."
  value       = module.data_factory_pipelines.pipelines
}

output "data_factory_triggers" {
  description = "The factory's triggers by name: resource id, kind, pipeline, and whether the environment has them started."
  value       = module.data_factory_pipelines.triggers
}

output "batch_account_name" {
  description = "Batch account; null without one."
  value       = one(module.batch_account[*].name)
}

output "batch_account_id" {
  description = "Resource id of the Batch account; null without one."
  value       = one(module.batch_account[*].id)
}

output "batch_pool_id" {
  description = "Resource id of the Batch account's pool; null without one."
  value       = one(module.batch_account[*].pool_id)
}

output "function_app_name" {
  description = "Function app; null without one."
  value       = one(module.function_app[*].name)
}

output "function_app_id" {
  description = "Resource id of the function app; null without one."
  value       = one(module.function_app[*].id)
}

output "function_application_insights_id" {
  description = "Resource id of the function app's Application Insights; null without one."
  value       = one(module.function_app[*].application_insights_id)
}

output "function_app_url" {
  description = "Address of the function app; null without one."
  value       = one(module.function_app[*].url)
}

output "private_dns_zones" {
  description = "Resource ids of the private DNS zones, by name."
  value       = module.private_dns.zone_ids
}

output "identities" {
  description = "Identities that services and CI act as."
  value = merge(
    {
      for name, identity in local.identities : name => {
        id           = identity.id
        client_id    = identity.client_id
        principal_id = identity.principal_id
      }
    },
    { ci = local.bootstrap.ci_identity },
  )
}

output "probe_identities" {
  description = "Identities that smoke tests act as: reader, writer, nobody."
  value       = local.bootstrap.probe_identities
}

output "federation" {
  description = "The GitHub subject that may act as CI and the probes; null without a repository."
  value       = local.bootstrap.federation
}

output "role_assignments" {
  description = "Who may do what where, and why."
  value = merge(
    module.workspace_identity_access.assignments,
    module.encryption_access.assignments,
    module.access.assignments,
  )
}

output "public_network_access" {
  description = "For each service, whether its public endpoint answers at all."
  value       = var.public_network_access
}

output "ip_rules" {
  description = "Addresses that the environment's data let in, by the resource's type and name in lower case: all but those of leases."
  value       = { for name, key in local.rule_keys : key => sort(local.ip_rules[name]) }
}

output "network_security_perimeter" {
  description = "The perimeter: its id, the profile whose access rules count, and the access mode of each member; null without one."
  value = one([
    for perimeter in module.network_security_perimeter :
    { id = perimeter.id, profile_id = perimeter.profile_id, members = perimeter.members }
  ])
}

output "action_group_id" {
  description = "Resource id of the action group whose receivers are told of alerts."
  value       = module.monitoring.action_group_id
}

output "metric_alerts" {
  description = "Resource ids of the alerts, by name."
  value       = module.metric_alerts.ids
}

output "budget_id" {
  description = "Resource id of the budget; null without one."
  value       = module.governance.budget_id
}

output "locks" {
  description = "Resource ids of the locks, by what they hold."
  value       = module.governance.lock_ids
}

output "customer_managed_keys" {
  description = "By service: the key that it encrypts with, when that is rotated, who uses it, and the resources that are encrypted."
  value = {
    for service, key in local.customer_managed_key : service => {
      key_id       = module.key_vault.keys[key.key_name].id
      key_uri      = key.key_uri
      rotate_after = var.customer_managed_keys.rotate_after
      identity_id  = key.identity_id
      resource_ids = {
        storage                    = concat([module.storage.id, module.lake.id, module.pointer_storage.id], module.function_storage[*].id)
        container_registry         = [module.container_registry.id]
        data_factory               = [module.data_factory.id]
        machine_learning_workspace = [module.machine_learning_workspace.id]
        batch                      = module.batch_account[*].id
      }[service]
    }
  }
}

output "features" {
  description = "Which of the parts that an environment may leave out this one has."
  value = {
    batch        = local.with_batch
    function_app = local.with_function_app
    computes     = length(var.machine_learning.computes) > 0
    triggers     = length(var.pipelines.schedules) + length(var.pipelines.blob_events) > 0
    locks        = length(local.locked) > 0
    budget       = var.budget != null
    receivers    = length(var.monitoring.alert_emails) + length(var.monitoring.action_group_ids) > 0
    encryption   = local.customer_managed_keys_on
    perimeter    = local.with_perimeter
  }
}
