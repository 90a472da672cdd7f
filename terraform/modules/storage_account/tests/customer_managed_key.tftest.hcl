mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st" }
  }
  override_resource {
    target = module.private_endpoint.azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe" }
  }
}

variables {
  name                  = "stmlpdev12345"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  sku                   = "Standard_LRS"
  retention_days        = 7
  public_network_access = "Enabled"
}

run "microsofts_keys" {
  command = plan

  assert {
    condition = (
      azapi_resource.this.body.properties.encryption.keySource == "Microsoft.Storage" &&
      length(azapi_resource.this.identity) == 0
    )
    error_message = "The account encrypts with Microsoft's keys."
  }

  assert {
    condition     = toset(keys(azapi_resource.this.body.properties.encryption.services)) == toset(["blob", "file"])
    error_message = "Queues and tables are billed otherwise when they share the account's key."
  }
}

run "customers_key" {
  command = plan

  variables {
    customer_managed_key = {
      key_name            = "storage"
      vault_uri           = "https://kv.vault.azure.net"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  assert {
    condition = (
      azapi_resource.this.identity[0].identity_ids[0] == var.customer_managed_key.identity_id &&
      azapi_resource.this.ignore_casing
    )
    error_message = "The account has the identity that uses its key."
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.encryption) == jsonencode({
      identity                        = { userAssignedIdentity = var.customer_managed_key.identity_id }
      keySource                       = "Microsoft.Keyvault"
      keyvaultproperties              = { keyname = "storage", keyvaulturi = "https://kv.vault.azure.net" }
      requireInfrastructureEncryption = true
      services = {
        for service in ["blob", "file", "queue", "table"] : service => { enabled = true, keyType = "Account" }
      }
    })
    error_message = "All services share the key, which has no version, so that the account follows its rotation."
  }
}

run "invalid_without_a_role" {
  command = plan

  variables {
    customer_managed_key = {
      key_name            = "storage"
      vault_uri           = "https://kv.vault.azure.net"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      role_assignment_ids = []
    }
  }

  expect_failures = [var.customer_managed_key]
}

run "an_account_that_was_made_without" {
  command = plan

  variables {
    customer_managed_key = {
      key_name            = "storage"
      vault_uri           = "https://kv.vault.azure.net"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
      queues_and_tables   = false
    }
  }

  assert {
    condition     = toset(keys(azapi_resource.this.body.properties.encryption.services)) == toset(["blob", "file"])
    error_message = "Queues and tables of an account that was made without stay as they are."
  }
}
