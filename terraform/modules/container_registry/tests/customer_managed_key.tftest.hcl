mock_provider "azapi" {}

variables {
  name                  = "crmlpdev12345"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  public_network_access = "Disabled"
}

run "microsofts_keys" {
  command = plan

  assert {
    condition     = !can(azapi_resource.this.body.properties.encryption) && length(azapi_resource.this.identity) == 0
    error_message = "Nothing is said of encryption."
  }
}

run "customers_key" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri             = "https://kv.vault.azure.net/keys/container-registry"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      identity_client_id  = "00000000-0000-0000-0000-0000000000c1"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  assert {
    condition     = azapi_resource.this.identity[0].identity_ids[0] == var.customer_managed_key.identity_id
    error_message = "The registry has the identity that uses its key."
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.encryption) == jsonencode({
      keyVaultProperties = { identity = var.customer_managed_key.identity_client_id, keyIdentifier = var.customer_managed_key.key_uri }
      status             = "enabled"
    })
    error_message = "The registry names the identity by its client id, and the key without a version."
  }
}

run "invalid_without_a_role" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri             = "https://kv.vault.azure.net/keys/container-registry"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      identity_client_id  = "00000000-0000-0000-0000-0000000000c1"
      role_assignment_ids = []
    }
  }

  expect_failures = [var.customer_managed_key]
}

run "invalid_of_a_small_registry" {
  command = plan

  variables {
    sku                   = "Standard"
    public_network_access = "Enabled"
    customer_managed_key = {
      key_uri             = "https://kv.vault.azure.net/keys/container-registry"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      identity_client_id  = "00000000-0000-0000-0000-0000000000c1"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  expect_failures = [var.customer_managed_key]
}
