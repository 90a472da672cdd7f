output "id" {
  description = "Resource id of the virtual network."
  value       = azapi_resource.virtual_network.id
}

output "subnet_ids" {
  description = "Resource ids of the subnets, by key."
  value       = { for key, name in local.subnet_names : key => "${azapi_resource.virtual_network.id}/subnets/${name}" }
}
