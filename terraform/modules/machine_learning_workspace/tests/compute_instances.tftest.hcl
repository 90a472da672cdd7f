mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw" }
  }
}

variables {
  name                         = "mlw-mlp-dev-12345"
  parent_id                    = "/subscriptions/s/resourceGroups/rg"
  location                     = "westeurope"
  identity_id                  = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ws"
  compute_identity_id          = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-compute"
  storage_account_id           = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
  key_vault_id                 = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
  application_insights_id      = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/components/appi"
  container_registry_id        = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/cr"
  public_network_access        = "Disabled"
  identity_role_assignment_ids = ["/subscriptions/s/resourceGroups/rg/providers/Microsoft.Authorization/roleAssignments/a"]
}

run "no_instance_and_no_address_by_default" {
  command = plan

  assert {
    condition = (
      length(azapi_resource.compute_instance) == 0 &&
      !can(azapi_resource.this.body.properties.ipAllowlist) &&
      endswith(azapi_resource.this.type, "@2026-05-01") &&
      azapi_resource.this.body.properties.serverlessComputeSettings.serverlessComputeNoPublicIP
    )
    error_message = "A stable api-version, and serverless compute without public addresses."
  }
}

run "machine_of_one_person" {
  command = plan

  variables {
    tenant_id = "00000000-0000-0000-0000-0000000000aa"
    compute_instances = {
      ci-anna = {
        vm_size        = "Standard_D2s_v5"
        user_object_id = "00000000-0000-4000-8000-000000000001"
        start          = "0 7 * * 1-5"
        stop           = "0 19 * * *"
      }
      ci-ben = { vm_size = "Standard_D2s_v5", user_object_id = "00000000-0000-4000-8000-000000000002", idle_minutes = 1590 }
    }
  }

  assert {
    condition = jsonencode(azapi_resource.compute_instance["ci-anna"].body.properties.properties) == jsonencode({
      applicationSharingPolicy         = "Personal"
      computeInstanceAuthorizationType = "personal"
      enableNodePublicIp               = false
      idleTimeBeforeShutdown           = "PT1H"
      personalComputeInstanceSettings = {
        assignedUser = { objectId = "00000000-0000-4000-8000-000000000001", tenantId = "00000000-0000-0000-0000-0000000000aa" }
      }
      schedules = {
        computeStartStop = [
          { action = "Start", cron = { expression = "0 7 * * 1-5", timeZone = "UTC" }, status = "Enabled", triggerType = "Cron" },
          { action = "Stop", cron = { expression = "0 19 * * *", timeZone = "UTC" }, status = "Enabled", triggerType = "Cron" },
        ]
      }
      sshSettings = { sshPublicAccess = "Disabled" }
      vmSize      = "Standard_D2s_v5"
    })
    error_message = "Nobody else's, without SSH and a public address, and off when it is not used."
  }

  assert {
    condition = (
      azapi_resource.compute_instance["ci-ben"].body.properties.properties.idleTimeBeforeShutdown == "P1DT2H30M" &&
      length(azapi_resource.compute_instance["ci-ben"].body.properties.properties.schedules.computeStartStop) == 0
    )
    error_message = "A duration is written as Azure hands it back."
  }
}

run "addresses_that_reach_the_workspace" {
  command = plan

  variables {
    public_network_access = "Enabled"
    ip_allowlist          = ["203.0.113.0/24", "198.51.100.20"]
  }

  assert {
    condition = (
      jsonencode(azapi_resource.this.body.properties.ipAllowlist) == jsonencode(["198.51.100.20", "203.0.113.0/24"]) &&
      endswith(azapi_resource.this.type, "-preview")
    )
    error_message = "Stable api-versions do not have the list."
  }
}

run "no_serverless_settings_without_a_managed_network" {
  command = plan

  variables {
    isolation_mode = "Disabled"
  }

  assert {
    condition     = !can(azapi_resource.this.body.properties.serverlessComputeSettings)
    error_message = "Without a network, compute without a public address would need a subnet."
  }
}

run "invalid_tenant" {
  command = plan

  variables {
    compute_instances = {
      ci-anna = { vm_size = "Standard_D2s_v5", user_object_id = "00000000-0000-4000-8000-000000000001" }
    }
  }

  expect_failures = [var.tenant_id]
}

run "invalid_instance_name" {
  command = plan

  variables {
    tenant_id         = "00000000-0000-0000-0000-0000000000aa"
    compute_instances = { ci-1 = { vm_size = "Standard_D2s_v5", user_object_id = "00000000-0000-4000-8000-000000000001" } }
  }

  expect_failures = [var.compute_instances]
}

run "invalid_instance_user" {
  command = plan

  variables {
    tenant_id = "00000000-0000-0000-0000-0000000000aa"
    compute_instances = {
      ci-anna = { vm_size = "Standard_D2s_v5", user_object_id = "anna" }
    }
  }

  expect_failures = [var.compute_instances]
}

run "invalid_instance_idle" {
  command = plan

  variables {
    tenant_id = "00000000-0000-0000-0000-0000000000aa"
    compute_instances = {
      ci-anna = { vm_size = "Standard_D2s_v5", user_object_id = "00000000-0000-4000-8000-000000000001", idle_minutes = 5 }
    }
  }

  expect_failures = [var.compute_instances]
}

run "invalid_instance_cron" {
  command = plan

  variables {
    tenant_id = "00000000-0000-0000-0000-0000000000aa"
    compute_instances = {
      ci-anna = { vm_size = "Standard_D2s_v5", user_object_id = "00000000-0000-4000-8000-000000000001", stop = "19:00" }
    }
  }

  expect_failures = [var.compute_instances]
}

run "invalid_instance_without_a_network" {
  command = plan

  variables {
    tenant_id      = "00000000-0000-0000-0000-0000000000aa"
    isolation_mode = "Disabled"
    compute_instances = {
      ci-anna = { vm_size = "Standard_D2s_v5", user_object_id = "00000000-0000-4000-8000-000000000001" }
    }
  }

  expect_failures = [var.compute_instances]
}

run "invalid_allowlist_of_a_closed_workspace" {
  command = plan

  variables {
    ip_allowlist = ["203.0.113.7"]
  }

  expect_failures = [var.ip_allowlist]
}

run "invalid_private_address" {
  command = plan

  variables {
    public_network_access = "Enabled"
    ip_allowlist          = ["10.0.0.4"]
  }

  expect_failures = [var.ip_allowlist]
}
