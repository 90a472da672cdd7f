output "id" {
  description = "Resource id of the vault."
  value       = azapi_resource.this.id
}

output "name" {
  description = "Name of the vault."
  value       = azapi_resource.this.name
}

output "uri" {
  description = "Address of the vault, known before it stands."
  value       = "https://${var.name}.vault.azure.net/"
}

output "private_endpoints" {
  description = "Private endpoints by group id, with the public host names that they serve."
  value = {
    for group, endpoint in module.private_endpoint : group => {
      id        = endpoint.id
      target_id = azapi_resource.this.id
      group_id  = group
      fqdns     = ["${var.name}.vault.azure.net"]
    }
  }
}

output "keys" {
  description = <<-EOT
    Keys by name: their ids, their addresses without and with the version that is the newest now, and their vault.
    Known once the keys are there.
  EOT
  value = {
    for name, key in local.live_keys : name => {
      id               = azapi_resource_action.key[name].resource_id
      name             = name
      uri              = "https://${var.name}.vault.azure.net/keys/${name}"
      uri_with_version = key.keyUriWithVersion
      vault_id         = azapi_resource.this.id
      vault_uri        = "https://${var.name}.vault.azure.net"
    }
  }
}
