mock_provider "azapi" {
  override_resource {
    target = azapi_resource.trigger
    values = { id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf/triggers/t" }
  }
}

variables {
  data_factory_id          = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DataFactory/factories/adf"
  integration_runtime_name = "ir-managed-vnet"
  storage                  = { blob_endpoint = "https://st.blob.core.windows.net/" }
  pointer_container_url    = "https://stcp.blob.core.windows.net/ml-globals"
  machine_learning = {
    workspace_id   = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw"
    compute_id     = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw/computes/cpu"
    environment_id = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"
  }
  batch = {
    endpoint                = "https://ba.westeurope.batch.azure.com"
    pool_name               = "cpu"
    credential_name         = "factory"
    node_identity_id        = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"
    node_identity_client_id = "00000000-0000-0000-0000-0000000000c1"
  }
}

run "pointer_is_read_through_the_managed_network" {
  command = plan

  assert {
    condition = jsonencode(azapi_resource.pipeline["read-code-pointer"].body.properties.activities[0].typeProperties) == jsonencode({
      authentication = { resource = "https://storage.azure.com/", type = "MSI" }
      connectVia     = { referenceName = "ir-managed-vnet", type = "IntegrationRuntimeReference" }
      headers        = { Accept = "application/json", "x-ms-version" = "2023-11-03" }
      method         = "GET"
      url = {
        type  = "Expression"
        value = "https://stcp.blob.core.windows.net/ml-globals/code-assets/@{pipeline().parameters.code_asset}/latest.json"
      }
    })
    error_message = "Outside of the managed network, without a token or with an old x-ms-version the account refuses the factory."
  }

  assert {
    condition = (
      azapi_resource.pipeline["read-code-pointer"].body.properties.activities[2].typeProperties.setSystemVariable &&
      [for entry in azapi_resource.pipeline["read-code-pointer"].body.properties.activities[2].typeProperties.value : entry.key] == [
        "name",
        "version",
      ]
    )
    error_message = "The version is handed on."
  }
}

run "every_web_activity_connects_inside_type_properties" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for name, pipeline in merge(azapi_resource.pipeline, azapi_resource.orchestration) : [
        for activity in concat(
          [for activity in pipeline.body.properties.activities : jsondecode(jsonencode(activity))],
          flatten([
            for activity in pipeline.body.properties.activities :
            try(jsondecode(jsonencode(activity.typeProperties.activities)), [])
          ]),
          ) : (
          try(activity.typeProperties.connectVia.referenceName, null) == "ir-managed-vnet" &&
          contains(["MSI", "UserAssignedManagedIdentity"], try(activity.typeProperties.authentication.type, "")) &&
          !can(activity.connectVia)
        )
        if activity.type == "WebActivity"
      ] if name != "network-paths-outside"
    ]))
    error_message = "A WebActivity outside of the managed network is refused by every firewall."
  }
}

run "jobs_run_the_version_that_they_are_given" {
  command = plan

  assert {
    condition = alltrue([
      for stage in ["training", "scoring", "registration", "deployment"] :
      contains(keys(azapi_resource.pipeline[stage].body.properties.parameters), "code_asset_version") &&
      !can(azapi_resource.pipeline[stage].body.properties.parameters.code_asset_version.defaultValue)
    ])
    error_message = "No stage has a version of its own."
  }

  assert {
    condition = (
      jsondecode(azapi_resource.pipeline["training"].body.properties.activities[0].typeProperties.body.value).properties.codeId ==
      "${var.machine_learning.workspace_id}/codes/@{pipeline().parameters.code_asset}/versions/@{pipeline().parameters.code_asset_version}"
    )
    error_message = "The job runs the code asset's version."
  }

  assert {
    condition = (
      azapi_resource.pipeline["training"].body.properties.activities[0].typeProperties.method == "PUT" &&
      (
        azapi_resource.pipeline["training"].body.properties.activities[0].typeProperties.authentication.resource ==
        "https://management.azure.com/"
      ) &&
      azapi_resource.pipeline["training"].body.properties.activities[0].typeProperties.url.value == join("", [
        "https://management.azure.com/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/mlw",
        "/jobs/@{pipeline().Pipeline}-@{pipeline().RunId}?api-version=2025-12-01",
      ])
    )
    error_message = "The job is an ARM resource, named after the run."
  }

  assert {
    condition = strcontains(
      azapi_resource.pipeline["training"].body.properties.activities[3].typeProperties.expression.value,
      "activity('ReadJob').output.properties.codeId"
    )
    error_message = "The version is read back from the job."
  }
}

run "paths_are_tried_inside_and_outside" {
  command = plan

  assert {
    condition = alltrue([
      for activity in azapi_resource.pipeline["network-paths"].body.properties.activities :
      activity.typeProperties.connectVia.referenceName == "ir-managed-vnet" if activity.type == "WebActivity"
    ])
    error_message = "A way inside leaves through another runtime."
  }

  assert {
    condition = alltrue([
      for activity in azapi_resource.pipeline["network-paths-outside"].body.properties.activities :
      !can(activity.typeProperties.connectVia) if activity.type == "WebActivity"
    ])
    error_message = "A way outside leaves through a runtime of the platform."
  }

  assert {
    condition = alltrue([
      for activity in azapi_resource.pipeline["network-paths-outside"].body.properties.activities :
      activity.policy.secureOutput && activity.policy.retry == 0 if activity.type == "WebActivity"
    ])
    error_message = "Only the status leaves, of one request."
  }
}

run "orchestration_hands_one_version_to_every_stage" {
  command = plan

  assert {
    condition = [
      for activity in azapi_resource.orchestration["train-and-deploy"].body.properties.activities :
      activity.typeProperties.pipeline.referenceName
    ] == ["read-code-pointer", "training", "scoring", "registration", "deployment"]
    error_message = "Wrong order."
  }

  assert {
    condition = [
      for activity in slice(azapi_resource.orchestration["train-and-deploy"].body.properties.activities, 1, 5) :
      activity.typeProperties.parameters.code_asset_version.value
    ] == [for stage in range(4) : "@activity('ReadCodePointer').output.pipelineReturnValue.version"]
    error_message = "Every stage gets the pointer's version."
  }

  assert {
    condition = [
      for activity in slice(azapi_resource.orchestration["train-and-deploy"].body.properties.activities, 1, 5) :
      activity.dependsOn[0].activity
    ] == ["ReadCodePointer", "Training", "Scoring", "Registration"]
    error_message = "One stage waits for the one before."
  }
}

run "the_proof_hands_on_what_production_hands_on" {
  command = plan

  assert {
    condition = [
      for activity in azapi_resource.orchestration["prove-code-version"].body.properties.activities :
      activity.typeProperties.pipeline.referenceName
    ] == ["read-code-pointer", "training", "scoring"]
    error_message = "Neither registration nor deployment is run by a proof."
  }

  assert {
    condition = alltrue(flatten([
      for position in [1, 2] : [
        for name in ["code_asset", "code_asset_version", "release"] :
        azapi_resource.orchestration["prove-code-version"].body.properties.activities[position].typeProperties.parameters[name].value ==
        azapi_resource.orchestration["train-and-deploy"].body.properties.activities[position].typeProperties.parameters[name].value
      ]
    ]))
    error_message = "The proof would say nothing of train-and-deploy."
  }
}

run "a_command_is_quoted_for_the_expression_that_it_stands_in" {
  command = plan

  variables {
    commands = { training = "python -c 'print(\"hello\")'" }
  }

  assert {
    condition = strcontains(
      azapi_resource.pipeline["training"].body.properties.activities[0].typeProperties.body.value,
      "if(pipeline().parameters.prove, 'python prove.py', 'python -c ''print(\\\"hello\\\")''')}"
    )
    error_message = "A quote ends the expression's text, or the body's."
  }
}

run "no_run_names_a_command" {
  command = plan

  assert {
    condition = alltrue([
      for pipeline in azapi_resource.pipeline : !contains(keys(try(pipeline.body.properties.parameters, {})), "command")
    ])
    error_message = "Whoever may run pipelines would run what they like on the cluster, as its identity."
  }
}

run "batch_runs_a_task_without_a_key" {
  command = plan

  assert {
    condition = [for activity in azapi_resource.pipeline["batch-train-score"].body.properties.activities : activity.name] == [
      "ReadPointer", "CheckPointer", "StageScript", "AddJob", "AddTask", "CloseJob", "WaitForTask", "ReadTask", "CheckTask", "ReadMetrics",
    ]
    error_message = "Wrong order."
  }

  assert {
    condition = alltrue([
      for activity in azapi_resource.pipeline["batch-train-score"].body.properties.activities : activity.type != "Custom"
    ])
    error_message = "A Custom activity wants the key of a storage account (2505)."
  }

  assert {
    condition = jsondecode(azapi_resource.pipeline["batch-train-score"].body.properties.activities[4].typeProperties.body.value) == {
      id = "train-score"
      commandLine = join(" ", [
        "python3 train_score.py --container https://st.blob.core.windows.net/adftrain",
        "--client-id 00000000-0000-0000-0000-0000000000c1 --data @{pipeline().parameters.data} --output runs/@{pipeline().RunId}",
      ])
      resourceFiles = [{
        httpUrl           = "https://st.blob.core.windows.net/adftrain/scripts/@{pipeline().RunId}/train_score.py"
        filePath          = "train_score.py"
        identityReference = { resourceId = var.batch.node_identity_id }
      }]
      environmentSettings = [
        { name = "CODE_ASSET", value = "@{activity('ReadPointer').output.assetName}" },
        { name = "CODE_ASSET_VERSION", value = "@{activity('ReadPointer').output.version}" },
      ]
      outputFiles = [{
        filePattern = "../std*.txt"
        destination = {
          container = {
            containerUrl      = "https://st.blob.core.windows.net/adfjobs"
            path              = "@{pipeline().RunId}"
            identityReference = { resourceId = var.batch.node_identity_id }
          }
        }
        uploadOptions = { uploadCondition = "taskcompletion" }
      }]
      constraints = { maxTaskRetryCount = 1, retentionTime = "P7D" }
    }
    error_message = "The task's files come and go as the node's identity, and it knows the pointer's version."
  }

  assert {
    condition = alltrue([
      for position in [3, 4] :
      azapi_resource.pipeline["batch-train-score"].body.properties.activities[position].policy.retry == 0 &&
      (
        azapi_resource.pipeline["batch-train-score"].body.properties.activities[position].typeProperties.headers["Content-Type"] ==
        "application/json; odata=minimalmetadata"
      ) &&
      azapi_resource.pipeline["batch-train-score"].body.properties.activities[position].typeProperties.authentication == {
        type       = "UserAssignedManagedIdentity"
        resource   = "https://batch.core.windows.net/"
        credential = { type = "CredentialReference", referenceName = "factory" }
      }
    ])
    error_message = "Batch takes the factory's credential, and nothing twice."
  }

  assert {
    condition = (
      startswith(azapi_resource.pipeline["batch-train-score"].body.properties.activities[2].typeProperties.body, "\"\"\"Fetch") &&
      !strcontains(azapi_resource.pipeline["batch-train-score"].body.properties.activities[2].typeProperties.body, "@{")
    )
    error_message = "The factory must not take a part of the script for an expression."
  }
}

run "invalid_batch_endpoint" {
  command = plan

  variables {
    batch = {
      endpoint                = "https://ba.westeurope.batch.azure.com/"
      pool_name               = "cpu"
      credential_name         = "factory"
      node_identity_id        = "/nodes"
      node_identity_client_id = "c1"
    }
  }

  expect_failures = [var.batch]
}

run "without_batch" {
  command = plan

  variables {
    batch = null
  }

  assert {
    condition     = !contains(keys(azapi_resource.pipeline), "batch-train-score") && contains(keys(azapi_resource.pipeline), "training")
    error_message = "Without Batch there is no pipeline that needs it."
  }
}

run "triggers_are_stopped" {
  command = plan

  variables {
    schedules = { daily = { pipeline = "train-and-deploy", hours = [4], parameters = { code_asset = "training-code" } } }
    blob_events = {
      incoming = {
        pipeline           = "batch-train-score"
        storage_account_id = "/subscriptions/s/st"
        container          = "adftrain"
        begins_with        = "data/"
        ends_with          = ".csv"
      }
    }
  }

  assert {
    condition = (
      azapi_resource.trigger["daily"].body.properties.typeProperties.recurrence.schedule.hours[0] == 4 &&
      azapi_resource.trigger["daily"].body.properties.pipelines[0].pipelineReference.referenceName == "train-and-deploy" &&
      azapi_resource.trigger["daily"].body.properties.pipelines[0].parameters.code_asset == "training-code"
    )
    error_message = "Wrong schedule."
  }

  assert {
    condition = (
      azapi_resource.trigger["incoming"].body.properties.typeProperties.blobPathBeginsWith == "/adftrain/blobs/data/" &&
      azapi_resource.trigger["incoming"].body.properties.typeProperties.scope == "/subscriptions/s/st"
    )
    error_message = "Wrong blobs."
  }

  assert {
    condition = (
      length(azapi_resource_action.start) == 0 &&
      length(azapi_resource_action.stop) == 0 &&
      alltrue([for trigger in output.triggers : !trigger.started])
    )
    error_message = "Triggers are stopped unless the environment says otherwise."
  }
}

run "triggers_are_started" {
  command = plan

  variables {
    triggers_started = true
    schedules        = { daily = { pipeline = "train-and-deploy" } }
  }

  assert {
    condition = (
      azapi_resource_action.start["daily"].action == "start" &&
      azapi_resource_action.start["daily"].when == "apply" &&
      azapi_resource_action.stop["daily"].action == "stop" &&
      azapi_resource_action.stop["daily"].when == "destroy"
    )
    error_message = "A started trigger is stopped before it is changed or destroyed."
  }

  assert {
    condition     = output.triggers["daily"].started
    error_message = "The output says which triggers run."
  }
}

run "invalid_pipeline_of_a_schedule" {
  command = plan
  variables {
    schedules = { daily = { pipeline = "nightly" } }
  }
  expect_failures = [var.schedules]
}

run "invalid_batch_trigger_without_batch" {
  command = plan
  variables {
    batch     = null
    schedules = { daily = { pipeline = "batch-train-score" } }
  }
  expect_failures = [var.schedules]
}

run "invalid_frequency" {
  command = plan
  variables {
    schedules = { daily = { pipeline = "training", frequency = "Daily" } }
  }
  expect_failures = [var.schedules]
}

run "invalid_start_time" {
  command = plan
  variables {
    schedules = { daily = { pipeline = "training", time_zone = "W. Europe Standard Time" } }
  }
  expect_failures = [var.schedules]
}

run "invalid_pipeline_of_a_blob_event" {
  command = plan
  variables {
    blob_events = { incoming = { pipeline = "nightly", storage_account_id = "/subscriptions/s/st", container = "raw" } }
  }
  expect_failures = [var.blob_events]
}

run "invalid_name_twice" {
  command = plan
  variables {
    schedules   = { daily = { pipeline = "training" } }
    blob_events = { daily = { pipeline = "training", storage_account_id = "/subscriptions/s/st", container = "raw" } }
  }
  expect_failures = [var.blob_events]
}

run "invalid_code_asset" {
  command = plan
  variables {
    code_asset = "../other"
  }
  expect_failures = [var.code_asset]
}

run "invalid_blob_endpoint" {
  command = plan
  variables {
    storage = { blob_endpoint = "st.blob.core.windows.net" }
  }
  expect_failures = [var.storage]
}

run "invalid_job_timeout" {
  command = plan
  variables {
    job_timeout = "12h"
  }
  expect_failures = [var.job_timeout]
}

run "invalid_poll_seconds" {
  command = plan
  variables {
    poll_seconds = 0
  }
  expect_failures = [var.poll_seconds]
}

run "invalid_pointer_container_url" {
  command = plan

  variables {
    pointer_container_url = "https://stcp.blob.core.windows.net/"
  }

  expect_failures = [var.pointer_container_url]
}
