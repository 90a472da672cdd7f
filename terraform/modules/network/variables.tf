variable "names" {
  description = "Names: `virtual_network`, and the stems `network_security_group`, `nat_gateway`, `public_ip`."
  type = object({
    virtual_network        = string
    network_security_group = string
    nat_gateway            = string
    public_ip              = string
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
    condition     = can(cidrhost(var.address_space, 0)) && can(cidrnetmask(var.address_space)) && cidrhost(var.address_space, 0) == split("/", var.address_space)[0]
    error_message = "address_space must be an IPv4 range that starts at its first address, for example 10.40.0.0/20."
  }
}

variable "subnets" {
  description = <<-EOT
    Subnets by key. The range is cut out of address_space by `cidrsubnet(address_space, newbits, netnum)`.
    `private_endpoints` holds endpoints, and its network security group applies to them. `nat` sends the subnet's egress
    through the NAT gateway. `service_endpoints` as Azure names them (Microsoft.Storage.Global).
  EOT
  type = map(object({
    newbits           = number
    netnum            = number
    private_endpoints = optional(bool, false)
    nat               = optional(bool, false)
    service_endpoints = optional(list(string), [])
    delegation        = optional(string)
  }))

  validation {
    condition     = alltrue([for s in var.subnets : can(cidrsubnet(var.address_space, s.newbits, s.netnum))])
    error_message = "A subnet does not fit into address_space: netnum must be below 2 to the power of newbits. Choose a larger address_space or another netnum."
  }

  # Azure keeps five addresses of each subnet: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
  validation {
    condition     = alltrue([for s in var.subnets : tonumber(split("/", var.address_space)[1]) + s.newbits <= 28])
    error_message = "A subnet smaller than /28 has too few addresses for private endpoints or compute: lower its newbits, or choose a larger address_space."
  }
}
