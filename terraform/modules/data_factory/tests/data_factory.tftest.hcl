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

run "managed_network_and_runtime" {
  command = apply

  assert {
    condition     = azapi_resource_action.managed_virtual_network.method == "PUT" && endswith(azapi_resource_action.managed_virtual_network.resource_id, "/factories/adf/managedVirtualNetworks/default")
    error_message = "The factory has a managed virtual network."
  }

  assert {
    condition     = azapi_resource.integration_runtime.body.properties.managedVirtualNetwork.referenceName == "default" && azapi_resource.integration_runtime.body.properties.typeProperties.computeProperties.pipelineExternalComputeScaleProperties.timeToLive == 10
    error_message = "The runtime stands in that network and keeps its machines for a while."
  }
}

run "linked_services_use_the_runtime" {
  command = plan

  variables {
    blob_linked_services      = { ls_blob = "https://st.blob.core.windows.net/" }
    key_vault_linked_services = { ls_key_vault = "https://kv.vault.azure.net/" }
  }

  assert {
    condition     = azapi_resource.blob_linked_service["ls_blob"].body.properties.connectVia.referenceName == "ir-managed-vnet" && azapi_resource.key_vault_linked_service["ls_key_vault"].body.properties.connectVia.referenceName == "ir-managed-vnet"
    error_message = "Outside the managed network a closed account refuses the factory."
  }

  assert {
    condition     = azapi_resource.blob_linked_service["ls_blob"].body.properties.typeProperties.authenticationType == "Msi"
    error_message = "The factory acts as its managed identity."
  }
}

run "plain_factory" {
  command = plan

  assert {
    condition     = azapi_resource.this.body.properties == { publicNetworkAccess = "Disabled" } && azapi_resource.this.identity[0].type == "SystemAssigned"
    error_message = "Without Git, global parameters and credentials the factory has none of them."
  }
}

run "linked_services_of_lake_workspace_and_batch" {
  command = apply

  variables {
    credentials                      = { batch = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/factory" }
    blob_linked_services             = { ls_storage = "https://st.blob.core.windows.net/" }
    lake_linked_services             = { ls_lake = "https://dls.dfs.core.windows.net" }
    machine_learning_linked_services = { ls_workspace = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw" }
    batch_linked_services = {
      ls_batch = { account_name = "ba", endpoint = "https://ba.westeurope.batch.azure.com", pool_name = "cpu", credential = "batch", blob_linked_service = "ls_storage" }
    }
  }

  assert {
    condition     = azapi_resource.this.identity[0].type == "SystemAssigned, UserAssigned" && endswith(azapi_resource.this.identity[0].identity_ids[0], "/factory")
    error_message = "A credential's identity has to be the factory's, too."
  }

  assert {
    condition     = azapi_resource.batch_linked_service["ls_batch"].body.properties.typeProperties.credential.referenceName == "batch" && azapi_resource.batch_linked_service["ls_batch"].body.properties.typeProperties.linkedServiceName.referenceName == "ls_storage"
    error_message = "Batch is reached as the credential's identity, and its files are in the account."
  }

  assert {
    condition     = azapi_resource.machine_learning_linked_service["ls_workspace"].body.properties.typeProperties.mlWorkspaceName == "mlw" && azapi_resource.machine_learning_linked_service["ls_workspace"].body.properties.typeProperties.resourceGroupName == "rg" && azapi_resource.lake_linked_service["ls_lake"].body.properties.typeProperties.url == "https://dls.dfs.core.windows.net"
    error_message = "Wrong targets."
  }

  assert {
    condition     = alltrue([for service in [azapi_resource.lake_linked_service["ls_lake"], azapi_resource.machine_learning_linked_service["ls_workspace"], azapi_resource.batch_linked_service["ls_batch"]] : service.body.properties.connectVia.referenceName == "ir-managed-vnet"])
    error_message = "Every linked service goes through the managed network."
  }

  assert {
    condition     = toset(keys(output.linked_service_names)) == toset(["ls_storage", "ls_lake", "ls_workspace", "ls_batch"])
    error_message = "The output names them all."
  }
}

run "git_on_github" {
  command = plan

  variables {
    git_configuration = { account_name = "example-org", repository_name = "ml-platform", root_folder = "/adf" }
    global_parameters = { environment = "dev" }
  }

  assert {
    condition = azapi_resource.this.body.properties.repoConfiguration == {
      accountName         = "example-org"
      collaborationBranch = "main"
      disablePublish      = true
      repositoryName      = "ml-platform"
      rootFolder          = "/adf"
      type                = "FactoryGitHubConfiguration"
    }
    error_message = "Drafts are in the repository, and nobody publishes over Terraform."
  }

  assert {
    condition     = azapi_resource.this.body.properties.globalParameters.environment == { type = "String", value = "dev" }
    error_message = "Pipelines read global parameters."
  }
}

run "git_on_azure_devops" {
  command = plan

  variables {
    git_configuration = { account_name = "example-org", repository_name = "ml-platform", azure_devops = { project_name = "ml", tenant_id = "00000000-0000-0000-0000-0000000000aa" } }
  }

  assert {
    condition     = azapi_resource.this.body.properties.repoConfiguration.type == "FactoryVSTSConfiguration" && azapi_resource.this.body.properties.repoConfiguration.projectName == "ml"
    error_message = "Azure Repos have a project."
  }
}

run "invalid_root_folder" {
  command = plan
  variables {
    git_configuration = { account_name = "example-org", repository_name = "ml-platform", root_folder = "adf" }
  }
  expect_failures = [var.git_configuration]
}

run "invalid_global_parameter" {
  command = plan
  variables {
    global_parameters = { "not-a-name" = "x" }
  }
  expect_failures = [var.global_parameters]
}

run "invalid_batch_without_credential" {
  command = plan
  variables {
    blob_linked_services = { ls_storage = "https://st.blob.core.windows.net/" }
    batch_linked_services = {
      ls_batch = { account_name = "ba", endpoint = "https://ba.westeurope.batch.azure.com", pool_name = "cpu", credential = "batch", blob_linked_service = "ls_storage" }
    }
  }
  expect_failures = [var.batch_linked_services]
}

run "invalid_batch_without_storage" {
  command = plan
  variables {
    credentials = { batch = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/factory" }
    batch_linked_services = {
      ls_batch = { account_name = "ba", endpoint = "https://ba.westeurope.batch.azure.com", pool_name = "cpu", credential = "batch", blob_linked_service = "ls_storage" }
    }
  }
  expect_failures = [var.batch_linked_services]
}

run "invalid_linked_service_name" {
  command = plan
  variables {
    blob_linked_services = { ls-storage = "https://st.blob.core.windows.net/" }
  }
  expect_failures = [var.batch_linked_services]
}

run "private_endpoints" {
  command = plan

  variables {
    private_endpoints = {
      dataFactory = { name = "pep-adf", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
      portal      = { name = "pep-portal", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
    }
  }

  assert {
    condition     = output.private_endpoints["dataFactory"].fqdns == ["adf-mlp-dev-12345.westeurope.datafactory.azure.net"] && output.private_endpoints["portal"].fqdns == ["adf.azure.com"]
    error_message = "Wrong host names."
  }
}

run "invalid_time_to_live" {
  command = plan
  variables {
    time_to_live_minutes = 0
  }
  expect_failures = [var.time_to_live_minutes]
}

run "invalid_name" {
  command = plan
  variables {
    name = "adf_underscore"
  }
  expect_failures = [var.name]
}
