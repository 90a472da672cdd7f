variables {
  workload        = "mlp"
  environment     = "dev"
  subscription_id = "00000000-0000-0000-0000-000000000001"
}

run "names_are_deterministic" {
  command = plan

  assert {
    condition     = output.names.storage_account == "stmlpdev${substr(sha256("00000000-0000-0000-0000-000000000001|mlp|dev"), 0, 5)}"
    error_message = "The suffix must come from subscription, workload and environment alone."
  }
}

run "longest_names_fit" {
  command = plan

  variables {
    workload    = "mlplatfo"
    environment = "preprod"
  }

  assert {
    condition = alltrue([
      for key in [for key in keys(output.names) : key if endswith(key, "storage_account") || key == "key_vault"] :
      length(output.names[key]) <= 24
    ])
    error_message = "A name of 24 characters at most became longer."
  }
}

run "every_name_has_a_rule_and_keeps_it" {
  command = plan

  variables {
    workload    = "mlplatfo"
    environment = "preprod"
  }

  assert {
    condition     = toset(keys(local.rules)) == toset(keys(local.computed))
    error_message = "A name without a rule, or a rule without a name."
  }

  assert {
    condition     = length(local.invalid_names) == 0
    error_message = "The longest workload and environment must give valid names."
  }
}

run "suffix_differs_by_subscription" {
  command = plan

  variables {
    subscription_id = "00000000-0000-0000-0000-000000000002"
  }

  assert {
    condition     = output.suffix == substr(sha256("00000000-0000-0000-0000-000000000002|mlp|dev"), 0, 5)
    error_message = "Two subscriptions must not share global names."
  }
}

run "override_wins" {
  command = plan

  variables {
    overrides = { key_vault = "kv-ours" }
  }

  assert {
    condition     = output.names.key_vault == "kv-ours"
    error_message = "The override was ignored."
  }
}

run "tags_carry_environment" {
  command = plan

  variables {
    tags = { owner = "team" }
  }

  assert {
    condition = jsonencode(output.tags) == jsonencode(
      { owner = "team", environment = "dev", workload = "mlp", "managed-by" = "terraform" }
    )
    error_message = "Tags must hold the caller's and the platform's own."
  }
}

run "invalid_unknown_override" {
  command = plan

  variables {
    overrides = { keyvault = "kv-ours" }
  }

  expect_failures = [output.names]
}

run "invalid_name_for_type" {
  command = plan

  variables {
    overrides = { storage_account = "st-with-dashes" }
  }

  expect_failures = [output.names]
}

run "invalid_name_too_long" {
  command = plan

  variables {
    overrides = { key_vault = "kv-with-more-than-24-characters" }
  }

  expect_failures = [output.names]
}

run "required_tags_given" {
  command = plan

  variables {
    tags          = { owner = "data-team", cost-center = "4711" }
    required_tags = ["owner", "cost-center"]
  }

  assert {
    condition     = output.tags.owner == "data-team"
    error_message = "The required tags are there."
  }
}

run "invalid_required_tag_missing" {
  command = plan

  variables {
    tags          = { owner = "data-team", cost-center = " " }
    required_tags = ["owner", "cost-center"]
  }

  expect_failures = [output.tags]
}

run "invalid_tag" {
  command = plan

  variables {
    tags = { "owner/team" = "data-team" }
  }

  expect_failures = [var.tags]
}

run "invalid_tags_that_differ_in_case_only" {
  command = plan

  variables {
    tags = { owner = "data-team", Owner = "ml-team" }
  }

  expect_failures = [var.tags]
}

run "invalid_tag_with_a_reserved_prefix" {
  command = plan

  variables {
    tags = { MicrosoftTeam = "data-team" }
  }

  expect_failures = [var.tags]
}

run "invalid_tag_of_the_platforms_own" {
  command = plan

  variables {
    tags = { Managed-By = "hand" }
  }

  expect_failures = [var.tags]
}

run "invalid_workload" {
  command = plan

  variables {
    workload = "much-too-long"
  }

  expect_failures = [var.workload]
}

run "invalid_environment" {
  command = plan

  variables {
    environment = "Production"
  }

  expect_failures = [var.environment]
}
