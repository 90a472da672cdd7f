output "id" {
  description = "Resource id of the factory."
  value       = azapi_resource.this.id
}

output "name" {
  description = "Name of the factory."
  value       = azapi_resource.this.name
}

output "principal_id" {
  description = "Object id of the factory's system-assigned identity."
  value       = azapi_resource.this.identity[0].principal_id
}

output "integration_runtime_name" {
  description = "Integration runtime in the managed virtual network."
  value       = azapi_resource.integration_runtime.name
}

output "managed_private_endpoints" {
  description = "Approved managed private endpoints, by name."
  value = {
    for name, endpoint in module.managed_private_endpoint : name => {
      id        = endpoint.id
      target_id = var.managed_private_endpoints[name].target_id
      group_id  = var.managed_private_endpoints[name].group_id
    }
  }
}

output "private_endpoints" {
  description = "Private endpoints by group id, with the public host names that they serve."
  value = {
    for group, endpoint in module.private_endpoint : group => {
      id        = endpoint.id
      target_id = azapi_resource.this.id
      group_id  = group
      # https://learn.microsoft.com/azure/data-factory/data-factory-private-link
      fqdns = group == "portal" ? ["adf.azure.com"] : ["${var.name}.${var.location}.datafactory.azure.net"]
    }
  }
}

output "linked_service_names" {
  description = "Names of the linked services by the keys of `linked_services`: known to stand when read from here."
  value       = { for name, service in merge(azapi_resource.linked_service, azapi_resource.batch_linked_service) : name => service.name }
}

output "credential_names" {
  description = "Names of the credentials by the keys of `credentials`: known to stand when read from here."
  value       = { for name, credential in azapi_resource.credential : name => credential.name }
}
