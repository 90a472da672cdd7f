locals {
  stages        = ["training", "scoring", "registration", "deployment"]
  jobs_endpoint = "https://management.azure.com${var.machine_learning.workspace_id}/jobs"
  jobs_version  = "2025-12-01"
  code_version  = "@{pipeline().parameters.code_asset}/versions/@{pipeline().parameters.code_asset_version}"

  # A stage's own command, or that of the runtime proof, which brings its own code along. No run names a command: whoever
  # may run pipelines would run what they like on the cluster, as its identity.
  proof_command = "python prove.py"
  job_commands = {
    for stage in local.stages : stage =>
    "@{if(pipeline().parameters.prove, '${local.proof_command}', '${replace(var.commands[stage], "'", "''")}')}"
  }

  # A job is an ARM resource, so that the factory starts it without the workspace's own endpoints:
  # https://learn.microsoft.com/azure/machine-learning/how-to-configure-network-isolation-with-v2
  job_bodies = {
    for stage in local.stages : stage => {
      properties = {
        jobType        = "Command"
        displayName    = "${stage} @{pipeline().parameters.code_asset} @{pipeline().parameters.code_asset_version}"
        experimentName = stage
        codeId         = "${var.machine_learning.workspace_id}/codes/${local.code_version}"
        command        = local.job_commands[stage]
        environmentId  = var.machine_learning.environment_id
        computeId      = var.machine_learning.compute_id
        # The cluster's own identity; the factory's has no access to data.
        identity = { identityType = "Managed" }
        environmentVariables = {
          CODE_ASSET         = "@{pipeline().parameters.code_asset}"
          CODE_ASSET_VERSION = "@{pipeline().parameters.code_asset_version}"
          RELEASE            = "@{pipeline().parameters.release}"
        }
        tags = {
          code_asset         = "@{pipeline().parameters.code_asset}"
          code_asset_version = "@{pipeline().parameters.code_asset_version}"
          pipeline_run       = "@{pipeline().RunId}"
        }
      }
    }
  }

  job_url = "${local.jobs_endpoint}/@{pipeline().Pipeline}-@{pipeline().RunId}?api-version=${local.jobs_version}"

  read_job = {
    method         = "GET"
    url            = { type = "Expression", value = local.job_url }
    headers        = { Accept = "application/json" }
    authentication = local.arm_msi
    connectVia     = local.connect_via
  }

  job_pipelines = {
    for stage in local.stages : stage => {
      description = "Runs an Azure ML job with the given version of the code asset, and checks that the job used it."
      parameters = {
        code_asset         = { type = "String", defaultValue = var.code_asset }
        code_asset_version = { type = "String" }
        release            = { type = "String", defaultValue = "manual" }
        prove              = { type = "Bool", defaultValue = false }
        poll_seconds       = { type = "Int", defaultValue = var.poll_seconds }
      }
      activities = [
        {
          name   = "SubmitJob"
          type   = "WebActivity"
          policy = local.web_policy
          typeProperties = {
            method         = "PUT"
            url            = { type = "Expression", value = local.job_url }
            headers        = { "Content-Type" = "application/json", Accept = "application/json" }
            body           = { type = "Expression", value = jsonencode(local.job_bodies[stage]) }
            authentication = local.arm_msi
            connectVia     = local.connect_via
          }
        },
        {
          name      = "WaitForJob"
          type      = "Until"
          dependsOn = [{ activity = "SubmitJob", dependencyConditions = ["Succeeded"] }]
          typeProperties = {
            timeout = var.job_timeout
            expression = {
              type  = "Expression"
              value = "@contains(createArray('Completed', 'Failed', 'Canceled'), activity('PollJob').output.properties.status)"
            }
            activities = [
              {
                name           = "Pause"
                type           = "Wait"
                typeProperties = { waitTimeInSeconds = { type = "Expression", value = "@pipeline().parameters.poll_seconds" } }
              },
              {
                name           = "PollJob"
                type           = "WebActivity"
                dependsOn      = [{ activity = "Pause", dependencyConditions = ["Succeeded"] }]
                policy         = local.web_policy
                typeProperties = local.read_job
              },
            ]
          }
        },
        # What the job says of itself is the evidence, not what was sent. Outside of the loop, whose activities nobody else can name.
        {
          name           = "ReadJob"
          type           = "WebActivity"
          dependsOn      = [{ activity = "WaitForJob", dependencyConditions = ["Succeeded"] }]
          policy         = local.web_policy
          typeProperties = local.read_job
        },
        {
          name      = "CheckJob"
          type      = "IfCondition"
          dependsOn = [{ activity = "ReadJob", dependencyConditions = ["Succeeded"] }]
          typeProperties = {
            expression = {
              type = "Expression"
              value = join("", [
                "@and(equals(activity('ReadJob').output.properties.status, 'Completed'), ",
                "endswith(activity('ReadJob').output.properties.codeId, ",
                "concat('/codes/', pipeline().parameters.code_asset, '/versions/', pipeline().parameters.code_asset_version)))",
              ])
            }
            ifFalseActivities = [{
              name = "JobFailed"
              type = "Fail"
              typeProperties = {
                message = {
                  type = "Expression"
                  value = join(" ", [
                    "The job @{activity('ReadJob').output.name} is @{activity('ReadJob').output.properties.status}",
                    "with the code @{activity('ReadJob').output.properties.codeId}.",
                  ])
                }
                errorCode = "JobFailed"
              }
            }]
          }
        },
      ]
    }
  }
}
