mock_provider "azapi" {
  mock_resource "azapi_resource" {
    defaults = {
      id     = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
      output = { properties = { principalId = "11111111-1111-1111-1111-111111111111", clientId = "22222222-2222-2222-2222-222222222222" } }
    }
  }
  override_resource {
    target = module.state.azapi_resource.this
    values = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st" }
  }
  override_resource {
    target = module.state.azapi_resource.container
    values = { id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st/blobServices/default/containers/tfstate" }
  }
}

variables {
  environment             = "dev"
  location                = "westeurope"
  tenant_id               = "00000000-0000-0000-0000-0000000000aa"
  subscription_id         = "00000000-0000-0000-0000-000000000001"
  operator_principal_id   = "00000000-0000-0000-0000-0000000000bb"
  operator_principal_type = "User"
  workload                = "mlp"
  public_network_access   = { state = "Enabled" }
}

run "without_federation" {
  command = apply

  assert {
    condition     = output.federation == null && toset(keys(output.probe_identities)) == toset(["reader", "writer", "nobody"])
    error_message = "The identities stand, and nobody from outside may act as them."
  }

  assert {
    condition     = output.role_assignments["operator_state"].principal_id == var.operator_principal_id
    error_message = "The data role on the state goes to the principal that was named."
  }

  assert {
    condition     = output.state.container_name == "tfstate" && output.state.subscription_id == var.subscription_id
    error_message = "The output must say where the state is."
  }
}

run "ci_is_confined_to_the_resource_group" {
  command = apply

  assert {
    condition     = alltrue([for a in output.role_assignments : can(regex("/resourceGroups/", a.scope))])
    error_message = "No role may reach as far as the subscription."
  }
}

run "github" {
  command = plan

  variables {
    github_repository = "contoso/ml-platform"
  }

  assert {
    condition     = output.federation.subject == "repo:contoso/ml-platform:environment:dev"
    error_message = "Only the environment of that repository may act as the identities."
  }
}

run "both_issuers" {
  command = plan

  variables {
    github_repository       = "contoso/ml-platform"
    azure_devops_federation = { issuer = "https://login.microsoftonline.com/t/v2.0", subject = "/eid1/c/pub/t/a/a/b/sc/o/s" }
  }

  assert {
    condition     = toset(keys(local.federated_credentials)) == toset(["github-dev", "azure-devops"])
    error_message = "GitHub and Azure DevOps may act as the identities side by side."
  }
}

run "invalid_repository" {
  command = plan

  variables {
    github_repository = "https://github.com/contoso/ml-platform"
  }

  expect_failures = [var.github_repository]
}

run "invalid_operator" {
  command = plan

  variables {
    operator_principal_id = "someone@contoso.com"
  }

  expect_failures = [var.operator_principal_id]
}
