mock_provider "azapi" {
  mock_resource "azapi_resource" {
    defaults = {
      id     = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ci"
      output = { properties = { principalId = "11111111-1111-1111-1111-111111111111", clientId = "22222222-2222-2222-2222-222222222222" } }
    }
  }
}

variables {
  name      = "id-ci"
  parent_id = "/subscriptions/s/resourceGroups/rg"
  location  = "westeurope"
}

run "identity_alone" {
  command = apply

  assert {
    condition     = length(azapi_resource.federated_credential) == 0
    error_message = "No credential was asked for."
  }

  assert {
    condition = (
      output.principal_id == "11111111-1111-1111-1111-111111111111" &&
      output.client_id == "22222222-2222-2222-2222-222222222222"
    )
    error_message = "The ids of the service principal come from what Azure answers."
  }
}

run "federated_with_github" {
  command = plan

  variables {
    federated_credentials = {
      github = {
        issuer  = "https://token.actions.githubusercontent.com"
        subject = "repo:contoso/platform:environment:dev"
      }
    }
  }

  assert {
    condition = jsonencode(azapi_resource.federated_credential["github"].body) == jsonencode({
      properties = {
        issuer    = "https://token.actions.githubusercontent.com"
        subject   = "repo:contoso/platform:environment:dev"
        audiences = ["api://AzureADTokenExchange"]
      }
    })
    error_message = "Wrong body of the federated credential."
  }
}

run "invalid_issuer" {
  command = plan

  variables {
    federated_credentials = { github = { issuer = "token.actions.githubusercontent.com", subject = "repo:o/r:environment:dev" } }
  }

  expect_failures = [var.federated_credentials]
}

run "invalid_twenty_one_credentials" {
  command = plan

  variables {
    federated_credentials = {
      for number in range(21) : "c${number}" => { issuer = "https://issuer", subject = "s${number}" }
    }
  }

  expect_failures = [var.federated_credentials]
}
