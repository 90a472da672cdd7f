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
