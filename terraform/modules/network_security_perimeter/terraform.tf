terraform {
  required_version = ">= 1.11"

  required_providers {
    azapi = {
      source  = "Azure/azapi"
      version = ">= 1.15.0, < 3.0.0"
    }
  }
}
