# Agents of one's own, on machines that reach what Azure does not. Whoever installs one there takes its key from the factory:
# az datafactory integration-runtime list-auth-key; it is in no state and no variable.
# https://learn.microsoft.com/azure/data-factory/create-self-hosted-integration-runtime
resource "azapi_resource" "self_hosted_integration_runtime" {
  for_each = var.self_hosted_integration_runtimes

  type      = "Microsoft.DataFactory/factories/integrationRuntimes@2018-06-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  body      = { properties = { type = "SelfHosted", description = each.value } }
}

resource "azapi_resource" "further_linked_service" {
  for_each = var.further_linked_services

  type      = "Microsoft.DataFactory/factories/linkedservices@2018-06-01"
  parent_id = azapi_resource.this.id
  name      = each.key
  body = {
    properties = {
      type        = each.value.type
      description = each.value.description
      connectVia = {
        type = "IntegrationRuntimeReference"
        referenceName = (
          contains(keys(var.self_hosted_integration_runtimes), coalesce(each.value.connect_via, "-")) ?
          azapi_resource.self_hosted_integration_runtime[each.value.connect_via].name :
          azapi_resource.integration_runtime.name
        )
      }
      typeProperties = merge(
        each.value.properties,
        {
          for property, secret in each.value.secrets : property => {
            type       = "AzureKeyVaultSecret"
            secretName = secret.name
            store      = { type = "LinkedServiceReference", referenceName = azapi_resource.linked_service[secret.key_vault].name }
          }
        },
        each.value.credential == null ? {} : {
          credential = { type = "CredentialReference", referenceName = azapi_resource.credential[each.value.credential].name }
        },
      )
    }
  }
}
