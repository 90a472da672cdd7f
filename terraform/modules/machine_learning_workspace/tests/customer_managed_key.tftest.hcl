mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw" }
  }
}

variables {
  name                         = "mlw-mlp-dev-12345"
  parent_id                    = "/subscriptions/s/resourceGroups/rg"
  location                     = "westeurope"
  identity_id                  = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ws"
  compute_identity_id          = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-compute"
  storage_account_id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
  key_vault_id                 = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
  application_insights_id      = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/components/appi"
  container_registry_id        = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/cr"
  public_network_access        = "Disabled"
  identity_role_assignment_ids = ["/subscriptions/s/resourceGroups/rg/providers/Microsoft.Authorization/roleAssignments/a"]
}

run "microsofts_keys" {
  command = plan

  assert {
    condition = (
      !can(azapi_resource.this.body.properties.encryption) &&
      !can(azapi_resource.this.body.properties.enableServiceSideCMKEncryption)
    )
    error_message = "Nothing is said of encryption."
  }
}

run "customers_key" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri_with_version = "https://kv.vault.azure.net/keys/workspace/0123456789abcdef0123456789abcdef"
      vault_id             = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
      identity_id          = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ws"
      role_assignment_ids  = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  assert {
    condition     = azapi_resource.this.body.properties.enableServiceSideCMKEncryption
    error_message = "The metadata stay with the service; there is no second group with a database in it."
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.encryption) == jsonencode({
      identity = { userAssignedIdentity = var.customer_managed_key.identity_id }
      keyVaultProperties = {
        keyIdentifier = var.customer_managed_key.key_uri_with_version
        keyVaultArmId = var.customer_managed_key.vault_id
      }
      status = "Enabled"
    })
    error_message = "The workspace names a version of its key."
  }

  assert {
    condition     = length(azapi_resource.this.identity[0].identity_ids) == 1
    error_message = "An identity is assigned once."
  }
}

run "invalid_without_a_role" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri_with_version = "https://kv.vault.azure.net/keys/workspace/0123456789abcdef0123456789abcdef"
      vault_id             = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
      identity_id          = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ws"
      role_assignment_ids  = []
    }
  }

  expect_failures = [var.customer_managed_key]
}

run "an_identity_of_its_own_for_the_key" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri_with_version = "https://kv.vault.azure.net/keys/workspace/0123456789abcdef0123456789abcdef"
      vault_id             = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
      identity_id          = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      role_assignment_ids  = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  assert {
    condition     = length(azapi_resource.this.identity[0].identity_ids) == 2
    error_message = "The workspace has the identity that uses its key, too."
  }
}
