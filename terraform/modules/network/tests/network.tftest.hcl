mock_provider "azapi" {
  override_resource {
    target = azapi_resource.network_security_group
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg" }
  }
  override_resource {
    target = azapi_resource.virtual_network
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet" }
  }
}

variables {
  names = {
    virtual_network        = "vnet-x"
    network_security_group = "nsg-x"
    nat_gateway            = "ng-x"
    public_ip              = "pip-x"
    route_table            = "rt-x"
  }
  parent_id     = "/subscriptions/s/resourceGroups/rg"
  location      = "westeurope"
  address_space = "10.40.0.0/20"
  subnets = {
    pe      = { newbits = 4, netnum = 0, private_endpoints = true }
    compute = { newbits = 4, netnum = 1, service_endpoints = ["Microsoft.Storage.Global"] }
  }
}

run "subnets_inline_without_nat" {
  command = plan

  assert {
    condition = sum([
      length(azapi_resource.nat_gateway),
      length(azapi_resource.public_ip),
      length(azapi_resource.route_table),
      length(module.diagnostic_setting.settings),
    ]) == 0
    error_message = "No subnet asked for a NAT gateway or a way through the hub."
  }

  assert {
    condition     = length(azapi_resource.network_security_group) == 2
    error_message = "Each subnet has its own network security group."
  }

  assert {
    condition     = azapi_resource.network_security_group["pe"].body.properties.securityRules[1].properties.access == "Deny"
    error_message = "What no rule allows is denied."
  }
}

run "diagnostics" {
  command = plan

  variables {
    diagnostics = { workspace_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log" }
  }

  assert {
    condition = (
      toset(keys(module.diagnostic_setting.settings)) == toset(["compute", "pe"]) &&
      module.diagnostic_setting.settings["pe"].properties.workspaceId == var.diagnostics.workspace_id
    )
    error_message = "Every security group sends its logs."
  }
}

run "subnet_bodies" {
  command = apply

  assert {
    condition = jsonencode([
      for s in azapi_resource.virtual_network.body.properties.subnets :
      [s.name, s.properties.addressPrefixes[0], s.properties.privateEndpointNetworkPolicies, s.properties.defaultOutboundAccess]
      ]) == jsonencode([
      ["snet-compute", "10.40.1.0/24", "Disabled", false],
      ["snet-pe", "10.40.0.0/24", "NetworkSecurityGroupEnabled", false],
    ])
    error_message = "Wrong ranges or policies of the subnets."
  }

  assert {
    condition     = endswith(output.subnet_ids["pe"], "/subnets/snet-pe")
    error_message = "The output must name the subnet."
  }
}

run "nat_for_the_subnet_that_asks" {
  command = apply

  variables {
    subnets = {
      pe      = { newbits = 4, netnum = 0, private_endpoints = true }
      compute = { newbits = 4, netnum = 1, nat = true }
    }
  }

  assert {
    condition     = [for s in azapi_resource.virtual_network.body.properties.subnets : can(s.properties.natGateway)] == [true, false]
    error_message = "Only the subnet that asked goes through the NAT gateway."
  }
}

run "route_for_the_subnet_that_asks" {
  command = apply

  variables {
    hub_firewall_ip = "10.0.1.4"
    subnets = {
      pe      = { newbits = 4, netnum = 0, private_endpoints = true }
      compute = { newbits = 4, netnum = 1, hub_firewall = true }
    }
  }

  assert {
    condition     = [for s in azapi_resource.virtual_network.body.properties.subnets : can(s.properties.routeTable)] == [true, false]
    error_message = "Only the subnet that asked goes through the hub."
  }

  assert {
    condition = jsonencode(azapi_resource.route_table[0].body.properties.routes[0].properties) == jsonencode(
      { addressPrefix = "0.0.0.0/0", nextHopType = "VirtualAppliance", nextHopIpAddress = "10.0.1.4" }
    )
    error_message = "All of the internet is behind the firewall."
  }
}

run "invalid_nat_and_hub_firewall" {
  command = plan
  variables {
    hub_firewall_ip = "10.0.1.4"
    subnets         = { a = { newbits = 4, netnum = 0, nat = true, hub_firewall = true } }
  }
  expect_failures = [var.subnets]
}

run "invalid_hub_firewall_nowhere" {
  command = plan
  variables {
    subnets = { a = { newbits = 4, netnum = 0, hub_firewall = true } }
  }
  expect_failures = [var.subnets]
}

run "invalid_public_hub_firewall" {
  command = plan
  variables {
    hub_firewall_ip = "203.0.113.4"
  }
  expect_failures = [var.hub_firewall_ip]
}

run "invalid_endpoint_subnet_too_small" {
  command = plan
  variables {
    subnets = { pe = { newbits = 8, netnum = 0, private_endpoints = true } }
  }
  expect_failures = [var.subnets]
}

run "invalid_function_subnet_too_small" {
  command = plan
  variables {
    subnets = { function = { newbits = 8, netnum = 0, delegation = "Microsoft.App/environments" } }
  }
  expect_failures = [var.subnets]
}

run "invalid_overlap_same_size" {
  command = plan
  variables {
    subnets = { a = { newbits = 4, netnum = 1 }, b = { newbits = 4, netnum = 1 } }
  }
  expect_failures = [azapi_resource.virtual_network]
}

run "invalid_overlap_other_size" {
  command = plan
  variables {
    subnets = { a = { newbits = 4, netnum = 0 }, b = { newbits = 6, netnum = 3 } }
  }
  expect_failures = [azapi_resource.virtual_network]
}

run "neighbours_do_not_overlap" {
  command = plan
  variables {
    subnets = { a = { newbits = 4, netnum = 0 }, b = { newbits = 6, netnum = 4 } }
  }
  assert {
    condition     = length(azapi_resource.network_security_group) == 2
    error_message = "10.40.0.0/24 and 10.40.1.0/26 are neighbours."
  }
}

run "invalid_too_small" {
  command = plan
  variables {
    subnets = { a = { newbits = 9, netnum = 0 } }
  }
  expect_failures = [var.subnets]
}

run "invalid_outside" {
  command = plan
  variables {
    subnets = { a = { newbits = 4, netnum = 16 } }
  }
  expect_failures = [var.subnets]
}

run "invalid_address_space" {
  command = plan
  variables {
    address_space = "10.40.0.1/20"
  }
  expect_failures = [var.address_space]
}

run "an_address_of_no_zone" {
  command = plan

  variables {
    subnets = { batch = { newbits = 4, netnum = 2, nat = true } }
  }

  assert {
    condition     = azapi_resource.public_ip[0].name == "pip-x" && !can(azapi_resource.public_ip[0].body.zones)
    error_message = "Without nat_zones, Azure places the address."
  }
}

run "a_zone_redundant_address" {
  command = plan

  variables {
    subnets   = { batch = { newbits = 4, netnum = 2, nat = true } }
    nat_zones = ["3", "1", "2"]
  }

  assert {
    condition     = jsonencode(azapi_resource.public_ip[0].body.zones) == jsonencode(["1", "2", "3"])
    error_message = "The address is in every zone that nat_zones names."
  }

  assert {
    condition     = azapi_resource.public_ip[0].name == "pip-x-z123"
    error_message = "Zones of an address cannot be changed: other zones are another address."
  }

  assert {
    condition     = !can(azapi_resource.nat_gateway[0].body.zones)
    error_message = "A Standard gateway is in one zone, which Azure chooses."
  }
}

run "invalid_zone" {
  command = plan

  variables { nat_zones = ["4"] }

  expect_failures = [var.nat_zones]
}

run "invalid_two_zones" {
  command = plan

  variables { nat_zones = ["1", "2"] }

  expect_failures = [var.nat_zones]
}
