# What terraform/bootstrap gives, as the platform reads it from the bootstrap's state.
mock_data "terraform_remote_state" {
  defaults = {
    outputs = {
      environment                  = "dev"
      platform_resource_group_id   = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-mlp-dev"
      platform_resource_group_name = "rg-mlp-dev"
      federation                   = null
      operator                     = { principal_id = "00000000-0000-0000-0000-0000000000b1", principal_type = "Group" }
      ci_identity                  = { id = "ci", client_id = "ci", principal_id = "00000000-0000-0000-0000-0000000000c1" }
      custom_roles = {
        data_factory_operator     = "/providers/Microsoft.Authorization/roleDefinitions/00000000-0000-0000-0000-0000000000e2"
        private_endpoint_approver = "/providers/Microsoft.Authorization/roleDefinitions/00000000-0000-0000-0000-0000000000e1"
      }
      delegated_role_ids    = null
      bound_role_principals = {}
      delegated_principals  = null
      service_identities = {
        workspace = {
          id           = "/subscriptions/s/resourceGroups/rg-state/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-workspace"
          client_id    = "workspace"
          principal_id = "00000000-0000-0000-0000-0000000000f1"
        }
        function = {
          id           = "/subscriptions/s/resourceGroups/rg-state/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-function"
          client_id    = "function"
          principal_id = "00000000-0000-0000-0000-0000000000f2"
        }
      }
      probe_identities = {
        reader = { id = "reader", client_id = "reader", principal_id = "00000000-0000-0000-0000-0000000000d1" }
        writer = { id = "writer", client_id = "writer", principal_id = "00000000-0000-0000-0000-0000000000d2" }
        nobody = { id = "nobody", client_id = "nobody", principal_id = "00000000-0000-0000-0000-0000000000d3" }
      }
    }
  }
}
