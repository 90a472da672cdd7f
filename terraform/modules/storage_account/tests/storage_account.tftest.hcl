mock_provider "azapi" {}

variables {
  name                  = "stmlpdev12345"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  sku                   = "Standard_LRS"
  retention_days        = 7
  public_network_access = "Enabled"
}

run "locked_down_by_default" {
  command = plan

  assert {
    condition = (
      azapi_resource.this.body.properties.allowSharedKeyAccess == false
      && azapi_resource.this.body.properties.allowBlobPublicAccess == false
      && azapi_resource.this.body.properties.minimumTlsVersion == "TLS1_2"
      && azapi_resource.this.body.properties.networkAcls.defaultAction == "Deny"
      && length(azapi_resource.this.body.properties.networkAcls.ipRules) == 0
    )
    error_message = "Shared keys, anonymous access and old TLS are off, and the firewall denies, whatever is asked for."
  }

  assert {
    condition     = azapi_update_resource.blob_service.body.properties.isVersioningEnabled && azapi_update_resource.blob_service.body.properties.deleteRetentionPolicy.days == 7
    error_message = "Versioning and soft delete are on."
  }

  assert {
    condition     = length(azapi_resource.lifecycle) + length(azapi_resource.diagnostics) + length(module.private_endpoint) == 0
    error_message = "Nothing optional was asked for."
  }
}

run "hierarchical_namespace" {
  command = plan

  variables {
    is_hns_enabled = true
    versioning     = false
  }

  assert {
    condition     = azapi_resource.this.body.properties.isHnsEnabled && !can(azapi_update_resource.blob_service.body.properties.isVersioningEnabled)
    error_message = "An account with a hierarchical namespace must not mention versioning."
  }
}

run "ip_rules_sorted_once" {
  command = plan

  variables {
    ip_rules = ["203.0.113.7", "198.51.100.0/24", "203.0.113.7"]
  }

  assert {
    condition     = [for rule in azapi_resource.this.body.properties.networkAcls.ipRules : rule.value] == ["198.51.100.0/24", "203.0.113.7"]
    error_message = "The order of the rules must not depend on where they come from."
  }
}

run "everything_optional" {
  command = plan

  variables {
    containers      = ["raw", "curated"]
    lifecycle_rules = { expire = { prefixes = ["raw/"], delete_after = 30 } }
    diagnostics     = { workspace_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log" }
    private_endpoints = {
      blob = { name = "pep-blob", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = ["/subscriptions/s/x/privateDnsZones/privatelink.blob.core.windows.net"] }
    }
  }

  assert {
    condition     = toset(keys(azapi_resource.container)) == toset(["raw", "curated"]) && azapi_resource.container["raw"].body.properties.publicAccess == "None"
    error_message = "Containers are made without public access."
  }

  assert {
    condition = jsonencode(azapi_resource.lifecycle[0].body.properties.policy.rules[0].definition) == jsonencode({
      filters = { blobTypes = ["blockBlob"], prefixMatch = ["raw/"] }
      actions = { baseBlob = { delete = { daysAfterModificationGreaterThan = 30 } } }
    })
    error_message = "An action that was not asked for must not be sent."
  }

  assert {
    condition     = output.private_endpoints["blob"].fqdns == ["stmlpdev12345.blob.core.windows.net"]
    error_message = "The endpoint serves the account's blob host."
  }

  assert {
    condition     = length(azapi_resource.diagnostics[0].body.properties.logs) == 3
    error_message = "Reads, writes and deletes are logged."
  }
}

run "invalid_versioning_with_hns" {
  command = plan
  variables { is_hns_enabled = true }
  expect_failures = [var.versioning]
}

run "invalid_small_range" {
  command = plan
  variables { ip_rules = ["203.0.113.7/32"] }
  expect_failures = [var.ip_rules]
}

run "invalid_private_address" {
  command = plan
  variables { ip_rules = ["10.1.2.3"] }
  expect_failures = [var.ip_rules]
}

run "invalid_not_an_address" {
  command = plan
  variables { ip_rules = ["example.com"] }
  expect_failures = [var.ip_rules]
}

run "invalid_too_many_rules" {
  command = plan
  variables { ip_rules = [for n in range(401) : "203.${floor(n / 200)}.${n % 200}.1"] }
  expect_failures = [var.ip_rules]
}

run "invalid_name" {
  command = plan
  variables { name = "st-mlp" }
  expect_failures = [var.name]
}

run "invalid_sku" {
  command = plan
  variables { sku = "Premium_LRS" }
  expect_failures = [var.sku]
}

run "invalid_public_network_access" {
  command = plan
  variables { public_network_access = "enabled" }
  expect_failures = [var.public_network_access]
}

run "invalid_dfs_endpoint_alone" {
  command = plan
  variables {
    private_endpoints = { dfs = { name = "pep-dfs", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
  }
  expect_failures = [var.private_endpoints]
}

run "invalid_lifecycle_without_action" {
  command = plan
  variables { lifecycle_rules = { nothing = { prefixes = ["raw/"] } } }
  expect_failures = [var.lifecycle_rules]
}

run "invalid_container" {
  command = plan
  variables { containers = ["Raw"] }
  expect_failures = [var.containers]
}
