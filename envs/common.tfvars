# What all environments share. Each environment's own values are in envs/<env>/terraform.tfvars.
workload = "mlp"

tags = {
  product = "ml-platform"
}

data_factory = {
  time_to_live_minutes = 10
}
