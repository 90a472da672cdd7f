mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Batch/batchAccounts/bamlpdev" }
  }
}

variables {
  name                  = "bamlpdev"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  public_network_access = "Disabled"
  identity_id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/batch"
  node_identity_id      = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
  storage_account_id    = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
  pool = {
    vm_size             = "Standard_D2s_v5"
    max_nodes           = 4
    task_slots_per_node = 2
    subnet_id           = "/subscriptions/s/x/subnets/batch"
  }
  private_endpoints = {
    batchAccount   = { name = "pep-batch", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
    nodeManagement = { name = "pep-nodes", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
  }
}

run "account_without_keys" {
  command = apply

  assert {
    condition = (
      !contains(azapi_resource.this.body.properties.allowedAuthenticationModes, "SharedKey") &&
      azapi_resource.this.body.properties.autoStorage.authenticationMode == "BatchAccountManagedIdentity"
    )
    error_message = "Neither the account nor its storage is reached with a key."
  }

  assert {
    condition = (
      azapi_resource.this.body.properties.publicNetworkAccess == "Disabled" &&
      !can(azapi_resource.this.body.properties.networkProfile)
    )
    error_message = "A closed account has no rules."
  }

  assert {
    condition = (
      azapi_resource.this.identity[0].identity_ids[0] == var.identity_id &&
      azapi_resource.pool.identity[0].identity_ids[0] == var.node_identity_id &&
      azapi_resource.this.body.properties.autoStorage.nodeIdentityReference.resourceId == var.node_identity_id
    )
    error_message = "The account and its nodes are two identities."
  }

  assert {
    condition = (
      tolist(output.private_endpoints["batchAccount"].fqdns) == tolist(["bamlpdev.westeurope.batch.azure.com"]) &&
      output.endpoint == "https://bamlpdev.westeurope.batch.azure.com"
    )
    error_message = "Wrong host names."
  }
}

run "pool_scales_from_zero_and_has_no_public_address" {
  command = plan

  assert {
    condition = strcontains(
      azapi_resource.pool.body.properties.scaleSettings.autoScale.formula,
      "$TargetDedicatedNodes = min(4, (tasks + 1) / 2);"
    )
    error_message = "The pool grows with waiting tasks, to four nodes of two slots."
  }

  assert {
    condition = (
      azapi_resource.pool.body.properties.networkConfiguration.publicIPAddressConfiguration.provision == "NoPublicIPAddresses" &&
      azapi_resource.pool.body.properties.targetNodeCommunicationMode == "Simplified"
    )
    error_message = "Nodes stand in the network only."
  }

  assert {
    condition = (
      azapi_resource.pool.body.properties.vmSize == "STANDARD_D2S_V5" &&
      azapi_resource.pool.body.properties.deploymentConfiguration.virtualMachineConfiguration.imageReference.offer == "ubuntu-hpc"
    )
    error_message = "Wrong machines."
  }
}

run "public_with_rules" {
  command = plan

  variables {
    public_network_access = "Enabled"
    ip_rules              = ["203.0.113.7"]
  }

  assert {
    condition = (
      azapi_resource.this.body.properties.networkProfile.accountAccess.defaultAction == "Deny" &&
      azapi_resource.this.body.properties.networkProfile.accountAccess.ipRules[0].value == "203.0.113.7"
    )
    error_message = "An open account answers only those whom a rule allows."
  }
}

run "diagnostics" {
  command = plan

  variables {
    diagnostics = { workspace_id = "/subscriptions/s/w" }
  }

  assert {
    condition     = module.diagnostic_setting.settings["this"].properties.workspaceId == "/subscriptions/s/w"
    error_message = "Logs go to the workspace."
  }
}

run "invalid_name" {
  command = plan
  variables {
    name = "ba-mlp"
  }
  expect_failures = [var.name]
}

run "invalid_node_count" {
  command = plan
  variables {
    pool = { vm_size = "Standard_D2s_v5", max_nodes = 0, subnet_id = "/subscriptions/s/x/subnets/batch" }
  }
  expect_failures = [var.pool]
}

run "invalid_pool_name" {
  command = plan
  variables {
    pool = { name = "cpu pool", vm_size = "Standard_D2s_v5", max_nodes = 1, subnet_id = "/subscriptions/s/x/subnets/batch" }
  }
  expect_failures = [var.pool]
}

run "invalid_slots" {
  command = plan
  variables {
    pool = { vm_size = "Standard_D2s_v5", max_nodes = 1, task_slots_per_node = 300, subnet_id = "/subscriptions/s/x/subnets/batch" }
  }
  expect_failures = [var.pool]
}

run "invalid_public_network_access" {
  command = plan
  variables {
    public_network_access = "SecuredByPerimeter"
  }
  expect_failures = [var.public_network_access]
}

run "invalid_rules_on_closed_account" {
  command = plan
  variables {
    ip_rules = ["203.0.113.7"]
  }
  expect_failures = [var.ip_rules]
}

run "invalid_without_node_management" {
  command = plan
  variables {
    private_endpoints = { batchAccount = { name = "pep-batch", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
  }
  expect_failures = [var.private_endpoints]
}

run "invalid_group" {
  command = plan
  variables {
    private_endpoints = {
      nodeManagement = { name = "pep-nodes", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
      vault          = { name = "pep-vault", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] }
    }
  }
  expect_failures = [var.private_endpoints]
}
