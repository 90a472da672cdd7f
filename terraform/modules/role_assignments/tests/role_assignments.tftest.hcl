mock_provider "azapi" {}

variables {
  subscription_id = "00000000-0000-0000-0000-000000000001"
  assignments = {
    reader = {
      scope          = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
      role           = "Reader"
      principal_id   = "11111111-1111-1111-1111-111111111111"
      principal_type = "ServicePrincipal"
      why            = "reads"
    }
    custom = {
      scope          = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
      role           = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/99999999-9999-9999-9999-999999999999"
      principal_id   = "11111111-1111-1111-1111-111111111111"
      principal_type = "Group"
      why            = "manages firewall rules"
    }
  }
}

run "bodies" {
  command = plan

  assert {
    condition = azapi_resource.this["reader"].body == {
      properties = {
        roleDefinitionId = join("", [
          "/subscriptions/00000000-0000-0000-0000-000000000001",
          "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
        ])
        principalId   = "11111111-1111-1111-1111-111111111111"
        principalType = "ServicePrincipal"
        description   = "reads"
      }
    }
    error_message = "Wrong body for a built-in role."
  }

  assert {
    condition     = endswith(azapi_resource.this["custom"].body.properties.roleDefinitionId, "/99999999-9999-9999-9999-999999999999")
    error_message = "A custom role is taken by its id."
  }
}

run "names_are_deterministic_and_differ_by_role" {
  command = plan

  assert {
    condition = azapi_resource.this["reader"].name == uuidv5("url", join("|", [
      "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg",
      "acdd72a7-3385-48ef-bd42-f606fba81ae7",
      "11111111-1111-1111-1111-111111111111",
    ]))
    error_message = "The name must come from scope, role and principal."
  }

  assert {
    condition     = azapi_resource.this["reader"].name != azapi_resource.this["custom"].name
    error_message = "Two roles of one principal need two names."
  }
}

run "invalid_principal_type" {
  command = plan

  variables {
    assignments = { a = { scope = "/subscriptions/s", role = "Reader", principal_id = "p", principal_type = "App", why = "reads" } }
  }

  expect_failures = [var.assignments]
}

run "invalid_role" {
  command = plan

  variables {
    assignments = { a = { scope = "/subscriptions/s", role = "Redaer", principal_id = "p", principal_type = "User", why = "reads" } }
  }

  expect_failures = [var.assignments]
}

run "invalid_without_reason" {
  command = plan

  variables {
    assignments = { a = { scope = "/subscriptions/s", role = "Reader", principal_id = "p", principal_type = "User", why = "" } }
  }

  expect_failures = [var.assignments]
}

run "condition" {
  command = plan

  variables {
    assignments = {
      delegate = {
        scope          = "/subscriptions/s"
        role           = "Role Based Access Control Administrator"
        principal_id   = "p"
        principal_type = "ServicePrincipal"
        why            = "assigns"
        condition      = "(!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}))"
      }
    }
  }

  assert {
    condition = (
      azapi_resource.this["delegate"].body.properties.conditionVersion == "2.0"
      && azapi_resource.this["delegate"].body.properties.condition == var.assignments["delegate"].condition
    )
    error_message = "A condition needs its version, or Azure refuses it."
  }
}

run "custom_role_by_name" {
  command = plan

  variables {
    custom_roles = { approver = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/99999999-9999-9999-9999-999999999999" }
    assignments  = { a = { scope = "/subscriptions/s", role = "approver", principal_id = "p", principal_type = "User", why = "approves" } }
  }

  assert {
    condition     = azapi_resource.this["a"].body.properties.roleDefinitionId == var.custom_roles["approver"]
    error_message = "A custom role is taken by its name."
  }
}

run "assignable" {
  command = plan

  variables {
    assignable_role_ids = ["acdd72a7-3385-48ef-bd42-f606fba81ae7", "99999999-9999-9999-9999-999999999999"]
  }

  assert {
    condition     = length(azapi_resource.this) == 2
    error_message = "What may be assigned is planned."
  }
}

run "bound_to_its_principal" {
  command = plan

  variables {
    bound_role_principals = { "acdd72a7-3385-48ef-bd42-f606fba81ae7" = ["p"], "99999999-9999-9999-9999-999999999999" = [] }
    assignments = {
      a = { scope = "/subscriptions/s", role = "Reader", principal_id = "p", principal_type = "User", why = "reads" }
    }
  }

  assert {
    condition     = azapi_resource.this["a"].body.properties.principalId == "p"
    error_message = "The role goes to whom it is bound to."
  }
}

run "invalid_bound_to_another" {
  command = plan

  variables {
    bound_role_principals = { "acdd72a7-3385-48ef-bd42-f606fba81ae7" = ["q"] }
    assignments = {
      a = { scope = "/subscriptions/s", role = "Reader", principal_id = "p", principal_type = "User", why = "reads" }
    }
  }

  expect_failures = [var.bound_role_principals]
}

run "people_and_services_that_are_known" {
  command = plan

  variables {
    bound_role_principals = { "7f951dda-4ed3-4680-a7ca-43fe172d538d" = ["q"] }
    assignable_principals = { people = ["p"], service_principals = ["s"] }
    assignments = {
      a = { scope = "/subscriptions/s", role = "Reader", principal_id = "p", principal_type = "Group", why = "reads" }
      b = { scope = "/subscriptions/s", role = "Reader", principal_id = "s", principal_type = "ServicePrincipal", why = "reads" }
      c = { scope = "/subscriptions/s", role = "AcrPull", principal_id = "q", principal_type = "ServicePrincipal", why = "is bound" }
    }
  }

  assert {
    condition     = length(azapi_resource.this) == 3
    error_message = "Who is known gets a role, and who it is bound to."
  }
}

run "any_service_but_not_any_group" {
  command = plan

  variables {
    assignable_principals = { people = ["p"] }
    assignments = {
      a = { scope = "/subscriptions/s", role = "Reader", principal_id = "any", principal_type = "ServicePrincipal", why = "reads" }
    }
  }

  assert {
    condition     = length(azapi_resource.this) == 1
    error_message = "Services are not limited where they are not named."
  }
}

run "invalid_unknown_group" {
  command = plan

  variables {
    assignable_principals = { people = ["p"] }
    assignments = {
      a = { scope = "/subscriptions/s", role = "Reader", principal_id = "any", principal_type = "Group", why = "reads" }
    }
  }

  expect_failures = [var.assignable_principals]
}

run "invalid_unknown_service" {
  command = plan

  variables {
    assignable_principals = { people = ["p"], service_principals = ["s"] }
    assignments = {
      a = { scope = "/subscriptions/s", role = "Reader", principal_id = "x", principal_type = "ServicePrincipal", why = "reads" }
    }
  }

  expect_failures = [var.assignable_principals]
}

run "invalid_not_assignable" {
  command = plan

  variables {
    assignable_role_ids = ["99999999-9999-9999-9999-999999999999"]
  }

  expect_failures = [var.assignable_role_ids]
}
