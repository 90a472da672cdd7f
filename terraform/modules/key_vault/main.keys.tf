# Keys that services encrypt with. Azure Resource Manager makes the first version of a key that is not there, changes nothing of one
# that is, and deletes none: hence actions, without tags. What Key Vault makes of a key afterwards (a new version, by its rotation
# policy) is read back. https://learn.microsoft.com/rest/api/keyvault/keyvault/keys/create-if-not-exist
resource "azapi_resource_action" "key" {
  for_each = var.keys

  type        = "Microsoft.KeyVault/vaults/keys@2026-02-01"
  resource_id = "${azapi_resource.this.id}/keys/${each.key}"
  method      = "PUT"
  when        = "apply"
  body = {
    properties = {
      kty        = each.value.type
      keySize    = each.value.size
      keyOps     = ["wrapKey", "unwrapKey"]
      attributes = { enabled = true }
      rotationPolicy = merge(
        { lifetimeActions = [{ trigger = { timeAfterCreate = each.value.rotate_after }, action = { type = "rotate" } }] },
        each.value.expire_after == null ? {} : { attributes = { expiryTime = each.value.expire_after } },
      )
    }
  }
}

data "azapi_resource" "key" {
  for_each = var.keys

  type                   = "Microsoft.KeyVault/vaults/keys@2026-02-01"
  resource_id            = azapi_resource_action.key[each.key].resource_id
  response_export_values = ["properties"]
  depends_on             = [azapi_resource_action.key]
}

locals {
  # A JSON string with azapi 1.15, an object with 2.x.
  live_keys = {
    for name, key in data.azapi_resource.key : name => try(jsondecode(key.output), key.output).properties
  }
}
