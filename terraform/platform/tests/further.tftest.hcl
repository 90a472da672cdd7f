mock_provider "azapi" {}

mock_provider "azapi" {
  alias = "dns"
}

mock_provider "terraform" {
  source = "./tests/mocks"
}

run "further_locks_and_roles" {
  command = plan

  variables {
    further_locks = { data_factory = "ReadOnly", lake = "CanNotDelete", batch = "CanNotDelete" }
    further_role_assignments = {
      auditors = {
        resource       = "log_analytics"
        role           = "Reader"
        principal_id   = "00000000-0000-4000-8000-00000000000a"
        principal_type = "Group"
        why            = "auditors read the logs"
      }
    }
    timeouts = { machine_learning_workspace = "90m" }
  }

  assert {
    condition = (
      toset(keys(output.locks)) == toset(["data_factory", "lake"]) &&
      local.locked["data_factory"].level == "ReadOnly" &&
      output.features.locks
    )
    error_message = "Locks on what the environment names, and on nothing that it has not."
  }

  assert {
    condition     = output.role_assignments["further_auditors"].role == "Reader"
    error_message = "A further assignment stands beside the platform's own."
  }
}

run "invalid_level_of_a_lock" {
  command = plan

  variables {
    further_locks = { lake = "None" }
  }

  expect_failures = [var.further_locks]
}

run "invalid_lock_of_the_workspace" {
  command = plan

  variables {
    further_locks = { machine_learning_workspace = "ReadOnly" }
  }

  expect_failures = [var.further_locks]
}

run "invalid_principal" {
  command = plan

  variables {
    further_role_assignments = {
      readers = {
        resource       = "lake"
        role           = "Reader"
        principal_id   = "team"
        principal_type = "Group"
        why            = "they read it"
      }
    }
  }

  expect_failures = [var.further_role_assignments]
}

run "invalid_person" {
  command = plan

  variables {
    further_role_assignments = {
      readers = {
        resource       = "lake"
        role           = "Reader"
        principal_id   = "00000000-0000-4000-8000-00000000000a"
        principal_type = "User"
        why            = "they read it"
      }
    }
  }

  expect_failures = [var.further_role_assignments]
}

run "invalid_scope" {
  command = plan

  variables {
    further_role_assignments = {
      readers = {
        resource       = "workspace"
        role           = "Reader"
        principal_id   = "00000000-0000-4000-8000-00000000000a"
        principal_type = "Group"
        why            = "they read it"
      }
    }
  }

  expect_failures = [var.further_role_assignments]
}

run "invalid_timeout" {
  command = plan

  variables {
    timeouts = { function_app = "1 hour" }
  }

  expect_failures = [var.timeouts]
}
