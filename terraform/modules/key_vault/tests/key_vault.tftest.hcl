mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-mlpdev-12345" }
  }
}

variables {
  name                  = "kv-mlpdev-12345"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  tenant_id             = "00000000-0000-0000-0000-0000000000aa"
  purge_protection      = false
  retention_days        = 7
  public_network_access = "Disabled"
}

run "rbac_and_deny" {
  command = plan

  assert {
    condition = (
      azapi_resource.this.body.properties.enableRbacAuthorization &&
      azapi_resource.this.body.properties.networkAcls.defaultAction == "Deny"
    )
    error_message = "The vault works with roles, and its firewall denies."
  }

  assert {
    condition     = !can(azapi_resource.this.body.properties.enablePurgeProtection)
    error_message = "Without purge protection the property must be absent: Azure refuses false."
  }

  assert {
    condition     = output.uri == "https://kv-mlpdev-12345.vault.azure.net/"
    error_message = "Wrong address."
  }
}

run "purge_protection" {
  command = plan

  variables {
    purge_protection = true
    retention_days   = 90
  }

  assert {
    condition = (
      azapi_resource.this.body.properties.enablePurgeProtection &&
      azapi_resource.this.body.properties.softDeleteRetentionInDays == 90
    )
    error_message = "Purge protection was asked for."
  }
}

run "private_endpoint_and_diagnostics" {
  command = plan

  variables {
    private_endpoints = { vault = { name = "pep-kv", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
    diagnostics       = { workspace_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log" }
  }

  assert {
    condition     = output.private_endpoints["vault"].fqdns == ["kv-mlpdev-12345.vault.azure.net"]
    error_message = "The endpoint serves the vault's host."
  }

  assert {
    condition     = module.diagnostic_setting.settings["this"].properties.logs[0].categoryGroup == "allLogs"
    error_message = "All logs are kept."
  }
}

run "ip_rules_are_ranges" {
  command = plan

  variables {
    public_network_access = "Enabled"
    ip_rules              = ["203.0.113.7", "203.0.113.7/32", "198.51.100.0/24"]
  }

  assert {
    condition = [for rule in azapi_resource.this.body.properties.networkAcls.ipRules : rule.value] == [
      "198.51.100.0/24",
      "203.0.113.7/32",
    ]
    error_message = "An address is sent as a range of one, once."
  }
}

run "invalid_retention" {
  command = plan
  variables {
    retention_days = 6
  }
  expect_failures = [var.retention_days]
}

run "invalid_name" {
  command = plan
  variables {
    name = "kv--double"
  }
  expect_failures = [var.name]
}

run "invalid_private_address" {
  command = plan
  variables {
    ip_rules = ["172.16.0.1"]
  }
  expect_failures = [var.ip_rules]
}

run "invalid_group" {
  command = plan
  variables {
    private_endpoints = { blob = { name = "pep-kv", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
  }
  expect_failures = [var.private_endpoints]
}

run "invalid_address" {
  command = plan

  variables {
    ip_rules = ["203.0.113.300"]
  }

  expect_failures = [var.ip_rules]
}

run "invalid_public_network_access" {
  command = plan

  variables {
    public_network_access = "Sometimes"
  }

  expect_failures = [var.public_network_access]
}
