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

run "a_database_behind_an_agent_of_ones_own" {
  command = plan

  variables {
    self_hosted_integration_runtimes = { ir-factory-floor = "Machines of the plant." }
    further_linked_services = {
      ls_plant = {
        type        = "SqlServer"
        properties  = { connectionString = "Server=plant;Database=mes;User ID=reader" }
        secrets     = { password = { name = "plant-password" } }
        connect_via = "ir-factory-floor"
      }
      ls_warehouse = {
        type       = "AzureSqlDatabase"
        properties = { connectionString = "Server=tcp:dwh.database.windows.net;Database=dwh" }
      }
    }
  }

  assert {
    condition = jsonencode(azapi_resource.further_linked_service["ls_plant"].body.properties) == jsonencode({
      connectVia  = { referenceName = "ir-factory-floor", type = "IntegrationRuntimeReference" }
      description = ""
      type        = "SqlServer"
      typeProperties = {
        connectionString = "Server=plant;Database=mes;User ID=reader"
        password = {
          secretName = "plant-password"
          store      = { referenceName = "ls_key_vault", type = "LinkedServiceReference" }
          type       = "AzureKeyVaultSecret"
        }
      }
    })
    error_message = "The agent connects, and the vault has the password."
  }

  assert {
    condition = (
      azapi_resource.further_linked_service["ls_warehouse"].body.properties.connectVia.referenceName == "ir-managed-vnet" &&
      azapi_resource.self_hosted_integration_runtime["ir-factory-floor"].body.properties.type == "SelfHosted"
    )
    error_message = "Whoever names no runtime connects through the managed network."
  }
}

run "invalid_name" {
  command = plan

  variables {
    further_linked_services = { "ls-plant" = { type = "SqlServer" } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_secret_by_name" {
  command = plan

  variables {
    further_linked_services = { ls_plant = { type = "SqlServer", properties = { password = "hunter2" } } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_key_by_name" {
  command = plan

  variables {
    further_linked_services = { ls_api = { type = "AzureFunction", properties = { functionKey = "x", accountKey = "x" } } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_secret_in_a_text" {
  command = plan

  variables {
    further_linked_services = { ls_plant = { type = "SqlServer", properties = { connectionString = "Server=plant;Password=hunter2" } } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_signature_in_an_address" {
  command = plan

  variables {
    further_linked_services = {
      ls_files = { type = "HttpServer", properties = { url = "https://st.blob.core.windows.net/c?sv=1&sig=abc" } }
    }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_login_in_an_address" {
  command = plan

  variables {
    further_linked_services = { ls_files = { type = "HttpServer", properties = { url = "https://me:hunter2@files/c" } } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_vault" {
  command = plan

  variables {
    further_linked_services = { ls_plant = { type = "SqlServer", secrets = { password = { name = "p", key_vault = "none" } } } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_credential" {
  command = plan

  variables {
    further_linked_services = { ls_plant = { type = "SqlServer", credential = "none" } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_runtime" {
  command = plan

  variables {
    further_linked_services = { ls_plant = { type = "SqlServer", connect_via = "none" } }
  }

  expect_failures = [var.further_linked_services]
}

run "invalid_runtime_name" {
  command = plan

  variables {
    self_hosted_integration_runtimes = { ir_one = "Mine." }
  }

  expect_failures = [var.self_hosted_integration_runtimes]
}
