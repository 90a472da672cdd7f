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
  subscription = "/subscriptions/${var.subscription_id}"
  names        = module.naming.names
  tags         = module.naming.tags

  state_container = "tfstate"
  plans_container = "plans"
  state_rule_key  = lower("Microsoft.Storage/storageAccounts/${local.names.state_storage_account}")

  # What the platform uses, directly or behind the scenes: azapi registers a provider only when a call fails for the lack of it,
  # and does not see indirect needs such as Microsoft.Network for the workspace's managed network.
  # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
  resource_providers = toset([
    "Microsoft.App", # Flex Consumption runs on it, and without it the site's PUT answers 500: Azure/terraform-provider-azapi#625
    "Microsoft.Batch",
    "Microsoft.ContainerRegistry",
    "Microsoft.DataFactory",
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.MachineLearningServices",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
  ])
}

locals {
  state_private_endpoints = {
    for group, endpoint in { blob = var.state_private_endpoint } : group => {
      name                        = "${local.names.private_endpoint}-state-${group}"
      subnet_id                   = endpoint.subnet_id
      private_dns_zone_ids        = endpoint.private_dns_zone_ids
    } if endpoint != null
  }
}

resource "azapi_resource_action" "register" {
  for_each = local.resource_providers

  type        = "Microsoft.Resources/providers@2021-04-01"
  resource_id = "${local.subscription}/providers/${each.key}"
  action      = "register"
  method      = "POST"
}

resource "azapi_resource" "state_resource_group" {
  type      = "Microsoft.Resources/resourceGroups@2024-03-01"
  parent_id = local.subscription
  name      = local.names.state_resource_group
  location  = var.location
  tags      = local.tags

  # The states are kept in here, this root's own among them. A group and what is in it stay where they were made: another
  # location is for what the platform's root makes.
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [location]
  }

  depends_on = [azapi_resource_action.register]
}

resource "azapi_resource" "platform_resource_group" {
  type      = "Microsoft.Resources/resourceGroups@2024-03-01"
  parent_id = local.subscription
  name      = local.names.resource_group
  location  = var.location
  tags      = local.tags

  # The location of a group says where its metadata is, not where its resources are:
  # https://learn.microsoft.com/azure/azure-resource-manager/management/overview#resource-group-location-alignment
  lifecycle {
    ignore_changes = [location]
  }

  depends_on = [azapi_resource_action.register]
}

module "state" {
  source = "../modules/storage_account"

  name                  = local.names.state_storage_account
  parent_id             = azapi_resource.state_resource_group.id
  location              = azapi_resource.state_resource_group.location
  tags                  = local.tags
  sku                   = var.state_account.sku
  retention_days        = var.state_account.retention_days
  public_network_access = var.public_network_access.state
  # What a lease lets in is declared for as long as it is open: so it is no drift, and an apply in the middle leaves it there.
  ip_rules          = setunion(var.state_ip_rules, lookup(var.toolkit_leases, local.state_rule_key, []))
  subnet_ids        = var.state_subnet_ids
  private_endpoints = local.state_private_endpoints
  # Nothing of Azure's own needs the states.
  bypass     = "None"
  containers = [local.state_container, local.plans_container]
  # `toolkit plan --store` keeps a plan for a day, and says when it was used. What is left of either goes by itself.
  lifecycle_rules = {
    expire-plans = { prefixes = ["${local.plans_container}/"], delete_after = 7, delete_versions_after = 1 }
  }
}
