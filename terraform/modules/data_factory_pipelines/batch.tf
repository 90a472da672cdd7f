locals {
  script        = file("${path.module}/train_score.py")
  script_folder = "scripts/@{pipeline().RunId}"
  result_folder = "runs/@{pipeline().RunId}"

  # A Custom activity wants the key of a storage account, for whatever command, and there is none (error 2505 of
  # https://learn.microsoft.com/azure/data-factory/data-factory-troubleshoot-guide). Batch's own REST API takes the factory's
  # credential, and a task's files the identity of its node: https://learn.microsoft.com/azure/batch/resource-files
  batch_version   = "2024-07-01.20.0"
  batch_job_path  = "/jobs/adf-@{pipeline().RunId}"
  batch_task_path = "${local.batch_job_path}/tasks/train-score"
  batch_paths = {
    jobs  = "/jobs"
    job   = local.batch_job_path
    tasks = "${local.batch_job_path}/tasks"
    task  = local.batch_task_path
  }
  batch_addresses = var.batch == null ? {} : {
    for name, path in local.batch_paths : name => "${var.batch.endpoint}${path}?api-version=${local.batch_version}"
  }
  batch_headers = { "Content-Type" = "application/json; odata=minimalmetadata", Accept = "application/json" }
  batch_identity = var.batch == null ? null : {
    type       = "UserAssignedManagedIdentity"
    resource   = "https://batch.core.windows.net/"
    credential = { type = "CredentialReference", referenceName = var.batch.credential_name }
  }
  # What was added is there, and a second attempt would meet it: https://learn.microsoft.com/rest/api/batchservice/job/add
  once = merge(local.web_policy, { retry = 0 })

  batch_job = var.batch == null ? null : {
    id          = "adf-@{pipeline().RunId}"
    poolInfo    = { poolId = var.batch.pool_name }
    constraints = { maxWallClockTime = "PT2H" }
    metadata    = [{ name = "pipeline_run", value = "@{pipeline().RunId}" }]
  }

  batch_task = var.batch == null ? null : {
    id = "train-score"
    commandLine = join(" ", [
      "python3 train_score.py",
      "--container ${var.storage.blob_endpoint}adftrain",
      "--client-id ${var.batch.node_identity_client_id}",
      "--data @{pipeline().parameters.data}",
      "--output ${local.result_folder}",
    ])
    resourceFiles = [{
      httpUrl           = "${var.storage.blob_endpoint}adftrain/${local.script_folder}/train_score.py"
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
          containerUrl      = "${var.storage.blob_endpoint}adfjobs"
          path              = "@{pipeline().RunId}"
          identityReference = { resourceId = var.batch.node_identity_id }
        }
      }
      uploadOptions = { uploadCondition = "taskcompletion" }
    }]
    constraints = { maxTaskRetryCount = 1, retentionTime = "P7D" }
  }

  read_task = var.batch == null ? null : {
    method         = "GET"
    url            = { type = "Expression", value = local.batch_addresses.task }
    headers        = { Accept = "application/json" }
    authentication = local.batch_identity
    connectVia     = local.connect_via
  }

  batch_pipelines = var.batch == null ? {} : {
    batch-train-score = {
      description = "Trains and scores on Azure Batch with data of the container adftrain, without Azure ML."
      parameters = {
        data       = { type = "String", defaultValue = "data/train.csv" }
        code_asset = { type = "String", defaultValue = var.code_asset }
      }
      activities = concat(
        # The pointer, and the check that it is the right one.
        slice(local.storage_pipelines["read-code-pointer"].activities, 0, 2),
        [
          # The pipeline brings its script along, so that it needs nobody whom the storage firewall would refuse.
          {
            name      = "StageScript"
            type      = "WebActivity"
            dependsOn = [{ activity = "CheckPointer", dependencyConditions = ["Succeeded"] }]
            policy    = local.web_policy
            typeProperties = {
              method = "PUT"
              url    = { type = "Expression", value = "${var.storage.blob_endpoint}adftrain/${local.script_folder}/train_score.py" }
              headers = merge(local.storage_headers, {
                "x-ms-blob-type" = "BlockBlob"
                "Content-Type"   = "text/plain; charset=utf-8"
              })
              body           = local.script
              authentication = local.storage_msi
              connectVia     = local.connect_via
            }
          },
          {
            name      = "AddJob"
            type      = "WebActivity"
            dependsOn = [{ activity = "StageScript", dependencyConditions = ["Succeeded"] }]
            policy    = local.once
            typeProperties = {
              method         = "POST"
              url            = local.batch_addresses.jobs
              headers        = local.batch_headers
              body           = { type = "Expression", value = jsonencode(local.batch_job) }
              authentication = local.batch_identity
              connectVia     = local.connect_via
            }
          },
          {
            name      = "AddTask"
            type      = "WebActivity"
            dependsOn = [{ activity = "AddJob", dependencyConditions = ["Succeeded"] }]
            policy    = local.once
            typeProperties = {
              method         = "POST"
              url            = { type = "Expression", value = local.batch_addresses.tasks }
              headers        = local.batch_headers
              body           = { type = "Expression", value = jsonencode(local.batch_task) }
              authentication = local.batch_identity
              connectVia     = local.connect_via
            }
          },
          # Only now: a job without tasks would be over at once.
          {
            name      = "CloseJob"
            type      = "WebActivity"
            dependsOn = [{ activity = "AddTask", dependencyConditions = ["Succeeded"] }]
            policy    = local.web_policy
            typeProperties = {
              method         = "PATCH"
              url            = { type = "Expression", value = local.batch_addresses.job }
              headers        = local.batch_headers
              body           = jsonencode({ onAllTasksComplete = "terminatejob" })
              authentication = local.batch_identity
              connectVia     = local.connect_via
            }
          },
          {
            name      = "WaitForTask"
            type      = "Until"
            dependsOn = [{ activity = "AddTask", dependencyConditions = ["Succeeded"] }]
            typeProperties = {
              timeout    = "0.02:30:00"
              expression = { type = "Expression", value = "@equals(activity('PollTask').output.state, 'completed')" }
              activities = [
                { name = "Pause", type = "Wait", typeProperties = { waitTimeInSeconds = var.poll_seconds } },
                {
                  name           = "PollTask"
                  type           = "WebActivity"
                  dependsOn      = [{ activity = "Pause", dependencyConditions = ["Succeeded"] }]
                  policy         = local.web_policy
                  typeProperties = local.read_task
                },
              ]
            }
          },
          {
            name           = "ReadTask"
            type           = "WebActivity"
            dependsOn      = [{ activity = "WaitForTask", dependencyConditions = ["Succeeded"] }]
            policy         = local.web_policy
            typeProperties = local.read_task
          },
          {
            name      = "CheckTask"
            type      = "IfCondition"
            dependsOn = [{ activity = "ReadTask", dependencyConditions = ["Succeeded"] }]
            typeProperties = {
              expression = { type = "Expression", value = "@equals(activity('ReadTask').output.executionInfo.result, 'success')" }
              ifFalseActivities = [{
                name = "TaskFailed"
                type = "Fail"
                typeProperties = {
                  message = {
                    type = "Expression"
                    value = join(" ", [
                      "The task of the job adf-@{pipeline().RunId} failed:",
                      "@{activity('ReadTask').output.executionInfo.failureInfo.code},",
                      "@{activity('ReadTask').output.executionInfo.failureInfo.message}",
                      "What it printed is in the container adfjobs, folder @{pipeline().RunId}.",
                    ])
                  }
                  errorCode = "TaskFailed"
                }
              }]
            }
          },
          {
            name      = "ReadMetrics"
            type      = "WebActivity"
            dependsOn = [{ activity = "CheckTask", dependencyConditions = ["Succeeded"] }]
            policy    = local.web_policy
            typeProperties = {
              method         = "GET"
              url            = { type = "Expression", value = "${var.storage.blob_endpoint}adftrain/${local.result_folder}/metrics.json" }
              headers        = local.storage_headers
              authentication = local.storage_msi
              connectVia     = local.connect_via
            }
          },
        ],
      )
    }
  }
}
