mock_provider "azapi" {}

mock_provider "azapi" {
  alias = "dns"
}

mock_provider "terraform" {
  source = "./tests/mocks"
}

run "without_budget_and_locks" {
  command = plan

  assert {
    condition = (
      output.budget_id == null &&
      length(output.locks) == 0 &&
      toset(keys(output.metric_alerts)) == toset(["failed-pipelines", "failed-triggers", "failed-jobs", "unusable-nodes"])
    )
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
    condition     = toset(keys(output.locks)) == toset(["storage", "lake", "pointer_storage", "key_vault", "container_registry"])
    error_message = "What cannot be made again from code is locked."
  }
}

run "point_in_time_restore_and_resource_rules" {
  command = plan

  variables {
    storage = {
      sku            = "Standard_RAGZRS"
      retention_days = 30
      restore_days   = 29
      resource_access_rules = [
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.DataFactory/factories/other",
      ]
      containers      = ["smoke", "adftrain"]
      lake_containers = ["raw", "curated"]
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

run "alerts_and_budget_reach_a_group_that_stands" {
  command = plan

  variables {
    alert_receiver_required = true
    budget                  = { amount = 100 }
    monitoring = {
      retention_days   = 30
      action_group_ids = ["/subscriptions/s/resourceGroups/oncall/providers/Microsoft.Insights/actionGroups/oncall"]
    }
  }

  assert {
    condition     = length(local.action_group_ids) == 2 && output.features.receivers
    error_message = "Those on call are told beside the platform's own group."
  }
}

run "nobody_to_tell_in_the_sandbox" {
  command = plan

  assert {
    condition     = !output.features.receivers
    error_message = "A platform that nobody is told of says so."
  }
}

run "invalid_alerts_to_nobody" {
  command = plan

  variables {
    alert_receiver_required = true
  }

  expect_failures = [var.monitoring]
}

run "invalid_action_group" {
  command = plan

  variables {
    monitoring = { retention_days = 30, action_group_ids = ["oncall"] }
  }

  expect_failures = [var.monitoring]
}
