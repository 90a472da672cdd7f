locals {
  # One template, so that what the runtime proof shows of one holds for the other.
  orchestrated = {
    train-and-deploy = {
      description = "Reads the code pointer, then trains, scores, registers and deploys with that version."
      stages      = local.stages
      parameters  = { code_asset = { type = "String", defaultValue = var.code_asset } }
      hands_on    = {}
    }
    prove-code-version = {
      description = "What train-and-deploy does, as far as scoring, with the toolkit's own code: toolkit smoke --category runtime."
      stages      = slice(local.stages, 0, 2)
      parameters = {
        code_asset   = { type = "String" }
        poll_seconds = { type = "Int" }
      }
      hands_on = {
        prove        = true
        poll_seconds = { type = "Expression", value = "@pipeline().parameters.poll_seconds" }
      }
    }
  }

  # Each stage works with the version that the pointer named at the start, also when CI publishes another one meanwhile.
  orchestrations = {
    for name, orchestration in local.orchestrated : name => {
      description = orchestration.description
      concurrency = 1
      parameters  = orchestration.parameters
      activities = concat(
        [{
          name = "ReadCodePointer"
          type = "ExecutePipeline"
          typeProperties = {
            pipeline         = { type = "PipelineReference", referenceName = azapi_resource.pipeline["read-code-pointer"].name }
            waitOnCompletion = true
            parameters       = { code_asset = { type = "Expression", value = "@pipeline().parameters.code_asset" } }
          }
        }],
        [for position, stage in orchestration.stages : {
          name = title(stage)
          type = "ExecutePipeline"
          dependsOn = [
            { activity = position == 0 ? "ReadCodePointer" : title(local.stages[position - 1]), dependencyConditions = ["Succeeded"] },
          ]
          typeProperties = {
            pipeline         = { type = "PipelineReference", referenceName = azapi_resource.pipeline[stage].name }
            waitOnCompletion = true
            parameters = merge(orchestration.hands_on, {
              code_asset         = { type = "Expression", value = "@activity('ReadCodePointer').output.pipelineReturnValue.name" }
              code_asset_version = { type = "Expression", value = "@activity('ReadCodePointer').output.pipelineReturnValue.version" }
              release            = { type = "Expression", value = "@pipeline().RunId" }
            })
          }
        }],
      )
    }
  }
}
