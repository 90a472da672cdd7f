locals {
  with_nat = anytrue([for subnet in var.subnets : subnet.nat])
  zones    = join("", sort(var.nat_zones))

  subnet_names = { for key in keys(var.subnets) : key => "snet-${replace(key, "_", "-")}" }

  # Start and end of each subnet in blocks of one common size, in which all can be compared.
  subnet_blocks = {
    for key, subnet in var.subnets : key => {
      start = subnet.netnum * pow(2, 32 - subnet.newbits)
      end   = (subnet.netnum + 1) * pow(2, 32 - subnet.newbits)
    }
  }
  overlaps = distinct(flatten([
    for a, x in local.subnet_blocks : [
      for b, y in local.subnet_blocks : join(" and ", sort([a, b])) if a != b && x.start < y.end && y.start < x.end
    ]
  ]))

  security_rules = [
    {
      name = "AllowVirtualNetworkHttpsInbound"
      properties = {
        access                   = "Allow"
        direction                = "Inbound"
        priority                 = 100
        protocol                 = "Tcp"
        sourceAddressPrefix      = "VirtualNetwork"
        sourcePortRange          = "*"
        destinationAddressPrefix = "VirtualNetwork"
        destinationPortRange     = "443"
      }
    },
    {
      name = "DenyAllInbound"
      properties = {
        access                   = "Deny"
        direction                = "Inbound"
        priority                 = 4096
        protocol                 = "*"
        sourceAddressPrefix      = "*"
        sourcePortRange          = "*"
        destinationAddressPrefix = "*"
        destinationPortRange     = "*"
      }
    },
  ]

  with_hub_firewall = anytrue([for subnet in var.subnets : subnet.hub_firewall])

  subnet_bodies = [for key, subnet in var.subnets : {
    name = local.subnet_names[key]
    properties = merge(
      {
        addressPrefixes                   = [cidrsubnet(var.address_space, subnet.newbits, subnet.netnum)]
        defaultOutboundAccess             = false
        networkSecurityGroup              = { id = azapi_resource.network_security_group[key].id }
        privateEndpointNetworkPolicies    = subnet.private_endpoints ? "NetworkSecurityGroupEnabled" : "Disabled"
        privateLinkServiceNetworkPolicies = "Enabled"
        serviceEndpoints                  = [for service in subnet.service_endpoints : { service = service, locations = ["*"] }]
        delegations = [
          for service in subnet.delegation[*] : { name = "delegation", properties = { serviceName = service } }
        ]
      },
      subnet.nat ? { natGateway = { id = azapi_resource.nat_gateway[0].id } } : {},
      subnet.hub_firewall ? { routeTable = { id = azapi_resource.route_table[0].id } } : {},
    )
  }]
}

# What a subnet refers to goes after the network let go of it: Azure refuses to delete what is in use
# (InUseNetworkSecurityGroupCannotBeDeleted and its like), and Terraform deletes before it changes unless it is told otherwise.
resource "azapi_resource" "network_security_group" {
  for_each = var.subnets

  type      = "Microsoft.Network/networkSecurityGroups@2024-01-01"
  parent_id = var.parent_id
  name      = "${var.names.network_security_group}-${replace(each.key, "_", "-")}"
  location  = var.location
  tags      = var.tags
  body      = { properties = { securityRules = local.security_rules } }

  lifecycle {
    create_before_destroy = true
  }
}

resource "azapi_resource" "public_ip" {
  count = local.with_nat ? 1 : 0

  type      = "Microsoft.Network/publicIPAddresses@2024-01-01"
  parent_id = var.parent_id
  name      = join("-z", concat([var.names.public_ip], local.zones == "" ? [] : [local.zones]))
  location  = var.location
  tags      = var.tags
  body = merge(
    {
      sku        = { name = "Standard", tier = "Regional" }
      properties = { publicIPAllocationMethod = "Static", publicIPAddressVersion = "IPv4" }
    },
    length(var.nat_zones) == 0 ? {} : { zones = sort(var.nat_zones) },
  )

  # Zones of an address that stands cannot be changed, and one that a gateway uses cannot be deleted: other zones are another
  # address, which the gateway has before the former one goes. https://github.com/Azure/AzOps/issues/701
  lifecycle { create_before_destroy = true }
}

resource "azapi_resource" "nat_gateway" {
  count = local.with_nat ? 1 : 0

  type      = "Microsoft.Network/natGateways@2024-01-01"
  parent_id = var.parent_id
  name      = var.names.nat_gateway
  location  = var.location
  tags      = var.tags
  body = {
    sku = { name = "Standard" }
    properties = {
      idleTimeoutInMinutes = 10
      publicIpAddresses    = [{ id = azapi_resource.public_ip[0].id }]
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Routes that gateways learn would lead around the firewall: https://learn.microsoft.com/azure/firewall/tutorial-hybrid-portal
resource "azapi_resource" "route_table" {
  count = local.with_hub_firewall ? 1 : 0

  type      = "Microsoft.Network/routeTables@2024-01-01"
  parent_id = var.parent_id
  name      = var.names.route_table
  location  = var.location
  tags      = var.tags
  body = {
    properties = {
      disableBgpRoutePropagation = true
      routes = [{
        name = "internet-through-hub-firewall"
        properties = {
          addressPrefix    = "0.0.0.0/0"
          nextHopType      = "VirtualAppliance"
          nextHopIpAddress = var.hub_firewall_ip
        }
      }]
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

module "diagnostic_setting" {
  source = "../diagnostic_setting"

  target_ids      = { for name in keys(var.subnets) : name => azapi_resource.network_security_group[name].id }
  diagnostics     = var.diagnostics
  metric_category = null # A network security group has none.
}

moved {
  from = azapi_resource.diagnostics
  to   = module.diagnostic_setting.azapi_resource.this
}

# All subnets inline: siblings cannot be written at the same time, and a PUT of the network without its subnets would drop them.
resource "azapi_resource" "virtual_network" {
  type      = "Microsoft.Network/virtualNetworks@2024-01-01"
  parent_id = var.parent_id
  name      = var.names.virtual_network
  location  = var.location
  tags      = var.tags
  body = {
    properties = {
      addressSpace = { addressPrefixes = [var.address_space] }
      subnets      = local.subnet_bodies
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.overlaps) == 0
      error_message = "Subnets overlap: ${join(", ", local.overlaps)}. Give each its own netnum (counted in blocks of its newbits)."
    }
  }
}
