mock_provider "azapi" {
  mock_data "azapi_resource_list" {
    defaults = {
      output = "{\"value\":[]}"
    }
  }
}

override_data {
  target = data.azapi_resource_list.connections
  values = {
    output = <<-JSON
      {
        "value": [
          {
            "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/st/privateEndpointConnections/st.old",
            "properties": {
              "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.mpe-st-blob"},
              "privateLinkServiceConnectionState": {"status": "Disconnected"}
            }
          },
          {
            "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/st/privateEndpointConnections/st.other",
            "properties": {
              "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.other-mpe-st-blob"},
              "privateLinkServiceConnectionState": {"status": "Pending"}
            }
          },
          {
            "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/st/privateEndpointConnections/st.new",
            "properties": {
              "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.mpe-st-blob"},
              "privateLinkServiceConnectionState": {"status": "Pending"}
            }
          }
        ]
      }
    JSON
  }
}

override_data {
  target = data.azapi_resource_list.endpoints
  values = {
    output = <<-JSON
      {
        "value": [
          {"name": "mpe-other", "properties": {"connectionState": {"status": "Pending"}}},
          {"name": "mpe-st-blob", "properties": {"connectionState": {"status": "Approved"}}}
        ]
      }
    JSON
  }
}

variables {
  name                       = "mpe-st-blob"
  data_factory_id            = "/subscriptions/s/resourceGroups/r/providers/Microsoft.DataFactory/factories/adf"
  managed_virtual_network_id = "/subscriptions/s/resourceGroups/r/providers/Microsoft.DataFactory/factories/adf/managedVirtualNetworks/m"
  target_id                  = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/st"
  group_id                   = "blob"
}

run "approves_its_own_live_connection" {
  command = apply

  assert {
    condition = (
      azapi_resource_action.this.method == "PUT"
      && azapi_resource_action.this.body.properties == { privateLinkResourceId = var.target_id, groupId = "blob" }
    )
    error_message = "The endpoint is made with a PUT, without fqdns: the factory fills them in, and a list of ours is a change for ever."
  }

  assert {
    condition     = azapi_resource_action.removal.when == "destroy" && azapi_resource_action.removal.resource_id == output.id
    error_message = "An action leaves the endpoint behind unless another one deletes it."
  }

  assert {
    condition     = endswith(azapi_update_resource.approval[0].resource_id, "/st.new")
    error_message = "The connection of this endpoint has to be approved, neither another's nor a dead one."
  }

  assert {
    condition = (
      jsonencode(azapi_update_resource.approval[0].body.properties.privateLinkServiceConnectionState)
      == jsonencode({ status = "Approved", description = "terraform", actionRequired = "None" })
    )
    error_message = "Storage spells it actionRequired."
  }
}

run "not_approved_fails" {
  command = plan

  override_data {
    target = data.azapi_resource_list.endpoints
    values = {
      output = <<-JSON
        {"value": [{"name": "mpe-st-blob", "properties": {"connectionState": {"status": "Pending"}}}]}
      JSON
    }
  }

  expect_failures = [data.azapi_resource_list.endpoints]
}

run "invalid_group" {
  command = plan
  variables {
    group_id = "sites"
  }
  expect_failures = [var.group_id]
}

run "connection_missing" {
  command = plan

  override_data {
    target = data.azapi_resource_list.connections
    values = {
      output = "{\"value\":[]}"
    }
  }

  expect_failures = [terraform_data.connection_id]
}

run "connection_rejected" {
  command = plan

  override_data {
    target = data.azapi_resource_list.connections
    values = {
      output = <<-JSON
        {
          "value": [
            {
              "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/st/privateEndpointConnections/st.new",
              "properties": {
                "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.mpe-st-blob"},
                "privateLinkServiceConnectionState": {"status": "Rejected"}
              }
            }
          ]
        }
      JSON
    }
  }

  expect_failures = [terraform_data.connection_id]
}

run "batch_is_patched" {
  command = apply

  variables {
    group_id  = "batchAccount"
    target_id = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Batch/batchAccounts/ba"
  }

  assert {
    condition = (
      length(azapi_update_resource.approval) == 0
      && azapi_resource_action.approval[0].method == "PATCH"
      && azapi_resource_action.approval[0].body.properties.privateLinkServiceConnectionState.status == "Approved"
    )
    error_message = "Batch has no PUT for a connection."
  }
}

run "pending_beside_rejected" {
  command = apply

  override_data {
    target = data.azapi_resource_list.connections
    values = {
      output = <<-JSON
        {
          "value": [
            {
              "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/st/privateEndpointConnections/st.no",
              "properties": {
                "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.mpe-st-blob"},
                "privateLinkServiceConnectionState": {"status": "Rejected"}
              }
            },
            {
              "id": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/st/privateEndpointConnections/st.new",
              "properties": {
                "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.mpe-st-blob"},
                "privateLinkServiceConnectionState": {"status": "Pending"}
              }
            }
          ]
        }
      JSON
    }
  }

  assert {
    condition     = endswith(azapi_update_resource.approval[0].resource_id, "/st.new")
    error_message = "The pending one is approved; a rejected one cannot be."
  }
}

run "two_live_connections" {
  command = plan

  override_data {
    target = data.azapi_resource_list.connections
    values = {
      output = <<-JSON
        {
          "value": [
            {
              "id": "/c/st.one",
              "properties": {
                "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.mpe-st-blob"},
                "privateLinkServiceConnectionState": {"status": "Approved"}
              }
            },
            {
              "id": "/c/st.two",
              "properties": {
                "privateEndpoint": {"id": "/subscriptions/x/privateEndpoints/adf.mpe-st-blob"},
                "privateLinkServiceConnectionState": {"status": "Pending"}
              }
            }
          ]
        }
      JSON
    }
  }

  expect_failures = [terraform_data.connection_id]
}
