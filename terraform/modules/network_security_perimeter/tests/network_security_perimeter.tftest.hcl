mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityPerimeters/nsp" }
  }
  override_resource {
    target = azapi_resource.profile
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityPerimeters/nsp/profiles/p" }
  }
}

variables {
  name      = "nsp"
  parent_id = "/subscriptions/s/resourceGroups/rg"
  location  = "westeurope"
  members = {
    storage   = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st", access_mode = "Enforced" }
    key_vault = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv", access_mode = "Learning" }
  }
}

run "members_without_rules" {
  command = plan

  assert {
    condition     = length(azapi_resource.access_rule) == 0
    error_message = "Nobody is let in without data."
  }

  assert {
    condition = (
      azapi_resource.association["storage"].body.properties.accessMode == "Enforced" &&
      azapi_resource.association["key_vault"].body.properties.accessMode == "Learning" &&
      endswith(azapi_resource.association["storage"].body.properties.privateLinkResource.id, "/storageAccounts/st")
    )
    error_message = "Each member has its own access mode."
  }

  assert {
    condition     = output.members == { storage = "Enforced", key_vault = "Learning" }
    error_message = "The output says how each member is held."
  }
}

run "a_rule_for_each_kind" {
  command = plan

  variables {
    inbound_address_prefixes = ["203.0.113.0/24", "198.51.100.7/32"]
    inbound_subscription_ids = ["00000000-0000-0000-0000-000000000001"]
    outbound_fqdns           = ["api.example.org"]
  }

  assert {
    condition = { for name, rule in azapi_resource.access_rule : name => jsonencode(rule.body.properties) } == {
      inbound-addresses = jsonencode({ direction = "Inbound", addressPrefixes = ["198.51.100.7/32", "203.0.113.0/24"] })
      inbound-subscriptions = jsonencode({
        direction = "Inbound", subscriptions = [{ id = "/subscriptions/00000000-0000-0000-0000-000000000001" }]
      })
      outbound-names = jsonencode({ direction = "Outbound", fullyQualifiedDomainNames = ["api.example.org"] })
    }
    error_message = "A rule names one kind of thing."
  }
}

run "logs_of_every_decision" {
  command = plan

  variables {
    diagnostics = { workspace_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log" }
  }

  assert {
    condition     = length(module.diagnostic_setting.settings["this"].properties.logs) == 11
    error_message = "What the perimeter allows and denies is logged."
  }
}

run "unknown_access_mode" {
  command = plan

  variables {
    members = { storage = { id = "/subscriptions/s", access_mode = "Transition" } }
  }

  expect_failures = [var.members]
}

run "an_address_is_no_range" {
  command = plan

  variables {
    inbound_address_prefixes = ["203.0.113.7"]
  }

  expect_failures = [var.inbound_address_prefixes]
}

run "a_range_begins_at_its_first_address" {
  command = plan

  variables {
    inbound_address_prefixes = ["203.0.113.7/24"]
  }

  expect_failures = [var.inbound_address_prefixes]
}

run "a_subscription_is_a_guid" {
  command = plan

  variables {
    inbound_subscription_ids = ["/subscriptions/00000000-0000-0000-0000-000000000001"]
  }

  expect_failures = [var.inbound_subscription_ids]
}
