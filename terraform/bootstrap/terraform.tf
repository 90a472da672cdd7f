# No backend block: the first run keeps its state in a local file; the toolkit then writes backend.tf and moves the state into
# the account that the run made.
terraform {
  required_version = ">= 1.11"

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
