locals {
  connect_via = { type = "IntegrationRuntimeReference", referenceName = azapi_resource.integration_runtime.name }

  # Whoever names no authentication acts as the factory's managed identity:
  # https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage#managed-identity
  linked_service_properties = {
    for name, service in var.linked_services : name => {
      AzureBlobStorage = {
        serviceEndpoint = service.url
        # Data flows refuse a managed identity without it: https://learn.microsoft.com/azure/data-factory/connector-azure-blob-storage
        accountKind        = "StorageV2"
        authenticationType = "Msi"
      }
      AzureBlobFS   = { url = service.url }
      AzureKeyVault = { baseUrl = service.url }
      AzureMLService = {
        subscriptionId    = try(split("/", service.workspace_id)[2], null)
        resourceGroupName = try(split("/", service.workspace_id)[4], null)
        mlWorkspaceName   = try(split("/", service.workspace_id)[8], null)
        authentication    = "MSI"
      }
    }[service.type] if service.type != "AzureBatch"
  }
}

resource "azapi_resource" "linked_service" {
  for_each = local.linked_service_properties

  type      = "Microsoft.DataFactory/factories/linkedservices@2018-06-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  body = {
    properties = {
      type           = var.linked_services[each.key].type
      connectVia     = local.connect_via
      typeProperties = each.value
    }
  }
}

# Apart from the others, because it names one of them.
resource "azapi_resource" "batch_linked_service" {
  for_each = { for name, service in var.linked_services : name => service.batch if service.type == "AzureBatch" }

  type      = "Microsoft.DataFactory/factories/linkedservices@2018-06-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  body = {
    properties = {
      type       = "AzureBatch"
      connectVia = local.connect_via
      typeProperties = {
        accountName = each.value.account_name
        batchUri    = each.value.endpoint
        poolName    = each.value.pool_name
        linkedServiceName = {
          type          = "LinkedServiceReference"
          referenceName = azapi_resource.linked_service[each.value.storage].name
        }
        # Batch takes a key or a user-assigned identity, not the factory's own.
        credential = { type = "CredentialReference", referenceName = azapi_resource.credential[each.value.credential].name }
      }
    }
  }
}

# A user-assigned identity that linked services can name.
resource "azapi_resource" "credential" {
  for_each = var.credentials

  type      = "Microsoft.DataFactory/factories/credentials@2018-06-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  body = {
    properties = {
      type           = "ManagedIdentity"
      typeProperties = { resourceId = each.value }
    }
  }
}
