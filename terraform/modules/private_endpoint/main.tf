resource "azapi_resource" "this" {
  type      = "Microsoft.Network/privateEndpoints@2024-01-01"
  parent_id = var.parent_id
  name      = var.name
  location  = var.location
  tags      = var.tags
  # Two endpoints made at once on one target end in ConflictError: https://github.com/hashicorp/terraform-provider-azurerm/issues/28715
  locks = [var.target_id]
  body = {
    properties = {
      customNetworkInterfaceName = "nic-${var.name}"
      subnet                     = { id = var.subnet_id }
      privateLinkServiceConnections = [{
        name = var.name
        properties = {
          privateLinkServiceId = var.target_id
          groupIds             = [var.group_id]
          requestMessage       = "terraform"
        }
      }]
    }
  }

  timeouts {
    create = "30m"
    delete = "30m"
  }
}

resource "azapi_resource" "zone_group" {
  count = length(var.private_dns_zone_ids) == 0 ? 0 : 1

  type      = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-01-01"
  parent_id = azapi_resource.this.id
  name      = "default"
  # Writes of two groups to one zone meet in AnotherOperationInProgress:
  # https://github.com/hashicorp/terraform-provider-azurerm/issues/28715
  locks = sort(var.private_dns_zone_ids)
  body = {
    properties = {
      privateDnsZoneConfigs = [for id in var.private_dns_zone_ids : {
        name       = replace(basename(id), ".", "-")
        properties = { privateDnsZoneId = id }
      }]
    }
  }
}
