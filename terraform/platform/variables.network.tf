variable "network" {
  description = <<-EOT
    A virtual network of the platform's own (`address_space`, `subnets`), or one that stands already (`existing`).

    * `address_space`: the range of its own network.
    * `hub_firewall_ip`: next hop of the subnets with `hub_firewall`.
    * `nat_zones`: availability zones of the NAT gateway's public address.
    * `subnets`: by key, as in modules/network; `private_endpoints` is required.
    * `existing`: `virtual_network_id`, and `subnet_ids` by the same keys.
  EOT
  type = object({
    address_space   = optional(string)
    hub_firewall_ip = optional(string)
    nat_zones       = optional(set(string), [])
    subnets = optional(map(object({
      newbits           = number
      netnum            = number
      private_endpoints = optional(bool, false)
      nat               = optional(bool, false)
      hub_firewall      = optional(bool, false)
      service_endpoints = optional(list(string), [])
      delegation        = optional(string)
    })), {})
    existing = optional(object({
      virtual_network_id = string
      subnet_ids         = map(string)
    }))
  })

  validation {
    condition     = (var.network.existing == null) == (var.network.address_space != null)
    error_message = "network is either one to make (address_space and subnets) or one that stands (existing): give one of the two."
  }

  # The first five: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq; 172.17.0.0/16 is Docker's bridge
  # on the nodes of a cluster: https://learn.microsoft.com/azure/machine-learning/how-to-secure-training-vnet.
  # Two ranges overlap when they are the same at the shorter of their prefixes.
  validation {
    condition = var.network.address_space == null || try(alltrue([
      for reserved in [
        "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "172.17.0.0/16"
      ] :
      cidrhost("${split("/", var.network.address_space)[0]}/${min([
        for range in [var.network.address_space, reserved] : tonumber(split("/", range)[1])
        ]...)}", 0) != cidrhost("${split("/", reserved)[0]}/${min([
        for range in [var.network.address_space, reserved] : tonumber(split("/", range)[1])
      ]...)}", 0)
    ]), true)
    error_message = join(" ", [
      "network.address_space overlaps a range that Azure keeps for itself (127.0.0.0/8, 168.63.129.16, 169.254.0.0/16,",
      "224.0.0.0/4, 255.255.255.255) or 172.17.0.0/16, which Docker uses on the nodes of clusters: choose another range.",
    ])
  }

  validation {
    condition = contains(
      var.network.existing == null ? keys(var.network.subnets) : keys(var.network.existing.subnet_ids),
      "private_endpoints"
    )
    error_message = join(" ", [
      "network needs a subnet called private_endpoints (in subnets, or in existing.subnet_ids):",
      "every private endpoint takes its address from it.",
    ])
  }

  validation {
    condition = var.network.existing == null || try(
      can(regex(
        "(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Network/virtualNetworks/[^/]+$",
        var.network.existing.virtual_network_id
      ))
      && alltrue([
        for id in values(var.network.existing.subnet_ids) :
        startswith(lower(id), lower("${var.network.existing.virtual_network_id}/subnets/"))
      ]),
      false
    )
    error_message = join(" ", [
      "network.existing takes the resource id of a virtual network and of subnets in it:",
      "az network vnet subnet list --resource-group GROUP --vnet-name NAME --query [].id",
    ])
  }

  # https://learn.microsoft.com/azure/machine-learning/how-to-managed-network#limitations
  validation {
    condition = var.machine_learning.isolation_mode == "Disabled" || length([
      for service in flatten([for subnet in var.network.subnets : subnet.service_endpoints]) : service
      if can(regex("^Microsoft\\.(Storage|KeyVault|ContainerRegistry)", service))
    ]) == 0
    error_message = join(" ", [
      "Beside the workspace's managed network, one resource cannot have private endpoints and service endpoints:",
      "leave Microsoft.Storage, Microsoft.KeyVault and Microsoft.ContainerRegistry out of service_endpoints.",
    ])
  }
}

variable "private_dns" {
  description = <<-EOT
    Who keeps the records of the private endpoints.
    https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/private-link-and-dns-integration-at-scale

    * `records`: `own` for zones of the platform's own, linked to its network; `existing` for a hub's central zones; `policy` where an
      Azure Policy of the landing zone writes the records, so that endpoints have no zone group.
    * `zone_ids`: the central zones, also in another subscription.
    * `link`: whether the zones are linked to the network.
  EOT
  type = object({
    records  = optional(string, "own")
    zone_ids = optional(set(string), [])
    link     = optional(bool, true)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["own", "existing", "policy"], var.private_dns.records)
    error_message = "private_dns.records is own, existing or policy."
  }

  validation {
    condition     = var.private_dns.records == "existing" || length(var.private_dns.zone_ids) == 0
    error_message = "private_dns.zone_ids are read with records = \"existing\" only: two zones of one name cannot be linked to a network."
  }

  validation {
    condition = (
      var.private_dns.records != "existing" ||
      length(setsubtract(local.zones, [for id in var.private_dns.zone_ids : lower(basename(id))])) == 0
    )
    error_message = join(" ", [
      "private_dns.zone_ids lacks",
      "${join(", ", setsubtract(local.zones, [for id in var.private_dns.zone_ids : lower(basename(id))]))}:",
      "add their resource ids, or ask the hub's owner for the zones.",
    ])
  }

  validation {
    condition     = length(distinct([for id in var.private_dns.zone_ids : try(split("/", id)[2], "")])) <= 1
    error_message = "private_dns.zone_ids are of several subscriptions: the platform links zones of one."
  }
}
