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

run "identity_based_and_managed_network" {
  command = plan

  assert {
    condition = (
      azapi_resource.this.body.properties.systemDatastoresAuthMode == "Identity" &&
      azapi_resource.this.body.properties.v1LegacyMode == false
    )
    error_message = "The workspace must not want the storage account's keys."
  }

  assert {
    condition = (
      jsonencode(azapi_resource.this.body.properties.managedNetwork) == jsonencode(
        { isolationMode = "AllowInternetOutbound", outboundRules = {} }
      ) &&
      azapi_resource.this.body.properties.provisionNetworkNow
    )
    error_message = "The managed network is made with the workspace, and without a firewall."
  }

  assert {
    condition     = azapi_resource.this.ignore_casing
    error_message = "Azure answers the vault's id in other case, and every plan would have an update of the workspace."
  }

  assert {
    condition     = !can(azapi_resource.this.body.properties.imageBuildCompute)
    error_message = "No cluster builds images."
  }
}

run "approved_outbound_only" {
  command = plan

  variables {
    isolation_mode = "AllowOnlyApprovedOutbound"
    outbound_private_endpoints = {
      lake-dfs = { resource_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/dls", group_id = "dfs" }
    }
  }

  assert {
    condition     = azapi_resource.this.body.properties.managedNetwork.firewallSku == "Standard"
    error_message = "Approved outbound needs a firewall."
  }

  assert {
    condition     = azapi_resource.this.body.properties.managedNetwork.outboundRules["lake-dfs"].destination.subresourceTarget == "dfs"
    error_message = "The rule must name the group."
  }
}

run "outbound_rules_by_name_and_tag" {
  command = plan

  variables {
    isolation_mode        = "AllowOnlyApprovedOutbound"
    accept_firewall_cost  = true
    firewall_sku          = "Basic"
    outbound_fqdns        = { pypi = "pypi.org", pypi-files = "*.pythonhosted.org" }
    outbound_service_tags = { monitor = { tag = "AzureMonitor" } }
  }

  assert {
    condition = (
      azapi_resource.this.body.properties.managedNetwork.firewallSku == "Basic" &&
      keys(azapi_resource.this.body.properties.managedNetwork.outboundRules) == ["monitor", "pypi", "pypi-files"]
    )
    error_message = "Every rule is part of the managed network."
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.managedNetwork.outboundRules["pypi"]) == jsonencode(
      { type = "FQDN", category = "UserDefined", destination = "pypi.org" }
    )
    error_message = "A rule by host name."
  }

  assert {
    condition = jsonencode(azapi_resource.this.body.properties.managedNetwork.outboundRules["monitor"].destination) == jsonencode(
      { action = "Allow", serviceTag = "AzureMonitor", protocol = "TCP", portRanges = "443" }
    )
    error_message = "A rule by service tag."
  }
}

run "environments" {
  command = plan

  variables {
    environments = {
      train = {
        image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
        conda = { dependencies = ["python=3.11"], pip = ["mlflow-skinny"] }
      }
      plain = { image = "mcr.microsoft.com/azureml/minimal-ubuntu22.04" }
    }
  }

  assert {
    condition = yamldecode(azapi_resource_action.environment_version["train"].body.properties.condaFile) == {
      name         = "train"
      channels     = ["conda-forge"]
      dependencies = ["python=3.11", "pip", { pip = ["mlflow-skinny"] }]
    }
    error_message = "Conda installs pip's packages, too."
  }

  assert {
    condition = (
      !can(azapi_resource_action.environment_version["plain"].body.properties.condaFile) &&
      can(regex("^[0-9a-f]{12}$", local.environment_version_names["plain"]))
    )
    error_message = "An image alone is an environment."
  }

  assert {
    condition = alltrue([
      for action in concat(values(azapi_resource_action.environment), values(azapi_resource_action.environment_version)) :
      action.method == "PUT" && action.when == "apply"
    ])
    error_message = "Nothing is deleted: Azure refuses that, and lineage leads there."
  }
}

run "other_content_is_another_version" {
  command = plan

  variables {
    environments = {
      train = {
        image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
        conda = { dependencies = ["python=3.12"], pip = ["mlflow-skinny"] }
      }
    }
  }

  assert {
    condition = local.environment_version_names["train"] != substr(sha256(jsonencode({
      image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
      conda = yamlencode({
        name         = "train"
        channels     = ["conda-forge"]
        dependencies = ["python=3.11", "pip", { pip = ["mlflow-skinny"] }]
      })
    })), 0, 12)
    error_message = "A version cannot be changed once it is there."
  }
}

run "without_managed_network" {
  command = plan

  variables {
    isolation_mode = "Disabled"
  }

  assert {
    condition = (
      !can(azapi_resource.this.body.properties.provisionNetworkNow) &&
      jsonencode(azapi_resource.this.body.properties.managedNetwork) == jsonencode({ isolationMode = "Disabled" })
    )
    error_message = "There is no network to provision."
  }
}

run "clusters_scale_to_zero" {
  command = plan

  variables {
    computes            = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 4 } }
    image_build_compute = "cpu-cluster"
  }

  assert {
    condition = jsonencode(azapi_resource.compute["cpu-cluster"].body.properties.properties.scaleSettings) == jsonencode(
      { minNodeCount = 0, maxNodeCount = 4, nodeIdleTimeBeforeScaleDown = "PT2M" }
    )
    error_message = "A cluster costs nothing while nothing runs."
  }

  assert {
    condition = (
      azapi_resource.compute["cpu-cluster"].body.properties.properties.enableNodePublicIp == false &&
      azapi_resource.compute["cpu-cluster"].body.properties.disableLocalAuth
    )
    error_message = "Nodes have neither a public address nor local accounts."
  }

  assert {
    condition     = azapi_resource.this.body.properties.imageBuildCompute == "cpu-cluster"
    error_message = "The cluster builds images."
  }
}

run "datastores" {
  command = plan

  variables {
    datastores = {
      blob = { kind = "AzureBlob", account_name = "st", container = "data" }
      lake = { kind = "AzureDataLakeGen2", account_name = "dls", container = "raw" }
    }
  }

  assert {
    condition = (
      azapi_resource.datastore["blob"].body.properties.containerName == "data" &&
      !can(azapi_resource.datastore["blob"].body.properties.filesystem)
    )
    error_message = "A blob datastore names its container."
  }

  assert {
    condition = (
      azapi_resource.datastore["lake"].body.properties.filesystem == "raw" &&
      azapi_resource.datastore["lake"].body.properties.credentials.credentialsType == "None"
    )
    error_message = "A lake datastore names its file system, and neither holds a credential."
  }
}

run "invalid_cluster_name" {
  command = plan
  variables {
    computes = { cpu-1 = { vm_size = "Standard_D4s_v5", max_nodes = 4 } }
  }
  expect_failures = [var.computes]
}

run "invalid_image_build_compute" {
  command = plan
  variables {
    image_build_compute = "cpu-cluster"
  }
  expect_failures = [var.image_build_compute]
}

run "invalid_rules_without_network" {
  command = plan
  variables {
    isolation_mode             = "Disabled"
    outbound_private_endpoints = { x = { resource_id = "/subscriptions/s", group_id = "blob" } }
  }
  expect_failures = [var.outbound_private_endpoints]
}

run "invalid_isolation_mode" {
  command = plan
  variables {
    isolation_mode = "Open"
  }
  expect_failures = [var.isolation_mode]
}

run "invalid_datastore_kind" {
  command = plan
  variables {
    datastores = { files = { kind = "AzureFile", account_name = "st", container = "x" } }
  }
  expect_failures = [var.datastores]
}

run "invalid_without_roles" {
  command = plan
  variables {
    identity_role_assignment_ids = []
  }
  expect_failures = [azapi_resource.this]
}

run "invalid_fqdn_without_acceptance" {
  command = plan
  variables {
    isolation_mode = "AllowOnlyApprovedOutbound"
    outbound_fqdns = { pypi = "pypi.org" }
  }
  expect_failures = [var.outbound_fqdns]
}

run "invalid_fqdn_in_another_mode" {
  command = plan
  variables {
    accept_firewall_cost = true
    outbound_fqdns       = { pypi = "pypi.org" }
  }
  expect_failures = [var.outbound_fqdns]
}

run "invalid_fqdn_with_scheme" {
  command = plan
  variables {
    isolation_mode       = "AllowOnlyApprovedOutbound"
    accept_firewall_cost = true
    outbound_fqdns       = { pypi = "https://pypi.org/" }
  }
  expect_failures = [var.outbound_fqdns]
}

run "invalid_fqdn_of_storage" {
  command = plan
  variables {
    isolation_mode       = "AllowOnlyApprovedOutbound"
    accept_firewall_cost = true
    outbound_fqdns       = { data = "stdata.blob.core.windows.net" }
  }
  expect_failures = [var.outbound_fqdns]
}

run "invalid_service_tag_in_another_mode" {
  command = plan
  variables {
    outbound_service_tags = { monitor = { tag = "AzureMonitor" } }
  }
  expect_failures = [var.outbound_service_tags]
}

run "invalid_service_tag_protocol" {
  command = plan
  variables {
    isolation_mode        = "AllowOnlyApprovedOutbound"
    outbound_service_tags = { monitor = { tag = "AzureMonitor", protocol = "https" } }
  }
  expect_failures = [var.outbound_service_tags]
}

run "invalid_rule_name_twice" {
  command = plan
  variables {
    isolation_mode = "AllowOnlyApprovedOutbound"
    outbound_private_endpoints = {
      monitor = { resource_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/dls", group_id = "dfs" }
    }
    outbound_service_tags = { monitor = { tag = "AzureMonitor" } }
  }
  expect_failures = [var.outbound_service_tags]
}

run "invalid_firewall_sku" {
  command = plan
  variables {
    firewall_sku = "Premium"
  }
  expect_failures = [var.firewall_sku]
}

run "invalid_environment_name" {
  command = plan
  variables {
    environments = { "my env" = { image = "mcr.microsoft.com/azureml/minimal-ubuntu22.04" } }
  }
  expect_failures = [var.environments]
}

run "invalid_environment_called_as_a_curated_one" {
  command = plan
  variables {
    environments = { AzureML-ours = { image = "mcr.microsoft.com/azureml/minimal-ubuntu22.04" } }
  }
  expect_failures = [var.environments]
}

run "invalid_environment_image" {
  command = plan
  variables {
    environments = { train = { image = "ubuntu" } }
  }
  expect_failures = [var.environments]
}

run "invalid_environment_without_python" {
  command = plan
  variables {
    environments = { train = { image = "mcr.microsoft.com/azureml/minimal-ubuntu22.04", conda = { dependencies = ["numpy"] } } }
  }
  expect_failures = [var.environments]
}

run "invalid_priority" {
  command = plan
  variables {
    computes = { cpu-cluster = { vm_size = "Standard_D2s_v5", max_nodes = 1, priority = "Spot" } }
  }
  expect_failures = [var.computes]
}

run "invalid_max_nodes" {
  command = plan
  variables {
    computes = { cpu-cluster = { vm_size = "Standard_D2s_v5", max_nodes = 0 } }
  }
  expect_failures = [var.computes]
}

run "durations_as_azure_writes_them" {
  command = plan

  variables {
    computes = {
      for name, seconds in { cpu-a = 120, cpu-b = 90, cpu-c = 3600, cpu-d = 3661, cpu-e = 86400, cpu-f = 90061, cpu-g = 45 } :
      name => { vm_size = "Standard_D4s_v5", max_nodes = 1, idle_seconds = seconds }
    }
  }

  assert {
    condition = [
      for compute in azapi_resource.compute : compute.body.properties.properties.scaleSettings.nodeIdleTimeBeforeScaleDown
    ] == ["PT2M", "PT1M30S", "PT1H", "PT1H1M1S", "P1D", "P1DT1H1M1S", "PT45S"]
    error_message = "Another form of the same duration is a change in every plan."
  }
}

run "invalid_idle_time" {
  command = plan

  variables {
    computes = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 1, idle_seconds = 0.5 } }
  }

  expect_failures = [var.computes]
}

run "invalid_name" {
  command = plan

  variables {
    name = "-mlw"
  }

  expect_failures = [var.name]
}

run "invalid_datastore_name" {
  command = plan

  variables {
    datastores = { "a-b" = { kind = "AzureBlob", account_name = "st", container = "x" } }
  }

  expect_failures = [var.datastores]
}

run "invalid_public_network_access" {
  command = plan

  variables {
    public_network_access = "Sometimes"
  }

  expect_failures = [var.public_network_access]
}

run "invalid_group" {
  command = plan

  variables {
    private_endpoints = { blob = { name = "pe", subnet_id = "/subscriptions/s/x", private_dns_zone_ids = [] } }
  }

  expect_failures = [var.private_endpoints]
}
