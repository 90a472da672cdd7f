locals {
  # In the largest units, as idle_times of clusters.
  instance_idle_times = {
    for name, instance in var.compute_instances : name => join("", [
      "P",
      floor(instance.idle_minutes / 1440) > 0 ? "${floor(instance.idle_minutes / 1440)}D" : "",
      instance.idle_minutes % 1440 > 0 ? "T" : "",
      floor(instance.idle_minutes % 1440 / 60) > 0 ? "${floor(instance.idle_minutes % 1440 / 60)}H" : "",
      instance.idle_minutes % 60 > 0 ? "${instance.idle_minutes % 60}M" : "",
    ])
  }

  instance_properties = {
    for name, instance in var.compute_instances : name => {
      vmSize                           = instance.vm_size
      applicationSharingPolicy         = "Personal"
      computeInstanceAuthorizationType = "personal"
      personalComputeInstanceSettings  = { assignedUser = { objectId = instance.user_object_id, tenantId = var.tenant_id } }
      enableNodePublicIp               = false
      sshSettings                      = { sshPublicAccess = "Disabled" }
      idleTimeBeforeShutdown           = local.instance_idle_times[name]
      schedules = {
        computeStartStop = [
          for action, expression in { Start = instance.start, Stop = instance.stop } : {
            action                          = action
            triggerType                     = "Cron"
            cron                            = { expression = expression, timeZone = instance.time_zone }
            status                          = "Enabled"
          } if expression != null
        ]
      }
    }
  }
}

# Whoever it is assigned to cannot be changed, nor can its machine: another machine takes its place.
# https://learn.microsoft.com/azure/machine-learning/how-to-create-compute-instance
resource "terraform_data" "compute_instance" {
  for_each = local.instance_properties

  input = sha256(jsonencode(each.value))
}

resource "azapi_resource" "compute_instance" {
  for_each = local.instance_properties

  # Earlier stable api-versions than the workspace's have no idleTimeBeforeShutdown in azapi's schema of 1.15.
  type                      = "Microsoft.MachineLearningServices/workspaces/computes@2026-05-01"
  schema_validation_enabled = var.schema_validation
  parent_id                 = azapi_resource.this.id
  name                      = each.key
  location                  = var.location
  tags                      = var.tags

  body = {
    properties = {
      computeType      = "ComputeInstance"
      computeLocation  = var.location
      disableLocalAuth = true
      properties       = each.value
    }
  }

  timeouts {
    create = var.timeouts.computes
    delete = var.timeouts.computes
  }

  lifecycle {
    # Written once: a person starts, stops and schedules it in studio, and a change here is another machine.
    ignore_changes       = [body, tags]
    replace_triggered_by = [terraform_data.compute_instance[each.key]]
  }
}
