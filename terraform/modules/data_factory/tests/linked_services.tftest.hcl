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
  credentials = {
    batch = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/factory"
  }
  linked_services = {
    ls_storage   = { type = "AzureBlobStorage", url = "https://st.blob.core.windows.net/" }
    ls_lake      = { type = "AzureBlobFS", url = "https://dls.dfs.core.windows.net" }
    ls_key_vault = { type = "AzureKeyVault", url = "https://kv.vault.azure.net/" }
    ls_workspace = {
      type         = "AzureMLService"
      workspace_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw"
    }
    ls_batch = {
      type = "AzureBatch"
      batch = {
        account_name = "ba"
        endpoint     = "https://ba.westeurope.batch.azure.com"
        pool_name    = "cpu"
        credential   = "batch"
        storage      = "ls_storage"
      }
    }
  }
}

run "each_type_says_what_it_needs" {
  command = apply

  assert {
    condition = { for name, service in azapi_resource.linked_service : name => service.body.properties.typeProperties } == {
      ls_storage   = { serviceEndpoint = "https://st.blob.core.windows.net/", accountKind = "StorageV2", authenticationType = "Msi" }
      ls_lake      = { url = "https://dls.dfs.core.windows.net" }
      ls_key_vault = { baseUrl = "https://kv.vault.azure.net/" }
      ls_workspace = { subscriptionId = "s", resourceGroupName = "rg", mlWorkspaceName = "mlw", authentication = "MSI" }
    }
    error_message = "Addresses and ids lead to what the inputs name, as the factory's managed identity."
  }

  assert {
    condition = azapi_resource.batch_linked_service["ls_batch"].body.properties.typeProperties == {
      accountName       = "ba"
      batchUri          = "https://ba.westeurope.batch.azure.com"
      poolName          = "cpu"
      linkedServiceName = { type = "LinkedServiceReference", referenceName = "ls_storage" }
      credential        = { type = "CredentialReference", referenceName = "batch" }
    }
    error_message = "Batch is reached as the credential's identity, and its files are in the account."
  }

  assert {
    condition = (
      azapi_resource.this.identity[0].type == "SystemAssigned, UserAssigned" &&
      endswith(azapi_resource.this.identity[0].identity_ids[0], "/factory")
    )
    error_message = "A credential's identity has to be the factory's, too."
  }

  assert {
    condition = alltrue([
      for service in merge(azapi_resource.linked_service, azapi_resource.batch_linked_service) :
      service.body.properties.connectVia.referenceName == "ir-managed-vnet" &&
      service.body.properties.type == var.linked_services[service.name].type
    ])
    error_message = "Every linked service goes through the managed network: outside of it a closed account refuses the factory."
  }

  assert {
    condition     = output.linked_service_names == { for name in keys(var.linked_services) : name => name }
    error_message = "The output names them all."
  }
}

run "invalid_batch_without_credential" {
  command = plan

  variables {
    credentials = {}
  }

  expect_failures = [var.linked_services]
}

run "invalid_batch_without_storage" {
  command = plan

  variables {
    linked_services = {
      ls_lake = { type = "AzureBlobFS", url = "https://dls.dfs.core.windows.net" }
      ls_batch = {
        type  = "AzureBatch"
        batch = { account_name = "ba", endpoint = "https://ba", pool_name = "cpu", credential = "batch", storage = "ls_lake" }
      }
    }
  }

  expect_failures = [var.linked_services]
}

run "invalid_name" {
  command = plan

  variables {
    linked_services = { ls-storage = { type = "AzureBlobStorage", url = "https://st.blob.core.windows.net/" } }
  }

  expect_failures = [var.linked_services]
}

run "invalid_type" {
  command = plan

  variables {
    linked_services = { ls_table = { type = "AzureTableStorage", url = "https://st.table.core.windows.net/" } }
  }

  expect_failures = [var.linked_services]
}

run "invalid_without_address" {
  command = plan

  variables {
    linked_services = { ls_storage = { type = "AzureBlobStorage" } }
  }

  expect_failures = [var.linked_services]
}

run "invalid_without_workspace" {
  command = plan

  variables {
    linked_services = { ls_workspace = { type = "AzureMLService", url = "https://mlw" } }
  }

  expect_failures = [var.linked_services]
}

run "invalid_without_batch" {
  command = plan

  variables {
    linked_services = { ls_batch = { type = "AzureBatch", url = "https://ba" } }
  }

  expect_failures = [var.linked_services]
}
