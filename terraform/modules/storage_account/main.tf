locals {
  cmk = var.customer_managed_key

  # Without a version, so that the account looks for a new one every day. Queues and tables share the account's key only if they did
  # when it was made: https://learn.microsoft.com/azure/storage/common/customer-managed-keys-overview
  encryption = merge(
    {
      keySource                       = local.cmk == null ? "Microsoft.Storage" : "Microsoft.Keyvault"
      requireInfrastructureEncryption = true
      services = {
        for service in concat(["blob", "file"], try(local.cmk.queues_and_tables, false) ? ["queue", "table"] : []) :
        service => { enabled = true, keyType = "Account" }
      }
    },
    local.cmk == null ? null : {
      identity           = { userAssignedIdentity = local.cmk.identity_id }
      keyvaultproperties = { keyname = local.cmk.key_name, keyvaulturi = local.cmk.vault_uri }
    },
  )

  properties = {
    accessTier                   = "Hot"
    allowBlobPublicAccess        = false
    allowCrossTenantReplication  = false
    allowedCopyScope             = "AAD"
    allowSharedKeyAccess         = false
    defaultToOAuthAuthentication = true
    isHnsEnabled                 = var.is_hns_enabled
    isLocalUserEnabled           = false
    isSftpEnabled                = false
    minimumTlsVersion            = "TLS1_2"
    publicNetworkAccess          = var.public_network_access
    supportsHttpsTrafficOnly     = true
    encryption                   = local.encryption
    networkAcls = {
      bypass        = var.bypass
      defaultAction = "Deny"
      ipRules       = [for rule in sort(var.ip_rules) : { value = rule, action = "Allow" }]
      resourceAccessRules = [
        for id in sort(keys(var.resource_access_rules)) : { resourceId = id, tenantId = var.resource_access_rules[id] }
      ]
      virtualNetworkRules = [for id in var.subnet_ids : { id = id, action = "Allow" }]
    }
  }

  blob_service = merge(
    {
      deleteRetentionPolicy          = { enabled = true, days = var.retention_days }
      containerDeleteRetentionPolicy = { enabled = true, days = var.retention_days }
    },
    # Said even where they are off: an update keeps what it does not name. An account with a hierarchical namespace has none of them.
    # https://learn.microsoft.com/azure/storage/blobs/point-in-time-restore-overview
    var.is_hns_enabled ? null : {
      isVersioningEnabled = var.versioning
      changeFeed          = { enabled = var.restore_days != null }
      restorePolicy       = merge({ enabled = var.restore_days != null }, var.restore_days == null ? {} : { days = var.restore_days })
    },
  )
}

resource "azapi_resource" "this" {
  type      = "Microsoft.Storage/storageAccounts@2023-05-01"
  parent_id = var.parent_id
  name      = var.name
  location  = var.location
  tags      = var.tags

  # Of the identity's id.
  ignore_casing = var.customer_managed_key != null

  dynamic "identity" {
    for_each = var.customer_managed_key == null ? [] : [var.customer_managed_key.identity_id]

    content {
      type         = "UserAssigned"
      identity_ids = [identity.value]
    }
  }

  body = {
    kind       = "StorageV2"
    sku        = { name = var.sku }
    properties = local.properties
  }
}

# The blob service comes with the account, so that there is nothing to create.
resource "azapi_update_resource" "blob_service" {
  type      = "Microsoft.Storage/storageAccounts/blobServices@2023-05-01"
  parent_id = azapi_resource.this.id
  name      = "default"
  body      = { properties = local.blob_service }
}

resource "azapi_update_resource" "file_service" {
  count = var.file_shares ? 1 : 0

  type      = "Microsoft.Storage/storageAccounts/fileServices@2023-05-01"
  parent_id = azapi_resource.this.id
  name      = "default"
  body      = { properties = { shareDeleteRetentionPolicy = { enabled = true, days = var.retention_days } } }
}

resource "azapi_resource" "container" {
  for_each = var.containers

  type      = "Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01"
  parent_id = "${azapi_resource.this.id}/blobServices/default"
  name      = each.key
  body      = { properties = { publicAccess = "None" } }
}

resource "azapi_resource" "lifecycle" {
  count = length(var.lifecycle_rules) == 0 ? 0 : 1

  type      = "Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01"
  parent_id = azapi_resource.this.id
  name      = "default"
  body = {
    properties = {
      policy = {
        rules = [for name, rule in var.lifecycle_rules : {
          enabled = true
          name    = name
          type    = "Lifecycle"
          definition = {
            filters = { blobTypes = ["blockBlob"], prefixMatch = rule.prefixes }
            actions = merge(
              rule.tier_to_cool_after == null && rule.delete_after == null ? {} : {
                baseBlob = merge(
                  rule.tier_to_cool_after == null ? {} : { tierToCool = { daysAfterModificationGreaterThan = rule.tier_to_cool_after } },
                  rule.delete_after == null ? {} : { delete = { daysAfterModificationGreaterThan = rule.delete_after } },
                )
              },
              rule.delete_versions_after == null ? {} : {
                version = { delete = { daysAfterCreationGreaterThan = rule.delete_versions_after } }
              },
            )
          }
        }]
      }
    }
  }
  # A rule about versions is refused while versioning is off.
  depends_on = [azapi_update_resource.blob_service]
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

  target_ids = {
    for service in concat(["blob"], var.file_shares ? ["file"] : []) :
    service => "${azapi_resource.this.id}/${service}Services/default"
  }
  diagnostics     = var.diagnostics
  log_categories  = ["StorageRead", "StorageWrite", "StorageDelete"]
  metric_category = "Transaction"
}

moved {
  from = azapi_resource.diagnostics
  to   = module.diagnostic_setting.azapi_resource.this
}
