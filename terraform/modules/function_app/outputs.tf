output "id" {
  description = "Resource id of the app."
  value       = azapi_resource.this.id
}

output "name" {
  description = "Name of the app."
  value       = azapi_resource.this.name
}

output "url" {
  description = "Address of the app, known before it stands."
  value       = "https://${lower(var.name)}.azurewebsites.net"
}

output "application_insights_id" {
  description = "Resource id of its Application Insights; null without one."
  value       = one(azapi_resource.application_insights[*].id)
}

output "private_endpoints" {
  description = "Private endpoints by group id, with the public host names that they serve."
  value = {
    for group, endpoint in module.private_endpoint : group => {
      id        = endpoint.id
      target_id = azapi_resource.this.id
      group_id  = group
      fqdns     = ["${lower(var.name)}.azurewebsites.net", "${lower(var.name)}.scm.azurewebsites.net"]
    }
  }
}
