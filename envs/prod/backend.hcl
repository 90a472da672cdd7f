# Where this environment's state lives. The names come from workload, environment and subscription (terraform/modules/naming):
# after a change of one of these, `toolkit bootstrap prod` says what to write here.
resource_group_name  = "rg-mlp-state-prod-7dbd2"
storage_account_name = "sttfmlpprod7dbd2"
container_name       = "tfstate"
key                  = "platform.tfstate"
use_azuread_auth     = true
