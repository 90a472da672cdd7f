output "id" {
  description = "Resource id of the workspace."
  value       = azapi_resource.this.id
}

output "name" {
  description = "Name of the workspace."
  value       = azapi_resource.this.name
}

output "compute_ids" {
  description = "Resource ids of the clusters, by name."
  value       = { for name, compute in azapi_resource.compute : name => compute.id }
}

output "compute_instance_ids" {
  description = "Resource ids of the compute instances, by name."
  value       = { for name, instance in azapi_resource.compute_instance : name => instance.id }
}

output "environment_ids" {
  description = "Resource ids of the environments' versions, by name: what a job takes as environmentId."
  value       = local.environment_version_ids
  depends_on  = [azapi_resource_action.environment_version]
}

output "private_endpoints" {
  description = "Private endpoints by group id, with the public host names that they serve."
  value = {
    for group, endpoint in module.private_endpoint : group => {
      id        = endpoint.id
      target_id = azapi_resource.this.id
      group_id  = group
      # https://learn.microsoft.com/azure/machine-learning/how-to-custom-dns
      fqdns = [
        "${azapi_resource.this.output.properties.workspaceId}.workspace.${var.location}.api.azureml.ms",
        "${azapi_resource.this.output.properties.workspaceId}.workspace.${var.location}.cert.api.azureml.ms",
      ]
    }
  }
}
