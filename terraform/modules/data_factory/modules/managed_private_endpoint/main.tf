locals {
  type = "Microsoft.DataFactory/factories/managedVirtualNetworks/managedPrivateEndpoints@2018-06-01"
  id   = "${var.managed_virtual_network_id}/managedPrivateEndpoints/${var.name}"

  storage = { type = "Microsoft.Storage/storageAccounts/privateEndpointConnections@2023-05-01", action = "actionRequired" }

  # Storage alone writes actionRequired: https://learn.microsoft.com/rest/api/storagerp/private-endpoint-connections/put
  targets = {
    blob  = local.storage
    dfs   = local.storage
    file  = local.storage
    queue = local.storage
    table = local.storage
    vault = { type = "Microsoft.KeyVault/vaults/privateEndpointConnections@2026-02-01", action = "actionsRequired" }
    amlworkspace = {
      type   = "Microsoft.MachineLearningServices/workspaces/privateEndpointConnections@2024-04-01"
      action = "actionsRequired"
    }
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

# What an endpoint is for cannot be changed: another target is another endpoint.
resource "terraform_data" "link" {
  input = { target_id = var.target_id, group_id = var.group_id }
}

# Actions, and no azapi_resource: to a GET of an endpoint that is not there Data Factory answers 400, where azapi_resource looks for
# 404 before it creates. https://github.com/hashicorp/terraform-provider-azurerm/pull/12618
resource "azapi_resource_action" "this" {
  type        = local.type
  resource_id = local.id
  method      = "PUT"
  locks       = [var.data_factory_id, var.target_id]
  # No fqdns: the factory fills them in. https://github.com/hashicorp/terraform-provider-azurerm/issues/15640
  body = {
    properties = {
      privateLinkResourceId = var.target_id
      groupId               = var.group_id
    }
  }

  timeouts {
    create = "30m"
  }

  lifecycle {
    replace_triggered_by = [terraform_data.link]
  }
}

resource "azapi_resource_action" "removal" {
  type        = local.type
  resource_id = local.id
  method      = "DELETE"
  when        = "destroy"
  locks       = [var.data_factory_id, var.target_id]
  depends_on  = [azapi_resource_action.this]

  timeouts {
    delete = "30m"
  }

  lifecycle {
    replace_triggered_by = [terraform_data.link]
  }
}

# Endpoints of platforms that were made before the actions: theirs to keep.
removed {
  from = azapi_resource.this

  lifecycle {
    destroy = false
  }
}

# There is no auto-approval: the endpoint arrives on its target as a pending connection with a generated name, which has to be
# found first. https://github.com/hashicorp/terraform-provider-azurerm/issues/19777
data "azapi_resource_list" "connections" {
  type                   = local.targets[var.group_id].type
  parent_id              = var.target_id
  response_export_values = ["value"]
  depends_on             = [azapi_resource_action.this, azapi_resource_action.removal]
}

locals {
  # A JSON string with azapi 1.15, an object with 2.x.
  connections = try(jsondecode(data.azapi_resource_list.connections.output), data.azapi_resource_list.connections.output).value

  # The endpoint is in a subscription of Microsoft's, under the name FACTORY.NAME. What a deleted one leaves behind is Disconnected.
  live = [
    for connection in local.connections : {
      id     = connection.id
      status = connection.properties.privateLinkServiceConnectionState.status
    }
    if lower(basename(try(connection.properties.privateEndpoint.id, ""))) == lower("${basename(var.data_factory_id)}.${var.name}")
    && connection.properties.privateLinkServiceConnectionState.status != "Disconnected"
  ]
  # Beside a rejected one there may be the pending one of the endpoint that was made in its place.
  usable     = [for connection in local.live : connection if connection.status != "Rejected"]
  connection = try(local.usable[0], local.live[0], null)
}

resource "terraform_data" "connection_id" {
  input = try(local.connection.id, null)

  lifecycle {
    precondition {
      condition = local.connection != null
      error_message = join(" ", [
        "${var.target_id} has no live connection from the managed private endpoint ${var.name}:",
        "apply again when it has arrived, or delete the endpoint in the factory first.",
      ])
    }

    precondition {
      condition = length(local.usable) <= 1
      error_message = join(" ", [
        "${var.target_id} has ${length(local.usable)} live connections from the managed private endpoint ${var.name}:",
        "${join(", ", local.usable[*].id)}.",
        "Reject the ones that are not in use (Networking, Private endpoint connections), then apply again.",
      ])
    }

    precondition {
      condition = try(local.connection.status, null) != "Rejected"
      error_message = join(" ", [
        "Somebody rejected the managed private endpoint ${var.name} on its target, which cannot be taken back:",
        "delete the endpoint in the factory (Manage, Managed private endpoints), then apply again.",
      ])
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

# Only an approved endpoint carries traffic, so that an apply without this proof has proven nothing. Listed, since a GET of one that is
# not there is a 400.
data "azapi_resource_list" "endpoints" {
  type                   = local.type
  parent_id              = var.managed_virtual_network_id
  response_export_values = ["value"]
  depends_on             = [azapi_update_resource.approval, azapi_resource_action.approval]

  lifecycle {
    postcondition {
      condition = anytrue([
        for endpoint in try(jsondecode(self.output), self.output).value :
        endpoint.name == var.name && try(endpoint.properties.connectionState.status, null) == "Approved"
      ])
      error_message = join(" ", [
        "The managed private endpoint ${var.name} is not approved on its target.",
        "Approve it there (Networking, Private endpoint connections) or delete it in the factory, then apply again.",
      ])
    }
  }
}
