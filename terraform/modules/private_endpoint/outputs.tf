output "id" {
  description = "Resource id of the endpoint, once its DNS records are there."
  value       = azapi_resource.this.id
  depends_on  = [azapi_resource.zone_group]
}
