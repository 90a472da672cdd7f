locals {
  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  zones_by_group = {
    blob         = ["privatelink.blob.core.windows.net"]
    dfs          = ["privatelink.dfs.core.windows.net"]
    file         = ["privatelink.file.core.windows.net"]
    vault        = ["privatelink.vaultcore.azure.net"]
    registry     = ["privatelink.azurecr.io"]
    amlworkspace = ["privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"]
    dataFactory  = ["privatelink.datafactory.azure.net"]
    portal       = ["privatelink.adf.azure.com"]
  }

  # Which groups of each resource have a private endpoint in the network.
  endpoint_groups = {
    storage                    = ["blob", "file"]
    lake                       = ["blob", "dfs"]
    key_vault                  = ["vault"]
    container_registry         = ["registry"]
    machine_learning_workspace = ["amlworkspace"]
    data_factory               = ["dataFactory", "portal"]
  }

  private_endpoints = {
    for resource, groups in local.endpoint_groups : resource => {
      for group in groups : group => {
        name                 = "${local.names.private_endpoint}-${replace(resource, "_", "-")}-${lower(group)}"
        subnet_id            = module.network.subnet_ids["private_endpoints"]
        private_dns_zone_ids = [for zone in local.zones_by_group[group] : module.private_dns.zone_ids[zone]]
      }
    }
  }
}

module "network" {
  source = "../modules/network"

  names = {
    virtual_network        = local.names.virtual_network
    network_security_group = local.names.network_security_group
    nat_gateway            = local.names.nat_gateway
    public_ip              = local.names.public_ip
  }
  parent_id     = local.resource_group_id
  location      = var.location
  tags          = local.tags
  address_space = var.network.address_space
  subnets       = var.network.subnets
}

module "private_dns" {
  source = "../modules/private_dns"

  parent_id           = local.resource_group_id
  tags                = local.tags
  zones               = toset(flatten(values(local.zones_by_group)))
  virtual_network_ids = { platform = module.network.id }
}
