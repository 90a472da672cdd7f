mock_provider "azapi" {
  override_resource {
    target = azapi_resource.zone
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net" }
  }
}

variables {
  parent_id           = "/subscriptions/s/resourceGroups/rg"
  zones               = ["privatelink.blob.core.windows.net", "privatelink.vaultcore.azure.net"]
  virtual_network_ids = { platform = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v" }
}

run "each_zone_linked" {
  command = plan

  assert {
    condition = toset(keys(azapi_resource.link)) == toset([
      "privatelink.blob.core.windows.net/platform",
      "privatelink.vaultcore.azure.net/platform",
    ])
    error_message = "Each zone is linked to the network."
  }

  assert {
    condition = (
      azapi_resource.zone["privatelink.blob.core.windows.net"].location == "global" &&
      azapi_resource.link["privatelink.blob.core.windows.net/platform"].location == "global"
    )
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

run "zones_of_a_hub" {
  command = plan

  variables {
    zones = ["privatelink.vaultcore.azure.net"]
    existing_zone_ids = [
      "/subscriptions/hub/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net",
    ]
  }

  assert {
    condition     = keys(azapi_resource.zone) == ["privatelink.vaultcore.azure.net"] && length(azapi_resource.link) == 2
    error_message = "A zone that stands is linked, and not made again."
  }

  assert {
    condition = (
      azapi_resource.link["privatelink.blob.core.windows.net/platform"].parent_id ==
      "/subscriptions/hub/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
    )
    error_message = "The link belongs to the hub's zone."
  }
}

run "zones_linked_by_somebody_else" {
  command = plan

  variables {
    zones = []
    existing_zone_ids = [
      "/subscriptions/hub/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net",
    ]
    virtual_network_ids = {}
  }

  assert {
    condition = (
      length(azapi_resource.link) + length(azapi_resource.zone) == 0 &&
      keys(output.zone_ids) == ["privatelink.blob.core.windows.net"]
    )
    error_message = "Nothing is made, and the zones are there for the endpoints' records."
  }
}

run "invalid_two_zones_of_one_name" {
  command = plan
  variables {
    zones = []
    existing_zone_ids = [
      "/subscriptions/hub/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net",
      "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net",
    ]
  }
  expect_failures = [var.existing_zone_ids]
}

run "invalid_made_beside_the_hub_s" {
  command = plan
  variables {
    existing_zone_ids = [
      "/subscriptions/hub/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net",
    ]
  }
  expect_failures = [var.existing_zone_ids]
}

run "invalid_zone_id" {
  command = plan
  variables {
    existing_zone_ids = ["privatelink.file.core.windows.net"]
  }
  expect_failures = [var.existing_zone_ids]
}

run "invalid_link_name" {
  command = plan
  variables {
    virtual_network_ids = { "plat form" = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v" }
  }
  expect_failures = [var.virtual_network_ids]
}
