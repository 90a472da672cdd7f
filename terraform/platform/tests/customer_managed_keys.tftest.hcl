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

variables {
  key_vault = { retention_days = 90, purge_protection = true }
  batch     = { vm_size = "Standard_D2s_v5", max_nodes = 2 }
  network = {
    address_space = "10.40.0.0/20"
    subnets = {
      private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
      batch             = { newbits = 4, netnum = 2 }
    }
  }
}

run "off_by_default" {
  command = plan

  assert {
    condition = (
      length(output.customer_managed_keys) == 0 &&
      !output.features.encryption &&
      !contains(keys(output.identities), "encryption")
    )
    error_message = "There are no keys, and nobody for them."
  }
}

run "a_key_for_each_service" {
  command = plan

  variables {
    customer_managed_keys = { enabled = true }
  }

  assert {
    condition = toset(keys(output.customer_managed_keys)) == toset(
      ["storage", "container_registry", "data_factory", "machine_learning_workspace", "batch"]
    )
    error_message = "Every service encrypts with a key."
  }

  assert {
    condition     = length(distinct([for key in output.customer_managed_keys : key.key_uri])) == 5
    error_message = "No two services share a key."
  }

  assert {
    condition = toset([
      for name, assignment in output.role_assignments : name if assignment.role == "Key Vault Crypto Service Encryption User"
      ]) == toset([
      "encryption_on_key_storage",
      "encryption_on_key_container_registry",
      "factory_on_key_data_factory",
      "workspace_on_key_machine_learning_workspace",
      "batch_on_key_batch",
    ])
    error_message = "Each identity may use its own keys, and no other."
  }

  assert {
    condition     = output.features.encryption
    error_message = "Smoke tests look at them."
  }
}

run "without_batch" {
  command = plan

  variables {
    batch                 = null
    customer_managed_keys = { enabled = true }
  }

  assert {
    condition = (
      length(output.customer_managed_keys) == 4 &&
      !contains(keys(output.role_assignments), "batch_on_key_batch")
    )
    error_message = "What is not there has no key."
  }
}

# A platform that stands: storage takes a key at any time, and needs it for as long as it gives it up.
run "storage_alone" {
  command = plan

  variables {
    customer_managed_keys = { enabled = true, services = ["storage"], queues_and_tables = false }
  }

  assert {
    condition = (
      keys(output.customer_managed_keys) == ["storage"] &&
      contains(keys(output.role_assignments), "factory_on_key_data_factory")
    )
    error_message = "The others go on with Microsoft's keys, with a key and its role waiting."
  }
}

run "invalid_without_purge_protection" {
  command = plan

  variables {
    key_vault             = { retention_days = 7, purge_protection = false }
    customer_managed_keys = { enabled = true }
  }

  expect_failures = [var.customer_managed_keys]
}

run "invalid_service" {
  command = plan

  variables {
    customer_managed_keys = { services = ["function_app"] }
  }

  expect_failures = [var.customer_managed_keys]
}

run "invalid_without_a_service" {
  command = plan

  variables {
    customer_managed_keys = { enabled = true, services = [] }
  }

  expect_failures = [var.customer_managed_keys]
}

run "invalid_size" {
  command = plan

  variables {
    customer_managed_keys = { key_size = 1024 }
  }

  expect_failures = [var.customer_managed_keys]
}

run "invalid_type" {
  command = plan

  variables {
    customer_managed_keys = { key_type = "EC" }
  }

  expect_failures = [var.customer_managed_keys]
}

run "invalid_age" {
  command = plan

  variables {
    customer_managed_keys = { rotate_after = "18 months" }
  }

  expect_failures = [var.customer_managed_keys]
}

run "invalid_early_rotation" {
  command = plan

  variables {
    customer_managed_keys = { rotate_after = "P6D" }
  }

  expect_failures = [var.customer_managed_keys]
}

run "invalid_early_expiry" {
  command = plan

  variables {
    customer_managed_keys = { rotate_after = "P1Y", expire_after = "P12M" }
  }

  expect_failures = [var.customer_managed_keys]
}
