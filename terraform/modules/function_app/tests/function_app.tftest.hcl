mock_provider "azapi" {
  override_resource {
    target = azapi_resource.this
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/func-mlp-dev" }
  }
  override_resource {
    target = azapi_resource.application_insights
    values = {
      id     = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/components/appi-func"
      output = { properties = { ConnectionString = "InstrumentationKey=i;IngestionEndpoint=https://x/" } }
    }
  }
}

variables {
  name                  = "func-mlp-dev"
  plan_name             = "asp-mlp-dev"
  parent_id             = "/subscriptions/s/resourceGroups/rg"
  location              = "westeurope"
  public_network_access = "Disabled"
  identity = {
    id        = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/func"
    client_id = "00000000-0000-0000-0000-0000000000c1"
  }
  storage   = { account_name = "st", blob_endpoint = "https://st.blob.core.windows.net/", container = "function-packages" }
  subnet_id = "/subscriptions/s/x/subnets/snet-functions"
}

run "host_storage_without_keys" {
  command = plan

  assert {
    condition = { for setting in azapi_resource.this.body.properties.siteConfig.appSettings : setting.name => setting.value } == {
      AzureWebJobsStorage__accountName = "st"
      AzureWebJobsStorage__credential  = "managedidentity"
      AzureWebJobsStorage__clientId    = "00000000-0000-0000-0000-0000000000c1"
    }
    error_message = "The host reaches its storage with its identity, and no setting holds a key."
  }

  assert {
    condition = (
      (
        azapi_resource.this.body.properties.functionAppConfig.deployment.storage.value ==
        "https://st.blob.core.windows.net/function-packages"
      ) &&
      azapi_resource.this.body.properties.functionAppConfig.deployment.storage.authentication.type == "UserAssignedIdentity"
    )
    error_message = "Packages come from the container, with the identity."
  }

  assert {
    condition     = azapi_resource.plan.body.sku.tier == "FlexConsumption"
    error_message = "Other serverless plans need a key for their file share."
  }
}

run "closed" {
  command = apply

  variables {
    private_endpoints = { sites = { name = "pep-func", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
    diagnostics       = { workspace_id = "/subscriptions/s/w" }
  }

  assert {
    condition = (
      azapi_resource.this.body.properties.publicNetworkAccess == "Disabled" &&
      azapi_resource.this.body.properties.httpsOnly &&
      azapi_resource.this.body.properties.siteConfig.ftpsState == "Disabled"
    )
    error_message = "The app is private."
  }

  assert {
    condition = (
      alltrue([for policy in azapi_update_resource.basic_publishing : !policy.body.properties.allow]) &&
      toset(keys(azapi_update_resource.basic_publishing)) == toset(["scm", "ftp"])
    )
    error_message = "Nobody publishes with a password."
  }

  assert {
    condition     = output.private_endpoints["sites"].fqdns == ["func-mlp-dev.azurewebsites.net", "func-mlp-dev.scm.azurewebsites.net"]
    error_message = "The app and its deployment site share the endpoint."
  }

  assert {
    condition     = module.diagnostic_setting.settings["this"].properties.logs[0].category == "FunctionAppLogs"
    error_message = "Logs go to the workspace."
  }
}

run "settings_are_added" {
  command = plan

  variables {
    settings = { MODEL_CONTAINER = "adftrain" }
  }

  assert {
    condition     = contains(azapi_resource.this.body.properties.siteConfig.appSettings, { name = "MODEL_CONTAINER", value = "adftrain" })
    error_message = "Settings of one's own stand beside the host's."
  }
}

run "invalid_name" {
  command = plan
  variables {
    name = "func-with-a-name-that-is-longer-than-the-host-id"
  }
  expect_failures = [var.name]
}

run "invalid_blob_endpoint" {
  command = plan
  variables {
    storage = { account_name = "st", blob_endpoint = "https://st.blob.core.windows.net", container = "function-packages" }
  }
  expect_failures = [var.storage]
}

run "invalid_subnet_name" {
  command = plan
  variables {
    subnet_id = "/subscriptions/s/x/subnets/snet_functions"
  }
  expect_failures = [var.subnet_id]
}

run "invalid_runtime" {
  command = plan
  variables {
    runtime = { name = "ruby", version = "3" }
  }
  expect_failures = [var.runtime]
}

run "invalid_memory" {
  command = plan
  variables {
    scale = { memory_mb = 1024 }
  }
  expect_failures = [var.scale]
}

run "invalid_instances" {
  command = plan
  variables {
    scale = { max_instances = 0 }
  }
  expect_failures = [var.scale]
}

run "invalid_host_storage_setting" {
  command = plan
  variables {
    settings = { AzureWebJobsStorage = "UseDevelopmentStorage=true" }
  }
  expect_failures = [var.settings]
}

run "invalid_setting_of_other_plans" {
  command = plan
  variables {
    settings = { FUNCTIONS_WORKER_RUNTIME = "python" }
  }
  expect_failures = [var.settings]
}

run "invalid_secret_in_settings" {
  command = plan
  variables {
    settings = { DATABASE = "Server=db;Password=hunter2" }
  }
  expect_failures = [var.settings]
}

run "invalid_public_network_access" {
  command = plan
  variables {
    public_network_access = "Allow"
  }
  expect_failures = [var.public_network_access]
}

run "invalid_group" {
  command = plan
  variables {
    private_endpoints = { scm = { name = "pep", subnet_id = "/subscriptions/s/x/subnets/pe", private_dns_zone_ids = [] } }
  }
  expect_failures = [var.private_endpoints]
}

run "no_telemetry_by_default" {
  command = plan

  assert {
    condition     = length(azapi_resource.application_insights) == 0 && output.application_insights_id == null
    error_message = "Telemetry is a choice."
  }
}

run "telemetry_without_a_key" {
  command = apply

  variables {
    application_insights = { name = "appi-func", workspace_id = "/subscriptions/s/log" }
  }

  assert {
    condition = (
      azapi_resource.application_insights[0].body.properties.DisableLocalAuth &&
      azapi_resource.application_insights[0].body.properties.WorkspaceResourceId == "/subscriptions/s/log"
    )
    error_message = "Nobody writes telemetry with a key."
  }

  assert {
    condition = contains([
      for setting in azapi_resource.this.body.properties.siteConfig.appSettings : setting.value
      if setting.name == "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
    ], "Authorization=AAD;ClientId=00000000-0000-0000-0000-0000000000c1")
    error_message = "The app signs in with its own identity."
  }
}

run "invalid_telemetry_among_the_settings" {
  command = plan

  variables {
    application_insights = { name = "appi-func", workspace_id = "/subscriptions/s/log" }
    settings             = { APPLICATIONINSIGHTS_CONNECTION_STRING = "InstrumentationKey=i" }
  }

  expect_failures = [var.settings]
}
