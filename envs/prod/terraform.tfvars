# Production.
state_account = {
  sku            = "Standard_GZRS"
  retention_days = 90
}

storage = {
  sku             = "Standard_GZRS"
  retention_days  = 90
  restore_days    = 60
  containers      = ["smoke", "adftrain"]
  lake_containers = ["raw", "curated"]
  lifecycle_rules = {
    expire-versions = { prefixes = ["adftrain/"], delete_versions_after = 90 }
    expire-smoke    = { prefixes = ["smoke/"], delete_after = 7 }
    cool-adftrain   = { prefixes = ["adftrain/"], tier_to_cool_after = 30, delete_after = 365 }
  }
}

key_vault = {
  retention_days   = 90
  purge_protection = true
}

customer_managed_keys = {
  enabled      = true
  rotate_after = "P1Y"
}

container_registry = {
  zone_redundancy         = true
  untagged_retention_days = 90
}

monitoring = {
  retention_days = 365
  daily_quota_gb = -1
  alert_emails   = ["ml-platform-prod@example.com"] # yours
}

budget = { amount = 5000 }
locks  = true

network = {
  address_space = "10.43.0.0/20"
  nat_zones     = ["1", "2", "3"]
  subnets = {
    private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
    batch             = { newbits = 4, netnum = 2, nat = true }
    functions         = { newbits = 4, netnum = 3, nat = true, delegation = "Microsoft.App/environments" }
  }
}

machine_learning = {
  isolation_mode       = "AllowInternetOutbound"
  high_business_impact = true
  image_build_compute  = "cpu-cluster"
  computes = {
    cpu-cluster = { vm_size = "Standard_D8s_v5", max_nodes = 8 }
    gpu-cluster = { vm_size = "Standard_NC4as_T4_v3", max_nodes = 2, idle_seconds = 600 }
  }
}

batch = {
  vm_size   = "Standard_D8s_v5"
  max_nodes = 16
}

function_app = {
  zone_redundant = true
}

pipelines = {
  environment      = "train"
  triggers_started = true
  schedules = {
    daily = { pipeline = "train-and-deploy", hours = [2] }
  }
  blob_events = {
    new-training-data = { pipeline = "batch-train-score", container = "adftrain", begins_with = "data/", ends_with = "train.csv" }
  }
}
