# Where this environment's state lives. The names come from workload, environment and subscription (terraform/modules/naming):
# after a change of one of these, `toolkit bootstrap dev` says what to write here.
resource_group_name  = "rg-mlp-state-dev-5ab91"
storage_account_name = "sttfmlpdev5ab91"
container_name       = "tfstate"
key                  = "platform.tfstate"
use_azuread_auth     = true
