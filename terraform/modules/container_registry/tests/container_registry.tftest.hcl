mock_provider "azapi" {}

variables {
  name                  = "crmlpdev12345"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  public_network_access = "Disabled"
}

run "premium_and_private" {
  command = plan

  assert {
    condition     = azapi_resource.this.body.sku.name == "Premium" && azapi_resource.this.body.properties.adminUserEnabled == false
    error_message = "A private registry is Premium and has no admin user."
  }

  assert {
    condition     = azapi_resource.this.body.properties.policies.exportPolicy.status == "disabled"
    error_message = "A private registry does not export."
  }
}

run "export_policy_follows_public_access" {
  command = plan

  variables {
    public_network_access = "Enabled"
  }

  assert {
    condition = (
      azapi_resource.this.body.properties.policies.exportPolicy.status == "enabled" &&
      azapi_resource.this.body.properties.networkRuleSet.defaultAction == "Deny"
    )
    error_message = "Azure refuses to disable exports while the public endpoint is open; the firewall denies all the same."
  }
}

run "ip_rules" {
  command = plan

  variables {
    ip_rules = ["203.0.113.7", "198.51.100.0/24"]
  }

  assert {
    condition = azapi_resource.this.body.properties.networkRuleSet.ipRules == [
      { action = "Allow", value = "198.51.100.0/24" },
      { action = "Allow", value = "203.0.113.7" },
    ]
    error_message = "Rules stand in the order of their text."
  }
}

run "basic_has_no_premium_properties" {
  command = plan

  variables {
    sku                   = "Basic"
    public_network_access = "Enabled"
  }

  assert {
    condition     = !can(azapi_resource.this.body.properties.policies) && !can(azapi_resource.this.body.properties.networkRuleSet)
    error_message = "Azure refuses Premium's properties on a Basic registry."
  }
}

run "private_endpoint_serves_data_host" {
  command = plan

  variables {
    private_endpoints = { registry = { name = "pep-cr", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
  }

  assert {
    condition     = output.private_endpoints["registry"].fqdns == ["crmlpdev12345.azurecr.io", "crmlpdev12345.westeurope.data.azurecr.io"]
    error_message = "The endpoint serves the registry and its data host."
  }
}

run "invalid_standard_with_private_endpoint" {
  command = plan
  variables {
    sku                   = "Standard"
    public_network_access = "Enabled"
    private_endpoints     = { registry = { name = "pep-cr", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
  }
  expect_failures = [var.sku]
}

run "invalid_zone_redundancy" {
  command = plan
  variables {
    sku                   = "Standard"
    public_network_access = "Enabled"
    zone_redundancy       = true
  }
  expect_failures = [var.zone_redundancy]
}

run "invalid_name" {
  command = plan

  variables {
    name = "cr-mlp-dev"
  }

  expect_failures = [var.name]
}

run "invalid_retention" {
  command = plan

  variables {
    untagged_retention_days = 366
  }

  expect_failures = [var.untagged_retention_days]
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
