mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe" }
  }
}

variables {
  name      = "pep-kv"
  parent_id = "/subscriptions/s/resourceGroups/rg"
  location  = "westeurope"
  subnet_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/pe"
  target_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
  group_id  = "vault"
}

run "endpoint_without_zones" {
  command = plan

  assert {
    condition     = length(azapi_resource.zone_group) == 0
    error_message = "Without zones there is no zone group."
  }

  assert {
    condition     = azapi_resource.this.body.properties.privateLinkServiceConnections[0].properties.groupIds[0] == "vault"
    error_message = "The connection must name the group."
  }

  assert {
    condition     = azapi_resource.this.locks[0] == var.target_id
    error_message = "Endpoints of one target must be made one after the other."
  }
}

run "zone_group_has_every_zone" {
  command = plan

  variables {
    group_id = "amlworkspace"
    private_dns_zone_ids = [
      "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/privatelink.notebooks.azure.net",
      "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/privatelink.api.azureml.ms",
    ]
  }

  assert {
    condition = [for c in azapi_resource.zone_group[0].body.properties.privateDnsZoneConfigs : c.name] == [
      "privatelink-notebooks-azure-net",
      "privatelink-api-azureml-ms",
    ]
    error_message = "One group holds a configuration for each zone."
  }

  assert {
    condition     = azapi_resource.zone_group[0].locks[0] == var.private_dns_zone_ids[1]
    error_message = "Locks must be taken in one order, or two groups wait for each other."
  }
}

run "invalid_group" {
  command = plan

  variables {
    group_id = "blobs"
  }

  expect_failures = [var.group_id]
}

run "invalid_name" {
  command = plan
  variables {
    name = "pep-with-a-name-that-has-more-than-the-64-characters-that-azure-takes"
  }
  expect_failures = [var.name]
}
