data "terraform_remote_state" "bootstrap" {
  backend = "azurerm"
  config = {
    resource_group_name  = var.state.resource_group_name
    storage_account_name = var.state.storage_account_name
    container_name       = var.state.container_name
    tenant_id            = var.state.tenant_id
    subscription_id      = var.state.subscription_id
    key                  = "bootstrap.tfstate"
    use_azuread_auth     = true
  }

  lifecycle {
    postcondition {
      condition = self.outputs.environment == var.environment
      error_message = join(" ", [
        "The bootstrap's state belongs to the environment ${self.outputs.environment}, not to ${var.environment}:",
        "correct envs/${var.environment}/backend.hcl, or run toolkit bootstrap ${var.environment}.",
      ])
    }
  }
}

module "naming" {
  source = "../modules/naming"

  workload        = var.workload
  environment     = var.environment
  subscription_id = var.subscription_id
  overrides       = var.name_overrides
  tags            = var.tags
  required_tags   = var.required_tags
}

locals {
  bootstrap         = data.terraform_remote_state.bootstrap.outputs
  resource_group_id = local.bootstrap.platform_resource_group_id
  names             = module.naming.names
  tags              = module.naming.tags
  diagnostics       = { workspace_id = module.monitoring.log_analytics_workspace_id }
}
