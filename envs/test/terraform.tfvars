# Test: production's redundancy at a smaller size.
state_account = {
  sku            = "Standard_ZRS"
  retention_days = 30
}

storage = {
  sku             = "Standard_ZRS"
  retention_days  = 30
  restore_days    = 14
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

container_registry = {
  zone_redundancy         = true
  untagged_retention_days = 30
}

monitoring = {
  retention_days = 60
  daily_quota_gb = 5
  alert_emails   = ["ml-platform-test@example.com"] # yours
}

budget = { amount = 1000 }
locks  = false

network = {
  address_space = "10.42.0.0/20"
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
    cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 4 }
  }
}

batch = {
  vm_size   = "Standard_D4s_v5"
  max_nodes = 4
}

function_app = {}

pipelines = {
  environment      = "train"
  triggers_started = false
  schedules = {
    daily = { pipeline = "train-and-deploy", hours = [2] }
  }
  blob_events = {
    new-training-data = { pipeline = "batch-train-score", container = "adftrain", begins_with = "data/", ends_with = "train.csv" }
  }
}
