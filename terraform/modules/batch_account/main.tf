resource "azapi_resource" "this" {
  type      = "Microsoft.Batch/batchAccounts@2024-02-01"
  parent_id = var.parent_id
  name      = var.name
  location  = var.location
  tags      = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity_id]
  }

  body = {
    properties = merge(
      {
        poolAllocationMode         = "BatchService"
        publicNetworkAccess        = var.public_network_access
        allowedAuthenticationModes = ["AAD", "TaskAuthenticationToken"]
        autoStorage = {
          storageAccountId      = var.storage_account_id
          authenticationMode    = "BatchAccountManagedIdentity"
          nodeIdentityReference = { resourceId = var.node_identity_id }
        }
      },
      # Without a version, so that Batch follows the key's rotation: https://learn.microsoft.com/azure/batch/batch-customer-managed-key
      var.customer_managed_key == null ? null : {
        encryption = {
          keySource          = "Microsoft.KeyVault"
          keyVaultProperties = { keyIdentifier = var.customer_managed_key.key_uri }
        }
      },
      # There are no rules for a public endpoint that is off: https://learn.microsoft.com/azure/batch/public-network-access
      var.public_network_access == "Disabled" ? {} : {
        networkProfile = {
          accountAccess        = { defaultAction = "Deny", ipRules = [for rule in sort(var.ip_rules) : { action = "Allow", value = rule }] }
          nodeManagementAccess = { defaultAction = "Deny", ipRules = [] }
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

locals {
  # The last sample alone would drop nodes between two samples: https://learn.microsoft.com/azure/batch/batch-automatic-scaling
  scaling_formula = join("\n", [
    "samples = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 5);",
    join("", [
      "tasks = samples < 70 ? max(0, $PendingTasks.GetSample(1)) : ",
      "max($PendingTasks.GetSample(1), avg($PendingTasks.GetSample(TimeInterval_Minute * 5)));",
    ]),
    "$TargetDedicatedNodes = min(${var.pool.max_nodes}, (tasks + ${var.pool.task_slots_per_node - 1}) / ${var.pool.task_slots_per_node});",
    "$TargetLowPriorityNodes = 0;",
    "$NodeDeallocationOption = taskcompletion;",
  ])
}

resource "azapi_resource" "pool" {
  type      = "Microsoft.Batch/batchAccounts/pools@2024-02-01"
  parent_id = azapi_resource.this.id
  name      = var.pool.name

  identity {
    type         = "UserAssigned"
    identity_ids = [var.node_identity_id]
  }

  body = {
    properties = {
      vmSize           = upper(var.pool.vm_size)
      taskSlotsPerNode = var.pool.task_slots_per_node
      taskSchedulingPolicy = {
        nodeFillType = "Pack"
      }
      # The classic mode needs inbound ports and a public address:
      # https://learn.microsoft.com/azure/batch/simplified-compute-node-communication
      targetNodeCommunicationMode = "Simplified"
      deploymentConfiguration = {
        virtualMachineConfiguration = {
          imageReference = var.pool.image
          nodeAgentSkuId = var.pool.node_agent_sku_id
        }
      }
      networkConfiguration = {
        subnetId                     = var.pool.subnet_id
        publicIPAddressConfiguration = { provision = "NoPublicIPAddresses" }
      }
      scaleSettings = {
        autoScale = { evaluationInterval = "PT5M", formula = local.scaling_formula }
      }
      upgradePolicy = { mode = "manual" }
    }
  }

  timeouts {
    create = "30m"
    delete = "30m"
  }

  # Nodes without a public address report to Batch through the endpoint nodeManagement, or never become ready:
  # https://learn.microsoft.com/azure/batch/simplified-node-communication-pool-no-public-ip
  depends_on = [module.private_endpoint]
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
