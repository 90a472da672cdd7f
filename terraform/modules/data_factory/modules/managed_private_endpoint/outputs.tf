output "id" {
  description = "Resource id of the endpoint, once it is approved."
  value       = azapi_resource.this.id
  depends_on  = [data.azapi_resource.state]
}
