output "id" {
  description = "Resource id of the account."
  value       = azapi_resource.this.id
}

output "name" {
  description = "Name of the account."
  value       = azapi_resource.this.name
}

output "endpoint" {
  description = "Address of the account, known before it stands."
  value       = "https://${var.name}.${var.location}.batch.azure.com"
}

output "pool_name" {
  description = "The pool, once it stands."
  value       = azapi_resource.pool.name
}

output "pool_id" {
  description = "Resource id of the pool."
  value       = azapi_resource.pool.id
}

output "private_endpoints" {
  description = "Private endpoints by group id, with the public host names that they serve."
  value = {
    for group, endpoint in module.private_endpoint : group => {
      id        = endpoint.id
      target_id = azapi_resource.this.id
      group_id  = group
      # Azure makes the node management name up: https://learn.microsoft.com/azure/batch/private-connectivity
      fqdns = group == "batchAccount" ? ["${var.name}.${var.location}.batch.azure.com"] : []
    }
  }
}
