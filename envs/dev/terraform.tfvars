# Development: small, and nothing in it is protected.
storage = {
  sku             = "Standard_LRS"
  retention_days  = 7
  containers      = ["smoke", "adftrain"]
  lake_containers = ["raw", "curated"]
  lifecycle_rules = {
    expire-smoke = { prefixes = ["smoke/"], delete_after = 7 }
  }
}

key_vault = {
  retention_days   = 7
  purge_protection = false
}

container_registry = {
  zone_redundancy         = false
  untagged_retention_days = 7
}

monitoring = {
  retention_days = 30
  daily_quota_gb = 1
  alert_emails   = ["ml-platform-dev@example.com"] # yours
}

budget = { amount = 500 }
locks  = false

network = {
  address_space = "10.41.0.0/20"
  subnets = {
    private_endpoints = { newbits = 4, netnum = 0, private_endpoints = true }
    batch             = { newbits = 4, netnum = 2, nat = false }
    functions         = { newbits = 4, netnum = 3, nat = false, delegation = "Microsoft.App/environments" }
  }
}

machine_learning = {
  isolation_mode       = "AllowInternetOutbound"
  high_business_impact = false
  image_build_compute  = "cpu-cluster"
  computes = {
    cpu-cluster = { vm_size = "Standard_D4s_v5", max_nodes = 2 }
  }
}

batch = {
  vm_size   = "Standard_D2s_v5"
  max_nodes = 2
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

# People draft pipelines here; Terraform deploys them.
development = true

data_factory = {
  git_configuration = { account_name = "example-org", repository_name = "ml-platform", root_folder = "/adf" }
}

# Here data engineers write pipelines; in test and prod (false, the default) they run what CI has brought.
data_engineers_author = true
