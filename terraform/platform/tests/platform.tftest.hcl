mock_provider "azapi" {}

mock_provider "azapi" {
  alias = "dns"
}

mock_provider "terraform" {
  source = "./tests/mocks"
}

run "plans" {
  command = plan

  assert {
    condition     = output.smoke_container_name == "smoke" && output.resource_group_name == "rg-mlp-dev"
    error_message = "The platform stands in the resource group that the bootstrap made."
  }

  assert {
    condition = toset(keys(output.private_endpoints)) == toset([
      "storage_blob",
      "storage_file",
      "storage_queue",
      "storage_table",
      "lake_blob",
      "lake_dfs",
      "pointer_storage_blob",
      "key_vault_vault",
      "container_registry_registry",
      "machine_learning_workspace_amlworkspace",
      "data_factory_dataFactory",
      "data_factory_portal",
    ])
    error_message = "Every service has its private endpoints."
  }

  assert {
    condition = toset(keys(output.data_factory_managed_private_endpoints)) == toset([
      "mpe-storage-blob",
      "mpe-pointers",
      "mpe-lake-blob",
      "mpe-lake-dfs",
      "mpe-key-vault",
      "mpe-workspace",
    ])
    error_message = "The factory reaches storage, lake, vault and workspace."
  }

  assert {
    condition     = alltrue([for key in keys(output.role_assignments) : !strcontains(key, "nobody")])
    error_message = "Probe nobody must have no role."
  }

  assert {
    condition = (
      output.role_assignments["factory_on_pointers"].role == "Storage Blob Data Reader" &&
      !anytrue([for key in keys(output.role_assignments) : startswith(key, "ci_")])
    )
    error_message = "The factory only reads pointers, and CI, which writes them, has its role from the bootstrap."
  }

  assert {
    condition     = !contains(keys(output.storage_containers), "ml-globals") && output.pointer_container_name == "ml-globals"
    error_message = "Pointers are not in the account that jobs and people write."
  }
}

run "groups_of_people" {
  command = plan

  variables {
    operator_group_ids       = ["00000000-0000-0000-0000-0000000000e1"]
    data_scientist_group_ids = ["00000000-0000-0000-0000-0000000000e2", "00000000-0000-0000-0000-0000000000e3"]
    data_engineer_group_ids  = ["00000000-0000-0000-0000-0000000000e4"]
  }

  assert {
    condition = (
      length([for key in keys(output.role_assignments) : key if startswith(key, "operators_")]) == 3 &&
      length([for key in keys(output.role_assignments) : key if startswith(key, "data_scientists_")]) == 10 &&
      length([for key in keys(output.role_assignments) : key if startswith(key, "data_engineers_")]) == 2
    )
    error_message = "Each group gets every row of its team."
  }

  assert {
    condition = (
      output.role_assignments["operators_${one(var.operator_group_ids)}_on_key_vault"].principal_id == one(var.operator_group_ids)
    )
    error_message = "The role goes to the group that was named."
  }
}

run "data_engineers_run_what_is_there" {
  command = plan

  variables {
    data_engineer_group_ids = ["00000000-0000-0000-0000-0000000000e4"]
  }

  assert {
    condition = (
      output.role_assignments["data_engineers_${one(var.data_engineer_group_ids)}_on_factory"].role == "data_factory_operator"
      && !contains([for a in output.role_assignments : a.role], "Data Factory Contributor")
    )
    error_message = "Where nothing says that they author, they run."
  }
}

run "data_engineers_author" {
  command = plan

  variables {
    data_engineer_group_ids = ["00000000-0000-0000-0000-0000000000e4"]
    data_engineers_author   = true
  }

  assert {
    condition = (
      output.role_assignments["data_engineers_${one(var.data_engineer_group_ids)}_on_factory"].role == "Data Factory Contributor"
    )
    error_message = "Whoever writes pipelines may change the factory."
  }
}

# Nobody changes the factory of an environment that names no group.
run "no_data_engineers" {
  command = plan

  assert {
    condition     = !contains([for a in output.role_assignments : a.role], "Data Factory Contributor")
    error_message = "Whoever changes the factory acts as it."
  }
}

run "invalid_data_engineer_group_id" {
  command = plan

  variables {
    data_engineer_group_ids = ["data-engineers"]
  }

  expect_failures = [var.data_engineer_group_ids]
}

run "other_environment_s_state" {
  command = plan

  variables {
    environment = "test"
  }

  expect_failures = [data.terraform_remote_state.bootstrap]
}

run "invalid_rules_on_closed_storage" {
  command = plan

  variables {
    public_network_access = {
      storage                    = "Disabled"
      key_vault                  = "Disabled"
      container_registry         = "Disabled"
      data_factory               = "Disabled"
      machine_learning_workspace = "Disabled"
    }
    storage = {
      sku             = "Standard_LRS"
      retention_days  = 7
      ip_rules        = ["203.0.113.7"]
      containers      = ["smoke", "adftrain"]
      lake_containers = ["raw", "curated"]
    }
  }

  expect_failures = [var.storage]
}

run "invalid_without_smoke_container" {
  command = plan

  variables {
    storage = {
      sku             = "Standard_LRS"
      retention_days  = 7
      containers      = ["adftrain"]
      lake_containers = ["raw", "curated"]
    }
  }

  expect_failures = [var.storage]
}

run "invalid_purge_protection_of_a_throw_away_vault" {
  command = plan

  variables {
    key_vault = { retention_days = 7, purge_protection = true }
  }

  expect_failures = [var.key_vault]
}

run "invalid_private_registry_without_builder" {
  command = plan

  variables {
    machine_learning = { computes = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 } } }
  }

  expect_failures = [var.machine_learning]
}

run "invalid_public_network_access" {
  command = plan

  variables {
    public_network_access = {
      storage                    = "yes"
      key_vault                  = "Disabled"
      container_registry         = "Disabled"
      data_factory               = "Disabled"
      machine_learning_workspace = "Disabled"
    }
  }

  expect_failures = [var.public_network_access]
}

run "invalid_network_without_endpoint_subnet" {
  command = plan

  variables {
    network = {
      address_space = "10.40.0.0/20"
      subnets       = { compute = { newbits = 4, netnum = 1 } }
    }
  }

  expect_failures = [var.network]
}

run "invalid_group_id" {
  command = plan

  variables {
    operator_group_ids = ["ops-team"]
  }

  expect_failures = [var.operator_group_ids]
}

run "invalid_data_scientist_group_id" {
  command = plan

  variables {
    data_scientist_group_ids = ["data-scientists"]
  }

  expect_failures = [var.data_scientist_group_ids]
}

run "invalid_location" {
  command = plan

  variables {
    location = "West Europe"
  }

  expect_failures = [var.location]
}

run "invalid_without_lake_container" {
  command = plan

  variables {
    storage = {
      sku             = "Standard_LRS"
      retention_days  = 7
      containers      = ["smoke", "adftrain"]
      lake_containers = ["raw"]
    }
  }

  expect_failures = [var.storage]
}
