output "id" {
  description = "Resource id of the identity."
  value       = azapi_resource.this.id
}

output "client_id" {
  description = "Client id: what a client names to act as the identity."
  value       = terraform_data.service_principal.output.clientId
}

output "principal_id" {
  description = "Object id of the service principal: what role assignments name."
  value       = terraform_data.service_principal.output.principalId
}
