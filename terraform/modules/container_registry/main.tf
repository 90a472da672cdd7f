locals {
  premium_properties = {
    dataEndpointEnabled = true
    networkRuleSet      = { defaultAction = "Deny", ipRules = [for rule in sort(var.ip_rules) : { action = "Allow", value = rule }] }
    zoneRedundancy      = var.zone_redundancy ? "Enabled" : "Disabled"
    policies = {
      # Azure refuses to disable exports while the public endpoint is open.
      exportPolicy     = { status = var.public_network_access == "Disabled" ? "disabled" : "enabled" }
      retentionPolicy  = { status = "enabled", days = var.untagged_retention_days }
      quarantinePolicy = { status = "disabled" }
    }
  }
}

resource "azapi_resource" "this" {
  type      = "Microsoft.ContainerRegistry/registries@2023-07-01"
  parent_id = var.parent_id
  name      = var.name
  location  = var.location
  tags      = var.tags

  dynamic "identity" {
    for_each = var.customer_managed_key == null ? [] : [var.customer_managed_key.identity_id]

    content {
      type         = "UserAssigned"
      identity_ids = [identity.value]
    }
  }

  body = {
    sku = { name = var.sku }
    properties = merge(
      {
        adminUserEnabled         = false
        networkRuleBypassOptions = "AzureServices"
        publicNetworkAccess      = var.public_network_access
      },
      var.sku == "Premium" ? local.premium_properties : null,
      # Without a version, so that the registry looks for a new one every hour:
      # https://learn.microsoft.com/azure/container-registry/tutorial-customer-managed-keys
      var.customer_managed_key == null ? null : {
        encryption = {
          status = "enabled"
          keyVaultProperties = {
            identity      = var.customer_managed_key.identity_client_id
            keyIdentifier = var.customer_managed_key.key_uri
          }
        }
      },
    )
  }
}

module "private_endpoint" {
  source   = "../private_endpoint"
  for_each = var.private_endpoints

  name                 = each.value.name
  parent_id            = var.parent_id
  location             = var.location
  tags                 = var.tags
  subnet_id            = each.value.subnet_id
  target_id            = azapi_resource.this.id
  group_id             = each.key
  private_dns_zone_ids = each.value.private_dns_zone_ids
}

module "diagnostic_setting" {
  source = "../diagnostic_setting"

  target_ids  = { this = azapi_resource.this.id }
  diagnostics = var.diagnostics
}

moved {
  from = azapi_resource.diagnostics[0]
  to   = module.diagnostic_setting.azapi_resource.this["this"]
}
