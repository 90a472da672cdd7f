output "id" {
  description = "Resource id of the account."
  value       = azapi_resource.this.id
}

output "name" {
  description = "Name of the account."
  value       = azapi_resource.this.name
}

output "blob_endpoint" {
  description = "Address of the blob service, known before the account stands."
  value       = "https://${var.name}.blob.core.windows.net/"
}

output "container_ids" {
  description = "Resource ids of the containers, by name."
  value       = { for name, container in azapi_resource.container : name => container.id }
}

output "private_endpoints" {
  description = "Private endpoints by group id, with the public host names that they serve."
  value = {
    for group, endpoint in module.private_endpoint : group => {
      id        = endpoint.id
      target_id = azapi_resource.this.id
      group_id  = group
      fqdns     = ["${var.name}.${group}.core.windows.net"]
    }
  }
}
