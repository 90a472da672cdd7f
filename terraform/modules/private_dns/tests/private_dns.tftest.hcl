mock_provider "azapi" {}

variables {
  parent_id           = "/subscriptions/s/resourceGroups/rg"
  zones               = ["privatelink.blob.core.windows.net", "privatelink.vaultcore.azure.net"]
  virtual_network_ids = { platform = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v" }
}

run "each_zone_linked" {
  command = plan

  assert {
    condition     = toset(keys(azapi_resource.link)) == toset(["privatelink.blob.core.windows.net/platform", "privatelink.vaultcore.azure.net/platform"])
    error_message = "Each zone is linked to the network."
  }

  assert {
    condition     = azapi_resource.zone["privatelink.blob.core.windows.net"].location == "global" && azapi_resource.link["privatelink.blob.core.windows.net/platform"].location == "global"
    error_message = "Zones and links live in the location global."
  }

  assert {
    condition     = azapi_resource.link["privatelink.vaultcore.azure.net/platform"].body.properties.registrationEnabled == false
    error_message = "Machines do not register themselves in these zones."
  }
}

run "two_networks" {
  command = plan

  variables {
    virtual_network_ids = {
      platform = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v"
      hub      = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/hub"
    }
  }

  assert {
    condition     = length(azapi_resource.link) == 4
    error_message = "Two zones and two networks make four links."
  }
}

run "invalid_public_name" {
  command = plan
  variables {
    zones = ["blob.core.windows.net"]
  }
  expect_failures = [var.zones]
}
