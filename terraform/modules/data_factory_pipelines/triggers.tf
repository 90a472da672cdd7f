locals {
  schedule_triggers = {
    for name, schedule in var.schedules : name => {
      type = "ScheduleTrigger"
      pipelines = [{
        pipelineReference = { type = "PipelineReference", referenceName = schedule.pipeline }
        parameters        = schedule.parameters
      }]
      typeProperties = {
        recurrence = {
          frequency = schedule.frequency
          interval  = schedule.interval
          startTime = schedule.start_time
          timeZone  = schedule.time_zone
          schedule  = { hours = schedule.hours, minutes = schedule.minutes }
        }
      }
    }
  }

  blob_event_triggers = {
    for name, event in var.blob_events : name => {
      type = "BlobEventsTrigger"
      pipelines = [{
        pipelineReference = { type = "PipelineReference", referenceName = event.pipeline }
        parameters        = event.parameters
      }]
      typeProperties = {
        scope              = event.storage_account_id
        events             = ["Microsoft.Storage.BlobCreated"]
        blobPathBeginsWith = "/${event.container}/blobs/${event.begins_with}"
        blobPathEndsWith   = event.ends_with
        ignoreEmptyBlobs   = true
      }
    }
  }

  triggers = merge(local.schedule_triggers, local.blob_event_triggers)
  started  = var.triggers_started ? toset(keys(local.triggers)) : toset([])
}

resource "azapi_resource" "trigger" {
  for_each = local.triggers

  type      = "Microsoft.DataFactory/factories/triggers@2018-06-01"
  parent_id = var.data_factory_id
  name      = each.key
  body      = { properties = each.value }

  depends_on = [azapi_resource.pipeline, azapi_resource.orchestration]
}

# A started trigger can neither be changed nor deleted, and whether it is started is no property of it but two actions:
# https://learn.microsoft.com/azure/data-factory/concepts-pipeline-execution-triggers
# Terraform destroys what depends on a resource before it changes that resource. So a change of a trigger replaces both of these:
# stop (when this one is destroyed), then the change, then start (when the other one is made).
resource "azapi_resource_action" "stop" {
  for_each = local.started

  type        = "Microsoft.DataFactory/factories/triggers@2018-06-01"
  resource_id = azapi_resource.trigger[each.key].id
  action      = "stop"
  method      = "POST"
  when        = "destroy"

  lifecycle {
    replace_triggered_by = [azapi_resource.trigger[each.key]]
  }
}

resource "azapi_resource_action" "start" {
  for_each = local.started

  type        = "Microsoft.DataFactory/factories/triggers@2018-06-01"
  resource_id = azapi_resource.trigger[each.key].id
  action      = "start"
  method      = "POST"
  when        = "apply"

  # Nothing is started that Terraform would not know how to stop.
  depends_on = [azapi_resource_action.stop]

  lifecycle {
    replace_triggered_by = [azapi_resource.trigger[each.key]]
  }
}
