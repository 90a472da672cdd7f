locals {
  # Key Vault answers an address as a range of one: https://github.com/hashicorp/terraform-provider-azurerm/issues/2164
  ip_ranges = toset([for rule in var.ip_rules : strcontains(rule, "/") ? rule : "${rule}/32"])
}

resource "azapi_resource" "this" {
  # Older control-plane versions retire on 2027-02-27: https://learn.microsoft.com/azure/key-vault/general/access-control-default
  type                      = "Microsoft.KeyVault/vaults@2026-02-01"
  schema_validation_enabled = var.schema_validation
  parent_id                 = var.parent_id
  name                      = var.name
  location                  = var.location
  tags                      = var.tags
  body = {
    properties = merge(
      {
        tenantId                     = var.tenant_id
        sku                          = { family = "A", name = contains(values(var.keys)[*].type, "RSA-HSM") ? "premium" : "standard" }
        enableRbacAuthorization      = true
        enableSoftDelete             = true
        softDeleteRetentionInDays    = var.retention_days
        enabledForDeployment         = false
        enabledForDiskEncryption     = false
        enabledForTemplateDeployment = false
        publicNetworkAccess          = var.public_network_access
        networkAcls = {
          bypass              = "AzureServices"
          defaultAction       = "Deny"
          ipRules             = [for rule in sort(local.ip_ranges) : { value = rule }]
          virtualNetworkRules = []
        }
      },
      # Azure refuses false: the property is true or absent.
      var.purge_protection ? { enablePurgeProtection = true } : {},
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
