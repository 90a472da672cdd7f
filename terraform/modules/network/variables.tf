variable "names" {
  description = <<-EOT
    Names.

    * `virtual_network`: its name.
    * `network_security_group`, `nat_gateway`, `public_ip`, `route_table`: stems of theirs.
  EOT
  type = object({
    virtual_network        = string
    network_security_group = string
    nat_gateway            = string
    public_ip              = string
    route_table            = string
  })
}

variable "parent_id" {
  description = "Resource group."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

variable "address_space" {
  description = "IPv4 range of the virtual network."
  type        = string

  validation {
    condition = (
      can(cidrhost(var.address_space, 0)) &&
      can(cidrnetmask(var.address_space)) &&
      cidrhost(var.address_space, 0) == split("/", var.address_space)[0]
    )
    error_message = "address_space must be an IPv4 range that starts at its first address, for example 10.40.0.0/20."
  }
}

variable "subnets" {
  description = <<-EOT
    Subnets by key.

    * `newbits`, `netnum`: the range: `cidrsubnet(address_space, newbits, netnum)`.
    * `private_endpoints`: it holds endpoints, and its network security group applies to them.
    * `nat`: its egress goes through the NAT gateway.
    * `hub_firewall`: its egress goes through the firewall at hub_firewall_ip.
    * `service_endpoints`: as Azure names them (Microsoft.Storage.Global).
    * `delegation`: the service that it is delegated to.
  EOT
  type = map(object({
    newbits           = number
    netnum            = number
    private_endpoints = optional(bool, false)
    nat               = optional(bool, false)
    hub_firewall      = optional(bool, false)
    service_endpoints = optional(list(string), [])
    delegation        = optional(string)
  }))

  validation {
    condition = alltrue([for s in var.subnets : can(cidrsubnet(var.address_space, s.newbits, s.netnum))])
    error_message = join(" ", [
      "A subnet does not fit into address_space: netnum must be below 2 to the power of newbits.",
      "Choose a larger address_space or another netnum.",
    ])
  }

  # Azure keeps five addresses of each subnet: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
  validation {
    condition = alltrue([for s in var.subnets : tonumber(split("/", var.address_space)[1]) + s.newbits <= 28])
    error_message = join(" ", [
      "A subnet smaller than /28 has too few addresses for private endpoints or compute:",
      "lower its newbits, or choose a larger address_space.",
    ])
  }

  # The platform's endpoints alone need more than the 11 addresses of a /28: a registry and a workspace take several each.
  validation {
    condition     = alltrue([for s in var.subnets : !s.private_endpoints || tonumber(split("/", var.address_space)[1]) + s.newbits <= 27])
    error_message = "A subnet of private endpoints needs a /27 or more: lower its newbits, or choose a larger address_space."
  }

  # https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to
  validation {
    condition = alltrue([
      for s in var.subnets :
      s.delegation != "Microsoft.App/environments" || tonumber(split("/", var.address_space)[1]) + s.newbits <= 27
    ])
    error_message = "A subnet of a Flex Consumption function app needs a /27 or more: lower its newbits, or choose a larger address_space."
  }

  validation {
    condition     = alltrue([for s in var.subnets : !(s.nat && s.hub_firewall)])
    error_message = "A subnet's egress goes through the NAT gateway or through the hub's firewall: leave out nat or hub_firewall."
  }

  validation {
    condition     = var.hub_firewall_ip != null || !anytrue([for s in var.subnets : s.hub_firewall])
    error_message = "A subnet goes through the hub's firewall, and nobody says where that is: set hub_firewall_ip to its private address."
  }
}

variable "hub_firewall_ip" {
  description = "Private address of the hub's firewall, for subnets with `hub_firewall`. The peering with the hub is its owner's."
  type        = string
  default     = null

  validation {
    condition = (
      var.hub_firewall_ip == null ||
      can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", var.hub_firewall_ip)) &&
      can(cidrnetmask("${var.hub_firewall_ip}/32"))
    )
    error_message = join(" ", [
      "hub_firewall_ip is the firewall's private IPv4 address (10.0.1.4):",
      "the next hop of a route is inside the network or a peered one.",
    ])
  }
}

variable "nat_zones" {
  description = <<-EOT
    Availability zones of the NAT gateway's public address: all three make it zone-redundant, none leaves it to Azure.
    The gateway itself (Standard) is in one zone, which Azure chooses: https://learn.microsoft.com/azure/nat-gateway/nat-availability-zones
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  # Two are answered as three: https://github.com/Azure/terraform-azurerm-caf-enterprise-scale/issues/447
  validation {
    condition     = contains([0, 1, 3], length(var.nat_zones)) && length(setsubtract(var.nat_zones, ["1", "2", "3"])) == 0
    error_message = "nat_zones is one of the zones 1, 2 and 3, all three of them for a zone-redundant address, or empty."
  }
}

variable "diagnostics" {
  description = "Where the logs of the network security groups go; null for nowhere."
  type        = object({ workspace_id = string })
  default     = null
}
