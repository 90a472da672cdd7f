# What all environments share. Each environment's own values are in envs/<env>/terraform.tfvars.
workload = "mlp"

tags = {
  product     = "ml-platform"
  owner       = "ml-platform-team"
  cost-center = "0000"
}

# Without one of these nothing is planned.
required_tags = ["owner", "cost-center"]

data_factory = {
  time_to_live_minutes = 10
}

machine_learning_environments = {
  train = {
    description = "Training and scoring."
    image       = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
    conda = {
      dependencies = ["python=3.11", "scikit-learn=1.5", "pandas=2.2"]
      pip          = ["azureml-mlflow==1.62.0.post6"]
    }
  }
}
