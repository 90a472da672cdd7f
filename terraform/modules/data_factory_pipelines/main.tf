locals {
  connect_via = { type = "IntegrationRuntimeReference", referenceName = var.integration_runtime_name }
  web_policy  = { timeout = "0.00:10:00", retry = 2, retryIntervalInSeconds = 30, secureInput = false, secureOutput = false }
  storage_msi = { type = "MSI", resource = "https://storage.azure.com/" }
  arm_msi     = { type = "MSI", resource = "https://management.azure.com/" }

  # Blob storage takes a bearer token from 2017-11-09 on:
  # https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
  storage_headers = { "x-ms-version" = "2023-11-03", Accept = "application/json" }

  pipelines      = merge(local.storage_pipelines, local.path_pipelines, local.job_pipelines, local.batch_pipelines)
  pipeline_names = [for name, pipeline in merge(local.pipelines, local.orchestrations) : name]

  storage_pipelines = {
    # The version that consumers use is the one that Azure ML registered and CI published; nothing is looked up in Azure ML.
    read-code-pointer = {
      description = "Reads which version of a code asset is current, from its pointer blob; returns `name` and `version`."
      parameters  = { code_asset = { type = "String", defaultValue = var.code_asset } }
      activities = [
        {
          name   = "ReadPointer"
          type   = "WebActivity"
          policy = local.web_policy
          typeProperties = {
            method = "GET"
            url = {
              type  = "Expression"
              value = "${var.pointer_container_url}/code-assets/@{pipeline().parameters.code_asset}/latest.json"
            }
            headers        = local.storage_headers
            authentication = local.storage_msi
            connectVia     = local.connect_via
          }
        },
        {
          name      = "CheckPointer"
          type      = "IfCondition"
          dependsOn = [{ activity = "ReadPointer", dependencyConditions = ["Succeeded"] }]
          typeProperties = {
            expression = {
              type = "Expression"
              value = join("", [
                "@and(equals(activity('ReadPointer').output.assetName, pipeline().parameters.code_asset), ",
                "not(empty(string(activity('ReadPointer').output.version))))",
              ])
            }
            ifFalseActivities = [{
              name = "WrongPointer"
              type = "Fail"
              typeProperties = {
                message = {
                  type = "Expression"
                  value = join(" ", [
                    "The pointer of @{pipeline().parameters.code_asset} names the asset",
                    "@{activity('ReadPointer').output.assetName}, version @{activity('ReadPointer').output.version}.",
                  ])
                }
                errorCode = "WrongPointer"
              }
            }]
          }
        },
        {
          name      = "ReturnVersion"
          type      = "SetVariable"
          dependsOn = [{ activity = "CheckPointer", dependencyConditions = ["Succeeded"] }]
          typeProperties = {
            # https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-return-value
            variableName      = "pipelineReturnValue"
            setSystemVariable = true
            value = [
              { key = "name", value = { type = "Expression", content = "@activity('ReadPointer').output.assetName" } },
              { key = "version", value = { type = "Expression", content = "@string(activity('ReadPointer').output.version)" } },
            ]
          }
        },
      ]
    }

    # Whoever may run a pipeline makes the factory ask with its own identity, so that the addresses are these two, and only the status
    # leaves: with an address of the caller's, or an output, it would read the vault's secrets to them.
    # https://learn.microsoft.com/azure/data-factory/control-flow-web-activity
    network-probe = {
      description = "One GET of a blob from the managed virtual network, as the factory: whether it reaches it, and nothing of the blob."
      parameters = {
        container = { type = "String", defaultValue = basename(var.pointer_container_url) }
        blob      = { type = "String" }
      }
      activities = [{
        name   = "Probe"
        type   = "WebActivity"
        policy = merge(local.web_policy, { retry = 0, secureOutput = true })
        typeProperties = {
          method = "GET"
          url = {
            type = "Expression"
            value = join("", [
              "@{if(equals(pipeline().parameters.container, 'adftrain'), ",
              "'${var.storage.blob_endpoint}adftrain', '${var.pointer_container_url}')}/@{pipeline().parameters.blob}",
            ])
          }
          headers        = local.storage_headers
          authentication = local.storage_msi
          connectVia     = local.connect_via
        }
      }]
    }
  }
}

resource "azapi_resource" "pipeline" {
  for_each = local.pipelines

  type      = "Microsoft.DataFactory/factories/pipelines@2018-06-01"
  parent_id = var.data_factory_id
  name      = each.key
  body      = { properties = merge({ folder = { name = var.folder } }, each.value) }
}

resource "azapi_resource" "orchestration" {
  for_each = local.orchestrations

  type      = "Microsoft.DataFactory/factories/pipelines@2018-06-01"
  parent_id = var.data_factory_id
  name      = each.key
  body      = { properties = merge({ folder = { name = var.folder } }, each.value) }
}
