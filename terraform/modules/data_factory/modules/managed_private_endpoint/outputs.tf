output "id" {
  description = "Resource id of the endpoint, once it is approved."
  value       = local.id
  depends_on  = [data.azapi_resource_list.endpoints]
}
