locals {
  zone_ids = merge(
    { for name, zone in azapi_resource.zone : name => zone.id },
    { for id in var.existing_zone_ids : lower(basename(id)) => id },
  )

  # Keys from the names, which are known before the zones stand.
  links = merge([
    for zone in concat(tolist(var.zones), [for id in var.existing_zone_ids : lower(basename(id))]) : {
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
  parent_id = local.zone_ids[each.value.zone]
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
