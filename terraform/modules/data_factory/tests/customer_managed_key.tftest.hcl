mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf" }
  }
}

variables {
  name                  = "adf-mlp-dev-12345"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  public_network_access = "Disabled"
}

run "microsofts_keys" {
  command = plan

  assert {
    condition = (
      !can(azapi_resource.this.body.properties.encryption) &&
      azapi_resource.this.identity[0].type == "SystemAssigned"
    )
    error_message = "Nothing is said of encryption."
  }
}

run "customers_key" {
  command = plan

  variables {
    customer_managed_key = {
      key_name            = "data-factory"
      vault_uri           = "https://kv.vault.azure.net"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/factory"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  assert {
    condition = (
      azapi_resource.this.identity[0].type == "SystemAssigned, UserAssigned" &&
      azapi_resource.this.ignore_casing
    )
    error_message = "The factory has the identity that uses its key."
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.encryption) == jsonencode({
      identity     = { userAssignedIdentity = var.customer_managed_key.identity_id }
      keyName      = "data-factory"
      vaultBaseUrl = "https://kv.vault.azure.net"
    })
    error_message = "The key has no version."
  }
}

run "invalid_without_a_role" {
  command = plan

  variables {
    customer_managed_key = {
      key_name            = "data-factory"
      vault_uri           = "https://kv.vault.azure.net"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/factory"
      role_assignment_ids = []
    }
  }

  expect_failures = [var.customer_managed_key]
}

run "an_identity_that_is_a_credential_too" {
  command = plan

  variables {
    credentials = { factory = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/factory" }
    customer_managed_key = {
      key_name            = "data-factory"
      vault_uri           = "https://kv.vault.azure.net"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/factory"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  assert {
    condition     = length(azapi_resource.this.identity[0].identity_ids) == 1
    error_message = "An identity is assigned once."
  }
}
