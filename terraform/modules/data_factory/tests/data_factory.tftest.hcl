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
    condition = (
      azapi_resource_action.managed_virtual_network.method == "PUT" &&
      endswith(azapi_resource_action.managed_virtual_network.resource_id, "/factories/adf/managedVirtualNetworks/default")
    )
    error_message = "The factory has a managed virtual network."
  }

  assert {
    condition = (
      azapi_resource.integration_runtime.body.properties.managedVirtualNetwork.referenceName == "default" &&
      azapi_resource.integration_runtime.body.properties.typeProperties.computeProperties.copyComputeScaleProperties.timeToLive == 10
    )
    error_message = "The runtime stands in that network and keeps its machines for a while."
  }
}

run "plain_factory" {
  command = plan

  assert {
    condition = (
      azapi_resource.this.body.properties == { publicNetworkAccess = "Disabled" } &&
      azapi_resource.this.identity[0].type == "SystemAssigned"
    )
    error_message = "Without Git, global parameters and credentials the factory has none of them."
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
    git_configuration = {
      account_name    = "example-org"
      repository_name = "ml-platform"
      azure_devops    = { project_name = "ml", tenant_id = "00000000-0000-0000-0000-0000000000aa" }
    }
  }

  assert {
    condition = (
      azapi_resource.this.body.properties.repoConfiguration.type == "FactoryVSTSConfiguration" &&
      azapi_resource.this.body.properties.repoConfiguration.projectName == "ml"
    )
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

run "private_endpoints" {
  command = plan

  variables {
    private_endpoints = {
      dataFactory = { name = "pep-adf", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
      portal      = { name = "pep-portal", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
    }
  }

  assert {
    condition = (
      output.private_endpoints["dataFactory"].fqdns == ["adf-mlp-dev-12345.westeurope.datafactory.azure.net"] &&
      output.private_endpoints["portal"].fqdns == ["adf.azure.com"]
    )
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

run "invalid_public_network_access" {
  command = plan

  variables {
    public_network_access = "Sometimes"
  }

  expect_failures = [var.public_network_access]
}

run "invalid_group" {
  command = plan

  variables {
    private_endpoints = { blob = { name = "pe", subnet_id = "/subscriptions/s/x", private_dns_zone_ids = [] } }
  }

  expect_failures = [var.private_endpoints]
}
