output "id" {
  description = "Resource id of the registry."
  value       = azapi_resource.this.id
}

output "name" {
  description = "Name of the registry."
  value       = azapi_resource.this.name
}

output "login_server" {
  description = "Host name of the registry, known before it stands."
  value       = "${lower(var.name)}.azurecr.io"
}

output "private_endpoints" {
  description = "Private endpoints by group id, with the public host names that they serve."
  value = {
    for group, endpoint in module.private_endpoint : group => {
      id        = endpoint.id
      target_id = azapi_resource.this.id
      group_id  = group
      fqdns     = ["${lower(var.name)}.azurecr.io", "${lower(var.name)}.${var.location}.data.azurecr.io"]
    }
  }
}
