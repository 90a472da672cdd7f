locals {
  # One rule for each of what Azure takes one by one: a rule names addresses, subscriptions or domain names.
  access_rules = merge(
    length(var.inbound_address_prefixes) == 0 ? {} : {
      inbound-addresses = { direction = "Inbound", addressPrefixes = sort(var.inbound_address_prefixes) }
    },
    length(var.inbound_subscription_ids) == 0 ? {} : {
      inbound-subscriptions = {
        direction     = "Inbound"
        subscriptions = [for id in sort(var.inbound_subscription_ids) : { id = "/subscriptions/${id}" }]
      }
    },
    length(var.outbound_fqdns) == 0 ? {} : {
      outbound-names = { direction = "Outbound", fullyQualifiedDomainNames = sort(var.outbound_fqdns) }
    },
  )
}

resource "azapi_resource" "this" {
  # The first stable version, which azapi 1.15 does not know.
  type                      = "Microsoft.Network/networkSecurityPerimeters@2024-07-01"
  schema_validation_enabled = var.schema_validation
  parent_id                 = var.parent_id
  name                      = var.name
  location                  = var.location
  tags                      = var.tags
  body                      = { properties = {} }
}

resource "azapi_resource" "profile" {
  type                      = "Microsoft.Network/networkSecurityPerimeters/profiles@2024-07-01"
  schema_validation_enabled = var.schema_validation
  parent_id                 = azapi_resource.this.id
  name                      = "platform"
  body                      = { properties = {} }
}

# Resources of their own, so that rules that the toolkit adds for a while are no change of these.
resource "azapi_resource" "access_rule" {
  for_each = local.access_rules

  type                      = "Microsoft.Network/networkSecurityPerimeters/profiles/accessRules@2024-07-01"
  schema_validation_enabled = var.schema_validation
  parent_id                 = azapi_resource.profile.id
  name                      = each.key
  body                      = { properties = each.value }
}

# After the rules: a member that obeys them would be closed to those whom they let in.
resource "azapi_resource" "association" {
  for_each = var.members

  type                      = "Microsoft.Network/networkSecurityPerimeters/resourceAssociations@2024-07-01"
  schema_validation_enabled = var.schema_validation
  parent_id                 = azapi_resource.this.id
  name                      = each.key
  body = {
    properties = {
      privateLinkResource = { id = each.value.id }
      profile             = { id = azapi_resource.profile.id }
      accessMode          = each.value.access_mode
    }
  }

  depends_on = [azapi_resource.access_rule]
}

module "diagnostic_setting" {
  source = "../diagnostic_setting"

  target_ids  = { this = azapi_resource.this.id }
  diagnostics = var.diagnostics
  # https://learn.microsoft.com/azure/private-link/network-security-perimeter-diagnostic-logs
  log_categories = [
    "NspPublicInboundPerimeterRulesAllowed", "NspPublicInboundPerimeterRulesDenied",
    "NspPublicOutboundPerimeterRulesAllowed", "NspPublicOutboundPerimeterRulesDenied",
    "NspOutboundAttempt", "NspIntraPerimeterInboundAllowed", "NspPrivateInboundAllowed",
    "NspPublicInboundResourceRulesAllowed", "NspPublicInboundResourceRulesDenied",
    "NspPublicOutboundResourceRulesAllowed", "NspPublicOutboundResourceRulesDenied",
  ]
  metric_category = null
}
