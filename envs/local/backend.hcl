# Where this environment's state lives. The names come from workload, environment and subscription (terraform/modules/naming):
# after a change of one of these, `toolkit bootstrap local` says what to write here.
resource_group_name  = "rg-mlp-state-local-094da"
storage_account_name = "sttfmlplocal094da"
container_name       = "tfstate"
key                  = "platform.tfstate"
use_azuread_auth     = true
