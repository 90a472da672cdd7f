mock_provider "azapi" {}

mock_provider "azapi" {
  alias = "dns"
}

override_data {
  target = data.terraform_remote_state.bootstrap
  values = {
    outputs = {
      environment                  = "dev"
      platform_resource_group_id   = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-mlp-dev"
      platform_resource_group_name = "rg-mlp-dev"
      federation                   = null
      operator                     = { principal_id = "00000000-0000-0000-0000-0000000000b1", principal_type = "Group" }
      ci_identity                  = { id = "ci", client_id = "ci", principal_id = "00000000-0000-0000-0000-0000000000c1" }
      custom_roles                 = { private_endpoint_approver = "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/roleDefinitions/00000000-0000-0000-0000-0000000000e1" }
      delegated_role_ids           = null
      probe_identities = {
        reader = { id = "reader", client_id = "reader", principal_id = "00000000-0000-0000-0000-0000000000d1" }
        writer = { id = "writer", client_id = "writer", principal_id = "00000000-0000-0000-0000-0000000000d2" }
        nobody = { id = "nobody", client_id = "nobody", principal_id = "00000000-0000-0000-0000-0000000000d3" }
      }
    }
  }
}

variables {
  environment     = "dev"
  location        = "westeurope"
  tenant_id       = "00000000-0000-0000-0000-0000000000aa"
  subscription_id = "00000000-0000-0000-0000-000000000001"
  workload        = "mlp"
  state = {
    resource_group_name  = "rg-state"
    storage_account_name = "sttfmlpdev"
    container_name       = "tfstate"
    tenant_id            = "00000000-0000-0000-0000-0000000000aa"
    subscription_id      = "00000000-0000-0000-0000-000000000001"
  }
  public_network_access = {
    storage                    = "Enabled"
    key_vault                  = "Disabled"
    container_registry         = "Disabled"
    data_factory               = "Disabled"
    machine_learning_workspace = "Disabled"
  }
  storage = {
    sku             = "Standard_LRS"
    retention_days  = 7
    containers      = ["ml-globals", "smoke", "adftrain"]
    lake_containers = ["raw", "curated"]
  }
  key_vault  = { retention_days = 7, purge_protection = false }
  monitoring = { retention_days = 30 }
  network = {
    address_space = "10.40.0.0/20"
    subnets       = { private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true } }
  }
  machine_learning = {
    image_build_compute = "cpu-cluster"
    computes            = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 } }
  }
}


run "without_budget_and_locks" {
  command = plan

  assert {
    condition     = output.budget_id == null && length(output.locks) == 0 && toset(keys(output.metric_alerts)) == toset(["failed-pipelines", "failed-triggers", "failed-jobs", "unusable-nodes"])
    error_message = "Alerts are everywhere; a budget and locks are the environment's choice."
  }
}

run "budget_and_locks" {
  command = plan

  variables {
    budget = { amount = 500 }
    locks  = true
  }

  assert {
    condition     = toset(keys(output.locks)) == toset(["storage", "lake", "key_vault", "container_registry"])
    error_message = "What cannot be made again from code is locked."
  }
}

run "point_in_time_restore_and_resource_rules" {
  command = plan

  variables {
    storage = {
      sku                   = "Standard_RAGZRS"
      retention_days        = 30
      restore_days          = 29
      resource_access_rules = ["/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.DataFactory/factories/other"]
      containers            = ["ml-globals", "smoke", "adftrain"]
      lake_containers       = ["raw", "curated"]
    }
  }

  assert {
    condition     = output.storage_account_name == local.names.storage_account
    error_message = "The storage account takes what the environment's data says."
  }
}

run "every_name_can_be_overridden" {
  command = plan

  variables {
    name_overrides = {
      storage_account = "stours"
      key_vault       = "kv-ours"
      alert           = "ours"
    }
  }

  assert {
    condition     = output.storage_account_name == "stours" && output.key_vault_name == "kv-ours"
    error_message = "The override was ignored."
  }
}

run "own_environments_and_outbound_rules" {
  command = plan

  variables {
    machine_learning = {
      isolation_mode        = "AllowOnlyApprovedOutbound"
      accept_firewall_cost  = true
      firewall_sku          = "Basic"
      outbound_fqdns        = { pypi = "pypi.org" }
      outbound_service_tags = { monitor = { tag = "AzureMonitor" } }
      image_build_compute   = "cpu-cluster"
      computes              = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 } }
    }
    machine_learning_environments = { train = { image = "mcr.microsoft.com/azureml/minimal-ubuntu22.04" } }
  }

  assert {
    condition     = keys(output.machine_learning_environments) == ["train"]
    error_message = "Pipelines find the environment among the outputs."
  }
}
