mock_provider "azapi" {
  mock_data "azapi_resource" {
    defaults = {
      output = <<-JSON
        {
          "properties": {
            "keyUriWithVersion": "https://kv-mlpdev-12345.vault.azure.net/keys/storage/0123",
            "attributes": {"enabled": true}
          }
        }
      JSON
    }
  }
}

mock_provider "azapi" {
  alias = "dns"
}

mock_provider "terraform" {
  source = "./tests/mocks"
}

run "none_by_default" {
  command = plan

  assert {
    condition     = output.network_security_perimeter == null && !output.features.perimeter
    error_message = "A perimeter is the environment's choice."
  }
}

run "everything_learns" {
  command = plan

  variables {
    network_security_perimeter = {}
  }

  assert {
    condition = output.network_security_perimeter.members == {
      for name in ["storage", "lake", "pointer_storage", "key_vault", "log_analytics"] : name => "Learning"
    }
    error_message = "What can be a member learns; what is left out of the environment is none."
  }
}

run "with_customer_managed_keys_the_vault_learns" {
  command = plan

  variables {
    key_vault                  = { retention_days = 90, purge_protection = true }
    customer_managed_keys      = { enabled = true }
    network_security_perimeter = { members = { storage = "Enforced", key_vault = "Learning" } }
  }

  assert {
    condition     = output.network_security_perimeter.members == { storage = "Enforced", key_vault = "Learning" }
    error_message = "Accounts are enforced while services reach their keys."
  }
}

run "an_enforced_vault_has_no_customer_managed_keys" {
  command = plan

  variables {
    key_vault                  = { retention_days = 90, purge_protection = true }
    customer_managed_keys      = { enabled = true }
    network_security_perimeter = { members = { key_vault = "Enforced" } }
  }

  expect_failures = [var.network_security_perimeter]
}

run "rules_of_an_enforced_member" {
  command = plan

  variables {
    key_vault                  = { retention_days = 90, purge_protection = true, ip_rules = ["203.0.113.7"] }
    network_security_perimeter = { members = { key_vault = "Enforced" } }
  }

  expect_failures = [var.network_security_perimeter]
}

run "unknown_member" {
  command = plan

  variables {
    network_security_perimeter = { members = { container_registry = "Learning" } }
  }

  expect_failures = [var.network_security_perimeter]
}

run "unknown_access_mode" {
  command = plan

  variables {
    network_security_perimeter = { members = { storage = "Transition" } }
  }

  expect_failures = [var.network_security_perimeter]
}

run "an_address_is_no_range" {
  command = plan

  variables {
    network_security_perimeter = { inbound_address_prefixes = ["203.0.113.7"] }
  }

  expect_failures = [var.network_security_perimeter]
}

run "a_subscription_is_a_guid" {
  command = plan

  variables {
    network_security_perimeter = { inbound_subscription_ids = ["/subscriptions/00000000-0000-0000-0000-000000000001"] }
  }

  expect_failures = [var.network_security_perimeter]
}
