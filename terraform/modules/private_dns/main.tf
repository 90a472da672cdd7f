locals {
  links = merge([
    for zone in var.zones : {
      for link, network in var.virtual_network_ids : "${zone}/${link}" => { zone = zone, link = link, network = network }
    }
  ]...)
}

resource "azapi_resource" "zone" {
  for_each = var.zones

  type      = "Microsoft.Network/privateDnsZones@2024-06-01"
  parent_id = var.parent_id
  name      = each.key
  location  = "global"
  tags      = var.tags
  body      = { properties = {} }
}

resource "azapi_resource" "link" {
  for_each = local.links

  type      = "Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01"
  parent_id = azapi_resource.zone[each.value.zone].id
  name      = each.value.link
  location  = "global"
  tags      = var.tags
  body = {
    properties = {
      registrationEnabled = false
      resolutionPolicy    = "Default"
      virtualNetwork      = { id = each.value.network }
    }
  }
}
