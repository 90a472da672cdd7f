locals {
  storage = { type = "Microsoft.Storage/storageAccounts/privateEndpointConnections@2023-05-01", action = "actionRequired" }

  # Storage alone writes actionRequired: https://learn.microsoft.com/rest/api/storagerp/private-endpoint-connections/put
  targets = {
    blob         = local.storage
    dfs          = local.storage
    file         = local.storage
    queue        = local.storage
    table        = local.storage
    vault        = { type = "Microsoft.KeyVault/vaults/privateEndpointConnections@2023-07-01", action = "actionsRequired" }
    amlworkspace = { type = "Microsoft.MachineLearningServices/workspaces/privateEndpointConnections@2024-04-01", action = "actionsRequired" }
    batchAccount = { type = "Microsoft.Batch/batchAccounts/privateEndpointConnections@2024-02-01", action = null }
  }

  # Batch alone has no PUT for a connection, but a PATCH: https://learn.microsoft.com/rest/api/batchmanagement/private-endpoint-connection
  by_patch = var.group_id == "batchAccount"

  decision = {
    properties = {
      privateLinkServiceConnectionState = merge(
        { status = "Approved", description = "terraform" },
        local.targets[var.group_id].action == null ? {} : { (local.targets[var.group_id].action) = "None" },
      )
    }
  }
}

resource "azapi_resource" "this" {
  type      = "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints@2018-06-01"
  parent_id = var.managed_virtual_network_id
  name      = var.name
  locks     = [var.data_factory_id, var.target_id]
  body = {
    properties = {
      privateLinkResourceId = var.target_id
      groupId               = var.group_id
      fqdns                 = []
    }
  }

  timeouts {
    create = "30m"
    delete = "30m"
  }
}

# There is no auto-approval: the endpoint arrives on its target as a pending connection with a generated name, which has to be
# found first. https://github.com/hashicorp/terraform-provider-azurerm/issues/19777
data "azapi_resource_list" "connections" {
  type                   = local.targets[var.group_id].type
  parent_id              = var.target_id
  response_export_values = ["value"]
  depends_on             = [azapi_resource.this]
}

locals {
  # A JSON string with azapi 1.15, an object with 2.x.
  connections = try(jsondecode(data.azapi_resource_list.connections.output), data.azapi_resource_list.connections.output).value

  # What an endpoint that was deleted leaves behind is Disconnected.
  connection = one([
    for connection in local.connections : {
      id     = connection.id
      status = connection.properties.privateLinkServiceConnectionState.status
    }
    if endswith(try(connection.properties.privateEndpoint.id, ""), var.name)
    && connection.properties.privateLinkServiceConnectionState.status != "Disconnected"
  ])
}

resource "terraform_data" "connection_id" {
  input = try(local.connection.id, null)

  lifecycle {
    precondition {
      condition     = local.connection != null
      error_message = "${var.target_id} has no live connection from the managed private endpoint ${var.name}: apply again when it has arrived, or delete the endpoint in the factory first."
    }

    precondition {
      condition     = try(local.connection.status, null) != "Rejected"
      error_message = "Somebody rejected the managed private endpoint ${var.name} on its target, which cannot be taken back: delete the endpoint in the factory (Manage, Managed private endpoints), then apply again."
    }
  }
}

resource "azapi_update_resource" "approval" {
  count = local.by_patch ? 0 : 1

  type        = local.targets[var.group_id].type
  resource_id = terraform_data.connection_id.output
  locks       = [var.target_id]
  body        = local.decision
}

resource "azapi_resource_action" "approval" {
  count = local.by_patch ? 1 : 0

  type        = local.targets[var.group_id].type
  resource_id = terraform_data.connection_id.output
  method      = "PATCH"
  locks       = [var.target_id]
  body        = local.decision
}

# Only an approved endpoint carries traffic, so that an apply without this proof has proven nothing.
data "azapi_resource" "state" {
  type                   = "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints@2018-06-01"
  resource_id            = azapi_resource.this.id
  response_export_values = ["properties.connectionState"]
  depends_on             = [azapi_update_resource.approval, azapi_resource_action.approval]

  lifecycle {
    postcondition {
      condition     = try(jsondecode(self.output), self.output).properties.connectionState.status == "Approved"
      error_message = "The managed private endpoint ${var.name} is not approved on its target. Approve it there (Networking, Private endpoint connections) or delete it in the factory, then apply again."
    }
  }
}
