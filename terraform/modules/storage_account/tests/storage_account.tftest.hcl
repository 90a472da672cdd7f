mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st" }
  }
  override_resource {
    target = module.private_endpoint.azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe" }
  }
}

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
    condition = (
      azapi_update_resource.blob_service.body.properties.isVersioningEnabled &&
      azapi_update_resource.blob_service.body.properties.deleteRetentionPolicy.days == 7
    )
    error_message = "Versioning and soft delete are on."
  }

  assert {
    condition     = length(azapi_resource.lifecycle) + length(module.diagnostic_setting.settings) + length(module.private_endpoint) == 0
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
    condition = (
      azapi_resource.this.body.properties.isHnsEnabled &&
      !can(azapi_update_resource.blob_service.body.properties.isVersioningEnabled)
    )
    error_message = "An account with a hierarchical namespace must not mention versioning."
  }
}

run "nothing_is_left_as_it_was" {
  command = plan

  assert {
    condition = (
      azapi_update_resource.blob_service.body.properties.restorePolicy.enabled == false &&
      azapi_update_resource.blob_service.body.properties.changeFeed.enabled == false &&
      length(azapi_update_resource.file_service) == 0
    )
    error_message = "What is off is said to be off: an update keeps what it does not name."
  }
}

run "point_in_time_restore" {
  command = plan

  variables {
    restore_days = 6
  }

  assert {
    condition = (
      jsonencode(azapi_update_resource.blob_service.body.properties.restorePolicy) == jsonencode({ enabled = true, days = 6 }) &&
      azapi_update_resource.blob_service.body.properties.changeFeed.enabled
    )
    error_message = "A restore needs the change feed."
  }
}

run "file_shares" {
  command = plan

  variables {
    file_shares = true
    diagnostics = { workspace_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.OperationalInsights/workspaces/log" }
  }

  assert {
    condition = (
      azapi_update_resource.file_service[0].body.properties.shareDeleteRetentionPolicy.days == 7 &&
      toset(keys(module.diagnostic_setting.settings)) == toset(["blob", "file"])
    )
    error_message = "File shares are kept when deleted, and watched."
  }
}

run "resource_access_rules" {
  command = plan

  variables {
    resource_access_rules = { "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf" = "t" }
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.networkAcls.resourceAccessRules) == jsonencode([
      { resourceId = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf", tenantId = "t" },
    ])
    error_message = "The factory passes the firewall."
  }
}

run "versions_expire" {
  command = plan

  variables {
    lifecycle_rules = { versions = { prefixes = ["ml-globals/"], delete_versions_after = 30 } }
  }

  assert {
    condition = jsonencode(azapi_resource.lifecycle[0].body.properties.policy.rules[0].definition.actions) == jsonencode(
      { version = { delete = { daysAfterCreationGreaterThan = 30 } } }
    )
    error_message = "A rule about versions leaves the blobs themselves alone."
  }
}

run "geo_redundant_in_a_paired_region" {
  command = plan

  variables {
    sku = "Standard_RAGZRS"
  }

  assert {
    condition     = local.region_pairs[var.location] == "northeurope" && azapi_resource.this.body.sku.name == "Standard_RAGZRS"
    error_message = "West Europe replicates to North Europe."
  }
}

run "invalid_region_without_pair" {
  command = plan
  variables {
    sku      = "Standard_GRS"
    location = "polandcentral"
  }
  expect_failures = [var.sku]
}

run "zone_redundant_in_a_region_without_pair" {
  command = plan
  variables {
    sku      = "Standard_ZRS"
    location = "polandcentral"
  }
  assert {
    condition     = azapi_resource.this.body.sku.name == "Standard_ZRS"
    error_message = "Zones are no matter of pairs."
  }
}

run "invalid_restore_beyond_retention" {
  command = plan
  variables {
    restore_days = 7
  }
  expect_failures = [var.restore_days]
}

run "invalid_restore_without_versions" {
  command = plan
  variables {
    restore_days = 6
    versioning   = false
  }
  expect_failures = [var.restore_days]
}

run "invalid_resource_access_rule" {
  command = plan
  variables {
    resource_access_rules = { adf = "t" }
  }
  expect_failures = [var.resource_access_rules]
}

run "invalid_too_many_resource_access_rules" {
  command = plan
  variables {
    resource_access_rules = {
      for i in range(201) :
      "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf${i}" => "t"
    }
  }
  expect_failures = [var.resource_access_rules]
}

run "invalid_lifecycle_of_versions_without_versioning" {
  command = plan
  variables {
    versioning      = false
    lifecycle_rules = { versions = { prefixes = ["ml-globals/"], delete_versions_after = 30 } }
  }
  expect_failures = [var.lifecycle_rules]
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
      blob = {
        name                 = "pep-blob"
        subnet_id            = "/subscriptions/s/x/subnets/pe"
        private_dns_zone_ids = ["/subscriptions/s/x/privateDnsZones/privatelink.blob.core.windows.net"]
      }
    }
  }

  assert {
    condition = (
      toset(keys(azapi_resource.container)) == toset(["raw", "curated"]) &&
      azapi_resource.container["raw"].body.properties.publicAccess == "None"
    )
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
    condition     = length(module.diagnostic_setting.settings["blob"].properties.logs) == 3
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

run "invalid_range_of_two" {
  command = plan
  variables { ip_rules = ["203.0.113.6/31"] }
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

run "invalid_retention" {
  command = plan

  variables {
    retention_days = 0
  }

  expect_failures = [var.retention_days]
}

run "invalid_bypass" {
  command = plan

  variables {
    bypass = "Logging"
  }

  expect_failures = [var.bypass]
}
