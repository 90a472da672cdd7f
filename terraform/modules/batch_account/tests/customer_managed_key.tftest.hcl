mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/bamlpdev" }
  }
}

variables {
  name                  = "bamlpdev"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  public_network_access = "Disabled"
  identity_id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/batch"
  node_identity_id      = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
  storage_account_id    = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
  pool = {
    vm_size             = "Standard_D2s_v5"
    max_nodes           = 4
    task_slots_per_node = 2
    subnet_id           = "/subscriptions/s/x/subnets/batch"
  }
  private_endpoints = {
    batchAccount   = { name = "pep-batch", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
    nodeManagement = { name = "pep-nodes", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
  }
}

run "microsofts_keys" {
  command = plan

  assert {
    condition     = !can(azapi_resource.this.body.properties.encryption)
    error_message = "Nothing is said of encryption."
  }
}

run "customers_key" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri             = "https://kv.vault.azure.net/keys/batch"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/batch"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.encryption) == jsonencode({
      keySource          = "Microsoft.KeyVault"
      keyVaultProperties = { keyIdentifier = "https://kv.vault.azure.net/keys/batch" }
    })
    error_message = "The key has no version, so that Batch follows its rotation."
  }
}

run "invalid_without_a_role" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri             = "https://kv.vault.azure.net/keys/batch"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/batch"
      role_assignment_ids = []
    }
  }

  expect_failures = [var.customer_managed_key]
}

run "invalid_with_another_identity" {
  command = plan

  variables {
    customer_managed_key = {
      key_uri             = "https://kv.vault.azure.net/keys/batch"
      identity_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/encryption"
      role_assignment_ids = ["/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"]
    }
  }

  expect_failures = [var.customer_managed_key]
}
