resource "azapi_resource" "this" {
  type      = "Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31"
  parent_id = var.parent_id
  name      = var.name
  location  = var.location
  tags      = var.tags
  body      = {}

  response_export_values = ["properties.principalId", "properties.clientId"]
}

# azapi marks a resource's output as unknown whenever the resource changes, and an unknown principal id would make Terraform plan
# the replacement of every role assignment whose name is computed from it. The ids change only when the identity is a new one.
resource "terraform_data" "service_principal" {
  input            = azapi_resource.this.output.properties
  triggers_replace = azapi_resource.this.id

  lifecycle {
    ignore_changes = [input]
  }
}

resource "azapi_resource" "federated_credential" {
  for_each = var.federated_credentials

  type      = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31"
  parent_id = azapi_resource.this.id
  name      = each.key
  # Concurrent writes below one identity are refused:
  # https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
  locks = [azapi_resource.this.id]
  body = {
    properties = {
      issuer    = each.value.issuer
      subject   = each.value.subject
      audiences = each.value.audiences
    }
  }
}
