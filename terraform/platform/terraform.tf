terraform {
  required_version = ">= 1.11"

  # Settings come from envs/<env>/backend.hcl and the bootstrap's outputs.
  backend "azurerm" {}

  required_providers {
    azapi = {
      source  = "Azure/azapi"
      version = ">= 1.15.0, < 3.0.0"
    }
  }
}

provider "azapi" {
  tenant_id       = var.tenant_id
  subscription_id = var.subscription_id
}

# Central zones may stand in another subscription than the platform.
provider "azapi" {
  alias           = "dns"
  tenant_id       = var.tenant_id
  subscription_id = try(split("/", sort(var.private_dns.zone_ids)[0])[2], var.subscription_id)
}
