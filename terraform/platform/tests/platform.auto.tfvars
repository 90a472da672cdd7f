# The smallest platform, for every test in this folder; a test says only what it has otherwise.
environment     = "dev"
location        = "westeurope"
tenant_id       = "00000000-0000-0000-0000-0000000000aa"
subscription_id = "00000000-0000-0000-0000-000000000001"
workload        = "mlp"
state = {
  resource_group_name  = "rg-state"
  storage_account_name = "sttfmlpdev"
  container_name       = "tfstate"
  tenant_id            = "00000000-0000-0000-0000-0000000000aa"
  subscription_id      = "00000000-0000-0000-0000-000000000001"
}
public_network_access = {
  storage                    = "Enabled"
  key_vault                  = "Disabled"
  container_registry         = "Disabled"
  data_factory               = "Disabled"
  machine_learning_workspace = "Disabled"
}
storage = {
  sku             = "Standard_LRS"
  retention_days  = 7
  containers      = ["smoke", "adftrain"]
  lake_containers = ["raw", "curated"]
}
key_vault  = { retention_days = 7, purge_protection = false }
monitoring = { retention_days = 30 }
network = {
  address_space = "10.40.0.0/20"
  subnets       = { private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true } }
}
machine_learning = {
  image_build_compute = "cpu-cluster"
  computes            = { cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 } }
}
