mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-mlpdev-12345" }
  }

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

variables {
  name                  = "kv-mlpdev-12345"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  tenant_id             = "00000000-0000-0000-0000-0000000000aa"
  purge_protection      = true
  retention_days        = 90
  public_network_access = "Disabled"
}

run "no_keys" {
  command = plan

  assert {
    condition = (
      length(azapi_resource_action.key) == 0 &&
      length(output.keys) == 0 &&
      azapi_resource.this.body.properties.sku.name == "standard"
    )
    error_message = "A vault has no keys unless somebody encrypts with one."
  }
}

run "keys" {
  command = apply

  variables {
    keys = { storage = {} }
  }

  assert {
    condition = jsonencode(azapi_resource_action.key["storage"].body.properties) == jsonencode({
      attributes     = { enabled = true }
      keyOps         = ["wrapKey", "unwrapKey"]
      keySize        = 3072
      kty            = "RSA"
      rotationPolicy = { lifetimeActions = [{ action = { type = "rotate" }, trigger = { timeAfterCreate = "P1Y" } }] }
    })
    error_message = "The key wraps and unwraps only, and is rotated."
  }

  assert {
    condition = (
      azapi_resource_action.key["storage"].method == "PUT" &&
      azapi_resource_action.key["storage"].when == "apply"
    )
    error_message = "There is no way to delete a key through Azure Resource Manager."
  }

  assert {
    condition = output.keys["storage"] == {
      id               = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-mlpdev-12345/keys/storage"
      name             = "storage"
      uri              = "https://kv-mlpdev-12345.vault.azure.net/keys/storage"
      uri_with_version = "https://kv-mlpdev-12345.vault.azure.net/keys/storage/0123"
      vault_id         = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-mlpdev-12345"
      vault_uri        = "https://kv-mlpdev-12345.vault.azure.net"
    }
    error_message = "The version is the one that the vault has now."
  }
}

run "hardware_keys_that_expire" {
  command = plan

  variables {
    keys = { storage = { type = "RSA-HSM", size = 4096, rotate_after = "P1Y", expire_after = "P2Y" } }
  }

  assert {
    condition     = azapi_resource.this.body.properties.sku.name == "premium"
    error_message = "Only a premium vault has them."
  }

  assert {
    condition     = azapi_resource_action.key["storage"].body.properties.rotationPolicy.attributes.expiryTime == "P2Y"
    error_message = "Versions expire."
  }
}

run "invalid_without_purge_protection" {
  command = plan

  variables {
    purge_protection = false
    retention_days   = 7
    keys             = { storage = {} }
  }

  expect_failures = [var.keys]
}

run "invalid_size" {
  command = plan

  variables {
    keys = { storage = { size = 1024 } }
  }

  expect_failures = [var.keys]
}

run "invalid_type" {
  command = plan

  variables {
    keys = { storage = { type = "EC" } }
  }

  expect_failures = [var.keys]
}

run "invalid_key_name" {
  command = plan

  variables {
    keys = { machine_learning_workspace = {} }
  }

  expect_failures = [var.keys]
}
