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
