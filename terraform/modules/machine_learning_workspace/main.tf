locals {
  outbound_rules = merge(
    {
      for name, rule in var.outbound_private_endpoints : name => {
        type     = "PrivateEndpoint"
        category = "UserDefined"
        destination = {
          serviceResourceId = rule.resource_id
          subresourceTarget = rule.group_id
          sparkEnabled      = false
        }
      }
    },
    {
      for name, fqdn in var.outbound_fqdns : name => {
        type        = "FQDN"
        category    = "UserDefined"
        destination = fqdn
      }
    },
    {
      for name, rule in var.outbound_service_tags : name => {
        type     = "ServiceTag"
        category = "UserDefined"
        destination = {
          action     = "Allow"
          serviceTag = rule.tag
          protocol   = rule.protocol
          portRanges = rule.ports
        }
      }
    },
  )

  managed_network = merge(
    { isolationMode = var.isolation_mode },
    var.isolation_mode == "AllowOnlyApprovedOutbound" ? { firewallSku = var.firewall_sku } : {},
    var.isolation_mode == "Disabled" ? {} : { outboundRules = local.outbound_rules },
  )

  # A version cannot be changed once it is there, so that it is called after what is in it.
  environment_versions = {
    for name, environment in var.environments : name => {
      image = environment.image
      conda = environment.conda == null ? null : yamlencode({
        name     = name
        channels = environment.conda.channels
        dependencies = concat(
          environment.conda.dependencies,
          length(environment.conda.pip) == 0 ? [] : ["pip"],
          [for packages in [environment.conda.pip] : { pip = packages } if length(packages) > 0],
        )
      })
    }
  }
}

resource "azapi_resource" "this" {
  # The first stable api-versions with systemDatastoresAuthMode, without which the workspace wants the storage account's keys:
  # https://learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage
  # Of them, only previews have ipAllowlist (https://github.com/Azure/azure-rest-api-specs, machinelearningservices).
  type = (
    length(var.ip_allowlist) == 0 ?
    "Microsoft.MachineLearningServices/workspaces@2026-05-01" :
    "Microsoft.MachineLearningServices/workspaces@2026-05-15-preview"
  )
  schema_validation_enabled = var.schema_validation
  parent_id                 = var.parent_id
  name                      = var.name
  location                  = var.location
  tags                      = var.tags

  # Azure answers Microsoft.Keyvault and Microsoft.insights, whatever was sent: https://github.com/Azure/azure-rest-api-specs/issues/8323
  ignore_casing = true

  identity {
    type         = "UserAssigned"
    identity_ids = distinct(concat([var.identity_id], var.customer_managed_key == null ? [] : [var.customer_managed_key.identity_id]))
  }

  body = {
    kind = "Default"
    sku  = { name = "Basic", tier = "Basic" }
    properties = merge(
      {
        friendlyName                = var.name
        storageAccount              = var.storage_account_id
        keyVault                    = var.key_vault_id
        applicationInsights         = var.application_insights_id
        containerRegistry           = var.container_registry_id
        primaryUserAssignedIdentity = var.identity_id
        publicNetworkAccess         = var.public_network_access
        systemDatastoresAuthMode    = "Identity"
        v1LegacyMode                = false
        hbiWorkspace                = var.high_business_impact
        enableDataIsolation         = false
        managedNetwork              = local.managed_network
      },
      # The metadata stay with the service, encrypted; otherwise it makes a database, a search service and an account in a group of its
      # own in the subscription. https://learn.microsoft.com/azure/machine-learning/concept-customer-managed-keys
      var.customer_managed_key == null ? null : {
        enableServiceSideCMKEncryption = true
        encryption = {
          status   = "Enabled"
          identity = { userAssignedIdentity = var.customer_managed_key.identity_id }
          keyVaultProperties = {
            keyVaultArmId = var.customer_managed_key.vault_id
            keyIdentifier = var.customer_managed_key.key_uri_with_version
          }
        }
      },
      # Otherwise the network is made with the first job, which then waits half an hour for it:
      # https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
      var.isolation_mode == "Disabled" ? {} : { provisionNetworkNow = true },
      # Serverless compute stands in that network, too, and needs no public address there:
      # https://learn.microsoft.com/azure/machine-learning/how-to-use-serverless-compute
      var.isolation_mode == "Disabled" ? {} : { serverlessComputeSettings = { serverlessComputeNoPublicIP = true } },
      length(var.ip_allowlist) == 0 ? {} : { ipAllowlist = sort(var.ip_allowlist) },
      var.image_build_compute == null ? {} : { imageBuildCompute = var.image_build_compute },
    )
  }

  response_export_values = ["properties.workspaceId"]

  timeouts {
    create = var.timeouts.workspace
    update = var.timeouts.workspace
    delete = var.timeouts.workspace
  }

  lifecycle {
    # Also what makes the workspace wait for the assignments.
    precondition {
      condition = length(var.identity_role_assignment_ids) > 0
      error_message = join(" ", [
        "A workspace with an identity of its own fails unless that identity has its roles first:",
        "pass their ids in identity_role_assignment_ids.",
        "https://learn.microsoft.com/azure/machine-learning/how-to-identity-based-service-authentication",
      ])
    }
  }
}

locals {
  # As Azure hands it back, in the largest units (PT2M, not PT120S): another form of the same duration is a change in every plan.
  idle_units = {
    for name, compute in var.computes : name => {
      D = floor(compute.idle_seconds / 86400)
      H = floor(compute.idle_seconds % 86400 / 3600)
      M = floor(compute.idle_seconds % 3600 / 60)
      S = compute.idle_seconds % 60
    }
  }
  idle_times = {
    for name, units in local.idle_units : name => join("", [
      "P",
      units.D > 0 ? "${units.D}D" : "",
      units.H + units.M + units.S > 0 ? "T" : "",
      join("", [for unit in ["H", "M", "S"] : "${units[unit]}${unit}" if units[unit] > 0]),
    ])
  }
}

resource "azapi_resource" "compute" {
  for_each = var.computes

  type      = "Microsoft.MachineLearningServices/workspaces/computes@2024-04-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  location  = var.location
  tags      = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.compute_identity_id]
  }

  body = {
    properties = {
      computeType      = "AmlCompute"
      computeLocation  = var.location
      disableLocalAuth = true
      properties = {
        vmSize                      = each.value.vm_size
        vmPriority                  = each.value.priority
        osType                      = "Linux"
        enableNodePublicIp          = false
        isolatedNetwork             = false
        remoteLoginPortPublicAccess = "Disabled"
        scaleSettings = {
          minNodeCount                = 0
          maxNodeCount                = each.value.max_nodes
          nodeIdleTimeBeforeScaleDown = local.idle_times[each.key]
        }
      }
    }
  }

  timeouts {
    create = var.timeouts.computes
    delete = var.timeouts.computes
  }
}

resource "azapi_resource" "datastore" {
  for_each = var.datastores

  type      = "Microsoft.MachineLearningServices/workspaces/datastores@2024-04-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  body = {
    properties = merge(
      {
        datastoreType                 = each.value.kind
        accountName                   = each.value.account_name
        endpoint                      = "core.windows.net"
        protocol                      = "https"
        serviceDataAccessAuthIdentity = "WorkspaceUserAssignedIdentity"
        credentials                   = { credentialsType = "None" }
      },
      each.value.kind == "AzureBlob" ? { containerName = each.value.container } : { filesystem = each.value.container },
    )
  }
}

locals {
  environment_ids           = { for name in keys(var.environments) : name => "${azapi_resource.this.id}/environments/${name}" }
  environment_version_names = { for name, version in local.environment_versions : name => substr(sha256(jsonencode(version)), 0, 12) }
  environment_version_ids = {
    for name, version in local.environment_version_names : name => "${local.environment_ids[name]}/versions/${version}"
  }
}

# Written, and never deleted one by one: Azure refuses that, and the lineage of jobs and models leads to the versions that they ran
# in. Who has no more use for one archives it; all go with the workspace.
# https://github.com/Azure/azure-powershell/issues/24018, https://github.com/Azure/azure-cli/issues/21957
resource "azapi_resource_action" "environment" {
  for_each = var.environments

  type        = "Microsoft.MachineLearningServices/workspaces/environments@2024-04-01"
  resource_id = local.environment_ids[each.key]
  method      = "PUT"
  when        = "apply"
  body        = { properties = { description = each.value.description, isArchived = false } }
}

resource "azapi_resource_action" "environment_version" {
  for_each = local.environment_versions

  type        = "Microsoft.MachineLearningServices/workspaces/environments/versions@2024-04-01"
  resource_id = local.environment_version_ids[each.key]
  method      = "PUT"
  when        = "apply"
  body = {
    properties = merge(
      { image = each.value.image, osType = "Linux", isAnonymous = false, isArchived = false },
      each.value.conda == null ? {} : { condaFile = each.value.conda },
    )
  }

  depends_on = [azapi_resource_action.environment]
}

# What former versions of this module made stays where it is.
removed {
  from = azapi_resource.environment

  lifecycle {
    destroy = false
  }
}

removed {
  from = azapi_resource.environment_version

  lifecycle {
    destroy = false
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
