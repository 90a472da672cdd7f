output "pipelines" {
  description = "Resource ids of the pipelines, by name."
  value       = { for name, pipeline in merge(azapi_resource.pipeline, azapi_resource.orchestration) : name => pipeline.id }
}

output "triggers" {
  description = "Triggers by name: resource id, kind, the pipeline that each runs, and whether it is started."
  value = {
    for name, trigger in azapi_resource.trigger : name => {
      id       = trigger.id
      type     = local.triggers[name].type
      pipeline = local.triggers[name].pipelines[0].pipelineReference.referenceName
      started  = contains(keys(azapi_resource_action.start), name)
    }
  }
}
