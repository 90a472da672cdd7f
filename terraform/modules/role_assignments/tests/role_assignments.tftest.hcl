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
      role           = "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/roleDefinitions/99999999-9999-9999-9999-999999999999"
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
        roleDefinitionId = "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
        principalId      = "11111111-1111-1111-1111-111111111111"
        principalType    = "ServicePrincipal"
        description      = "reads"
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
