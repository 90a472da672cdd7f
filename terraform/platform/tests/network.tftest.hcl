mock_provider "azapi" {}

mock_provider "azapi" {
  alias = "dns"
}

mock_provider "terraform" {
  source = "./tests/mocks"
}

# The network of a spoke and the zones of its hub, for the runs that name them.
variables {
  spoke = {
    virtual_network_id = "/subscriptions/hub/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/spoke"
    subnet_ids = {
      for key in ["private_endpoints", "functions", "batch"] :
      key => "/subscriptions/hub/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/spoke/subnets/${key}"
    }
  }
  hub_zone_ids = [
    for zone in [
      "blob.core.windows.net", "dfs.core.windows.net", "file.core.windows.net", "queue.core.windows.net", "table.core.windows.net",
      "vaultcore.azure.net",
      "azurecr.io", "api.azureml.ms", "notebooks.azure.net", "datafactory.azure.net", "adf.azure.com", "batch.azure.com",
      "azurewebsites.net",
    ] : "/subscriptions/hub/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.${zone}"
  ]
}

run "own_network_and_zones" {
  command = plan

  assert {
    condition     = length(module.network) == 1 && toset(keys(output.private_dns_zones)) == local.zones
    error_message = "The platform makes its network and every zone that its endpoints need."
  }

  assert {
    condition = alltrue([
      for endpoints in local.private_endpoints :
      alltrue([for endpoint in endpoints : length(endpoint.private_dns_zone_ids) > 0])
    ])
    error_message = "Every endpoint has its records."
  }
}

run "hub_and_spoke" {
  command = plan

  variables {
    network = { existing = var.spoke }
    private_dns = {
      records  = "existing"
      zone_ids = var.hub_zone_ids
    }
  }

  assert {
    condition = (
      length(module.network) == 0 &&
      output.virtual_network_id == var.network.existing.virtual_network_id &&
      output.private_endpoint_subnet_id == var.network.existing.subnet_ids["private_endpoints"]
    )
    error_message = "The endpoints go into the network that stands, and no other is made."
  }

  assert {
    condition = (
      toset(keys(output.private_dns_zones)) == local.zones &&
      alltrue([for id in values(output.private_dns_zones) : startswith(id, "/subscriptions/hub/resourceGroups/rg-dns/")])
    )
    error_message = "The records go into the hub's zones, of those only that are needed."
  }

  assert {
    condition = contains(
      [for id in var.hub_zone_ids : id if endswith(id, "/privatelink.vaultcore.azure.net")],
      local.private_endpoints.key_vault.vault.private_dns_zone_ids[0]
    )
    error_message = "An endpoint writes into the zone of its service."
  }
}

run "records_by_policy" {
  command = plan

  variables {
    network     = { existing = var.spoke }
    private_dns = { records = "policy" }
  }

  assert {
    condition = (
      length(output.private_dns_zones) == 0 &&
      alltrue([
        for endpoints in local.private_endpoints :
        alltrue([for endpoint in endpoints : length(endpoint.private_dns_zone_ids) == 0])
      ])
    )
    error_message = "A policy writes the records: neither zones nor zone groups."
  }
}

run "own_network_through_a_hub_s_firewall" {
  command = plan

  variables {
    network = {
      address_space   = "10.40.0.0/20"
      hub_firewall_ip = "10.0.1.4"
      subnets = {
        private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
        functions         = { newbits = 4, netnum = 2, hub_firewall = true, delegation = "Microsoft.App/environments" }
        batch             = { newbits = 4, netnum = 3, hub_firewall = true }
      }
    }
    private_dns = {
      records  = "existing"
      link     = false
      zone_ids = var.hub_zone_ids
    }
  }

  assert {
    condition     = length(module.network) == 1 && toset(keys(output.private_dns_zones)) == local.zones
    error_message = "A network of its own goes with zones of a hub, too."
  }
}

run "invalid_network_both" {
  command = plan

  variables {
    network = {
      address_space = "10.40.0.0/20"
      subnets       = { private_endpoints = { newbits = 4, netnum = 0 } }
      existing = {
        virtual_network_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v"
        subnet_ids = {
          private_endpoints = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/pe"
        }
      }
    }
  }

  expect_failures = [var.network]
}

run "invalid_network_neither" {
  command = plan

  variables {
    network = { subnets = { private_endpoints = { newbits = 4, netnum = 0 } } }
  }

  expect_failures = [var.network]
}

run "invalid_subnet_of_another_network" {
  command = plan

  variables {
    network = {
      existing = {
        virtual_network_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v"
        subnet_ids = {
          private_endpoints = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/w/subnets/pe"
        }
      }
    }
  }

  expect_failures = [var.network]
}

run "invalid_existing_without_endpoint_subnet" {
  command = plan

  variables {
    network = {
      existing = {
        virtual_network_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v"
        subnet_ids = {
          function = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/f"
        }
      }
    }
  }

  expect_failures = [var.network]
}

run "invalid_service_endpoint_beside_private_endpoints" {
  command = plan

  variables {
    network = {
      address_space = "10.40.0.0/20"
      subnets = {
        private_endpoints = { newbits = 4, netnum = 0 }
        compute           = { newbits = 4, netnum = 1, service_endpoints = ["Microsoft.Storage.Global"] }
      }
    }
  }

  expect_failures = [var.network]
}

run "invalid_records" {
  command = plan

  variables {
    private_dns = { records = "central" }
  }

  expect_failures = [var.private_dns]
}

run "invalid_zones_beside_own" {
  command = plan

  variables {
    private_dns = {
      zone_ids = var.hub_zone_ids
    }
  }

  expect_failures = [var.private_dns]
}

run "invalid_zone_missing" {
  command = plan

  variables {
    private_dns = {
      records  = "existing"
      zone_ids = ["/subscriptions/hub/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"]
    }
  }

  expect_failures = [var.private_dns]
}

run "invalid_zones_of_several_subscriptions" {
  command = plan

  variables {
    private_dns = {
      records  = "existing"
      zone_ids = [for id in var.hub_zone_ids : replace(id, "subscriptions/hub", "subscriptions/${basename(id)}")]
    }
  }

  expect_failures = [var.private_dns]
}

# What the service makes an endpoint to by itself must have no rule, and everything else of the workspace's must have one.
run "outbound_endpoints_to_what_is_open" {
  command = plan

  assert {
    condition     = join(" ", keys(local.outbound_endpoints)) == "default-blob default-file default-queue default-table lake-blob lake-dfs"
    error_message = "Jobs reach the default account through endpoints of our own, since its public access is not disabled."
  }
}

run "outbound_endpoints_with_everything_open" {
  command = plan

  variables {
    public_network_access = {
      storage                    = "Enabled"
      key_vault                  = "Enabled"
      container_registry         = "Enabled"
      data_factory               = "Enabled"
      machine_learning_workspace = "Enabled"
    }
  }

  assert {
    condition = join(" ", keys(local.outbound_endpoints)) == (
      "container-registry default-blob default-file default-queue default-table key-vault lake-blob lake-dfs"
    )
    error_message = "Each resource of the workspace whose firewall denies jobs has its endpoints."
  }
}

run "outbound_endpoints_with_everything_closed" {
  command = plan

  variables {
    public_network_access = {
      storage                    = "Disabled"
      key_vault                  = "Disabled"
      container_registry         = "Disabled"
      data_factory               = "Disabled"
      machine_learning_workspace = "Disabled"
    }
  }

  assert {
    condition     = join(" ", keys(local.outbound_endpoints)) == "default-queue default-table lake-blob lake-dfs"
    error_message = "The service makes the endpoints to what is closed, but for queues and tables; a second rule is refused."
  }
}

run "outbound_endpoints_of_approved_outbound" {
  command = plan

  variables {
    machine_learning = {
      isolation_mode      = "AllowOnlyApprovedOutbound"
      image_build_compute = "cpu-cluster"
      computes            = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 } }
    }
  }

  assert {
    condition     = join(" ", keys(local.outbound_endpoints)) == "default-queue default-table lake-blob lake-dfs"
    error_message = "With approved outbound the service makes all endpoints of the workspace's resources."
  }
}

run "outbound_endpoints_without_a_managed_network" {
  command = plan

  variables {
    machine_learning = {
      isolation_mode      = "Disabled"
      image_build_compute = "cpu-cluster"
      computes            = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 } }
    }
  }

  assert {
    condition     = length(local.outbound_endpoints) == 0
    error_message = "Without a managed network there are no outbound rules."
  }
}

run "no_queues_and_tables_without_parallel_jobs" {
  command = plan

  variables {
    machine_learning = {
      parallel_jobs       = false
      image_build_compute = "cpu-cluster"
      computes            = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 } }
    }
  }

  assert {
    condition = (
      keys(local.private_endpoints.storage) == ["blob", "file"] &&
      !contains(local.zones, "privatelink.queue.core.windows.net") &&
      !contains(keys(local.outbound_endpoints), "default-table")
    )
    error_message = "Whoever runs no parallel jobs pays for no endpoints of theirs."
  }

  assert {
    condition     = !contains(keys(output.role_assignments), "compute_on_storage_queues")
    error_message = "Nobody works with queues whom no parallel job makes."
  }
}

run "parallel_jobs_work_with_queues_and_tables" {
  command = plan

  assert {
    condition = (
      output.role_assignments["compute_on_storage_queues"].role == "Storage Queue Data Contributor" &&
      output.role_assignments["compute_on_storage_tables"].role == "Storage Table Data Contributor"
    )
    error_message = "The clusters' identity shares out the work of parallel jobs without a key of the account."
  }
}
