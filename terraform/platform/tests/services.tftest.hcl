mock_provider "azapi" {}

mock_provider "azapi" {
  alias = "dns"
}

mock_provider "terraform" {
  source = "./tests/mocks"
}

variables {
  network = {
    address_space = "10.40.0.0/20"
    subnets = {
      private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
      batch             = { newbits = 4, netnum = 2 }
      functions         = { newbits = 4, netnum = 3, delegation = "Microsoft.App/environments" }
    }
  }
}

run "without_batch_and_function_app" {
  command = plan

  assert {
    condition = (
      length(module.batch_account) == 0 &&
      length(module.function_app) == 0 &&
      output.batch_account_name == null &&
      output.function_app_name == null
    )
    error_message = "Neither is there unless the environment asks for it."
  }

  assert {
    condition = (
      !contains(keys(output.data_factory_pipelines), "batch-train-score") &&
      contains(keys(output.data_factory_pipelines), "train-and-deploy")
    )
    error_message = "Without Batch there is no pipeline that needs it."
  }

  assert {
    condition = length(
      setintersection(keys(output.private_dns_zones), ["privatelink.batch.azure.com", "privatelink.azurewebsites.net"])
    ) == 0
    error_message = "There is no zone for what is not there."
  }
}

run "with_batch_and_function_app" {
  command = plan

  variables {
    batch        = { vm_size = "Standard_D2s_v5", max_nodes = 2 }
    function_app = {}
  }

  assert {
    condition = (
      length(setsubtract(["batch_batchAccount", "batch_nodeManagement"], keys(output.private_endpoints))) == 0 &&
      length(setsubtract(["function_sites", "function_storage_blob"], keys(output.private_endpoints))) == 0 &&
      length(setsubtract(["privatelink.batch.azure.com", "privatelink.azurewebsites.net"], keys(output.private_dns_zones))) == 0
    )
    error_message = "Both have private endpoints, with zones."
  }

  assert {
    condition = (
      contains(keys(output.data_factory_managed_private_endpoints), "mpe-batch") &&
      contains(keys(output.data_factory_pipelines), "batch-train-score")
    )
    error_message = "The factory reaches Batch."
  }

  assert {
    condition = (
      output.role_assignments["batch_nodes_on_adftrain"].role == "Storage Blob Data Contributor" &&
      output.role_assignments["factory_on_batch"].role == "Azure Batch Job Submitter" &&
      output.role_assignments["function_on_storage"].role == "Storage Blob Data Owner"
    )
    error_message = "Each identity gets what it needs."
  }

  assert {
    condition = alltrue([
      for key in keys(output.role_assignments) :
      !startswith(key, "batch_nodes_on_") || contains(["batch_nodes_on_adftrain", "batch_nodes_on_adfjobs"], key)
    ])
    error_message = "Tasks touch their own containers only."
  }

  assert {
    condition = (
      length(setsubtract(["adfjobs"], keys(output.storage_containers))) == 0 &&
      keys(output.function_storage_containers) == ["function-packages"] &&
      length(setsubtract(["batch", "batch-nodes", "function"], keys(output.identities))) == 0
    )
    error_message = "Their containers and identities are there."
  }
}

run "triggers_by_environment_data" {
  command = plan

  variables {
    pipelines = {
      triggers_started = true
      schedules        = { daily = { pipeline = "train-and-deploy", hours = [4] } }
      blob_events = {
        incoming = { pipeline = "training", account = "lake", container = "raw", parameters = { code_asset_version = "1" } }
      }
    }
  }

  assert {
    condition = (
      alltrue([for trigger in output.data_factory_triggers : trigger.started]) &&
      output.data_factory_triggers["incoming"].type == "BlobEventsTrigger"
    )
    error_message = "The environment has its triggers started."
  }
}

run "git_on_a_development_factory" {
  command = plan

  variables {
    development  = true
    data_factory = { git_configuration = { account_name = "example-org", repository_name = "ml-platform" } }
  }

  assert {
    condition     = var.data_factory.git_configuration.collaboration_branch == "main"
    error_message = "Drafts go to the main branch unless somebody says otherwise."
  }
}

run "invalid_git_outside_development" {
  command = plan

  variables {
    data_factory = { git_configuration = { account_name = "example-org", repository_name = "ml-platform" } }
  }

  expect_failures = [var.data_factory]
}

run "invalid_compute_of_pipelines" {
  command = plan

  variables {
    pipelines = { compute = "gpu-cluster" }
  }

  expect_failures = [var.pipelines]
}

run "invalid_environment_of_pipelines" {
  command = plan

  variables {
    pipelines = { environment = "sklearn" }
  }

  expect_failures = [var.pipelines]
}

run "invalid_account_of_a_blob_event" {
  command = plan

  variables {
    pipelines = { blob_events = { incoming = { pipeline = "training", account = "archive", container = "raw" } } }
  }

  expect_failures = [var.pipelines]
}

run "invalid_container_of_a_blob_event" {
  command = plan

  variables {
    pipelines = { blob_events = { incoming = { pipeline = "training", container = "raw" } } }
  }

  expect_failures = [var.pipelines]
}

run "invalid_batch_without_subnet" {
  command = plan

  variables {
    batch = { vm_size = "Standard_D2s_v5", max_nodes = 2 }
    network = {
      address_space = "10.40.0.0/20"
      subnets       = { private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true } }
    }
  }

  expect_failures = [var.batch]
}

run "invalid_batch_in_a_delegated_subnet" {
  command = plan

  variables {
    batch = { vm_size = "Standard_D2s_v5", max_nodes = 2 }
    network = {
      address_space = "10.40.0.0/20"
      subnets = {
        private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
        batch             = { newbits = 4, netnum = 1, delegation = "Microsoft.App/environments" }
      }
    }
  }

  expect_failures = [var.batch]
}

run "invalid_function_app_without_subnet" {
  command = plan

  variables {
    function_app = {}
    network = {
      address_space = "10.40.0.0/20"
      subnets       = { private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true } }
    }
  }

  expect_failures = [var.function_app]
}

run "invalid_function_app_in_a_plain_subnet" {
  command = plan

  variables {
    function_app = {}
    network = {
      address_space = "10.40.0.0/20"
      subnets = {
        private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
        functions         = { newbits = 4, netnum = 1 }
      }
    }
  }

  expect_failures = [var.function_app]
}

run "zone_redundant_function_app_and_address" {
  command = plan

  variables {
    function_app = { zone_redundant = true }
    storage = {
      sku             = "Standard_GZRS"
      retention_days  = 7
      containers      = ["ml-globals", "smoke", "adftrain"]
      lake_containers = ["raw", "curated"]
    }
    network = {
      address_space = "10.40.0.0/20"
      nat_zones     = ["1", "2", "3"]
      subnets = {
        private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
        functions         = { newbits = 4, netnum = 3, nat = true, delegation = "Microsoft.App/environments" }
      }
    }
  }

  assert {
    condition     = output.function_app_name != null
    error_message = "Storage in zones carries a zone-redundant app."
  }
}

run "invalid_zone_redundant_function_app_on_storage_of_one_zone" {
  command = plan

  variables {
    function_app = { zone_redundant = true }
  }

  expect_failures = [var.function_app]
}
