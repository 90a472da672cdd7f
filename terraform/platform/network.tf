locals {
  # Batch endpoints and parallel jobs of Azure Machine Learning share out their work through queues and tables of the default account:
  # https://learn.microsoft.com/azure/machine-learning/how-to-secure-batch-endpoint
  parallel_zones = {
    for group in ["queue", "table"] : group => ["privatelink.${group}.core.windows.net"] if var.machine_learning.parallel_jobs
  }

  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  zones_by_group = merge({
    blob         = ["privatelink.blob.core.windows.net"]
    dfs          = ["privatelink.dfs.core.windows.net"]
    file         = ["privatelink.file.core.windows.net"]
    vault        = ["privatelink.vaultcore.azure.net"]
    registry     = ["privatelink.azurecr.io"]
    amlworkspace = ["privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"]
    dataFactory  = ["privatelink.datafactory.azure.net"]
    portal       = ["privatelink.adf.azure.com"]
  }, local.parallel_zones, local.batch_zones, local.function_zones)

  zones = toset(flatten(values(local.zones_by_group)))

  own_network        = var.network.existing == null
  virtual_network_id = local.own_network ? one(module.network[*].id) : var.network.existing.virtual_network_id
  subnet_ids         = local.own_network ? one(module.network[*].subnet_ids) : var.network.existing.subnet_ids

  # Which groups of each resource have a private endpoint in the network.
  endpoint_groups = merge({
    storage                    = concat(["blob", "file"], keys(local.parallel_zones))
    lake                       = ["blob", "dfs"]
    pointer_storage            = ["blob"]
    key_vault                  = ["vault"]
    container_registry         = ["registry"]
    machine_learning_workspace = ["amlworkspace"]
    data_factory               = ["dataFactory", "portal"]
    },
    local.with_batch ? { batch = keys(local.batch_zones) } : {},
    local.with_function_app ? { function = keys(local.function_zones), function_storage = ["blob"] } : {},
  )

  # Short enough for a name of 64 characters:
  # https://learn.microsoft.com/azure/cloud-adoption-framework/ready/azure-best-practices/resource-abbreviations
  endpoint_abbreviations = {
    storage                    = "st"
    lake                       = "dls"
    pointer_storage            = "stcp"
    function_storage           = "stfn"
    key_vault                  = "kv"
    container_registry         = "cr"
    machine_learning_workspace = "mlw"
    data_factory               = "adf"
    batch                      = "ba"
    function                   = "func"
  }

  private_endpoints = {
    for resource, groups in local.endpoint_groups : resource => {
      for group in groups : group => {
        name      = "${local.names.private_endpoint}-${local.endpoint_abbreviations[resource]}-${lower(group)}"
        subnet_id = local.subnet_ids["private_endpoints"]
        private_dns_zone_ids = [
          for zone in local.zones_by_group[group] : module.private_dns.zone_ids[zone] if var.private_dns.records != "policy"
        ]
      }
    }
  }
}

module "network" {
  source = "../modules/network"
  count  = local.own_network ? 1 : 0

  names = {
    virtual_network        = local.names.virtual_network
    network_security_group = local.names.network_security_group
    nat_gateway            = local.names.nat_gateway
    public_ip              = local.names.public_ip
    route_table            = local.names.route_table
  }
  parent_id       = local.resource_group_id
  location        = var.location
  tags            = local.tags
  address_space   = var.network.address_space
  subnets         = var.network.subnets
  hub_firewall_ip = var.network.hub_firewall_ip
  nat_zones       = var.network.nat_zones
  diagnostics     = local.diagnostics
}

module "private_dns" {
  source    = "../modules/private_dns"
  providers = { azapi = azapi.dns }

  parent_id           = local.resource_group_id
  tags                = local.tags
  zones               = var.private_dns.records == "own" ? local.zones : []
  existing_zone_ids   = [for id in var.private_dns.zone_ids : id if contains(local.zones, lower(basename(id)))]
  virtual_network_ids = var.private_dns.link ? { platform = local.virtual_network_id } : {}
}
