locals {
  script        = file("${path.module}/train_score.py")
  script_folder = "scripts/@{pipeline().RunId}"
  result_folder = "runs/@{pipeline().RunId}"

  batch_pipelines = var.batch == null ? {} : {
    batch-train-score = {
      description = "Trains and scores on Azure Batch with data of the container adftrain, without Azure ML."
      parameters = {
        data = { type = "String", defaultValue = "data/train.csv" }
      }
      activities = [
        # The pipeline brings its script along, so that it needs nobody whom the storage firewall would refuse.
        {
          name   = "StageScript"
          type   = "WebActivity"
          policy = local.web_policy
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
          name              = "TrainAndScore"
          type              = "Custom"
          dependsOn         = [{ activity = "StageScript", dependencyConditions = ["Succeeded"] }]
          linkedServiceName = { type = "LinkedServiceReference", referenceName = var.batch.linked_service_name }
          policy            = { timeout = "0.02:00:00", retry = 1, retryIntervalInSeconds = 60 }
          typeProperties = {
            command = {
              type = "Expression"
              value = join(" ", [
                "python3 train_score.py",
                "--container ${var.storage.blob_endpoint}adftrain",
                "--client-id ${var.batch.node_identity_client_id}",
                "--data @{pipeline().parameters.data}",
                "--output ${local.result_folder}",
              ])
            }
            resourceLinkedService = { type = "LinkedServiceReference", referenceName = var.storage.linked_service_name }
            folderPath            = { type = "Expression", value = "adftrain/${local.script_folder}" }
            retentionTimeInDays   = 7
          }
        },
        {
          name      = "ReadMetrics"
          type      = "WebActivity"
          dependsOn = [{ activity = "TrainAndScore", dependencyConditions = ["Succeeded"] }]
          policy    = local.web_policy
          typeProperties = {
            method         = "GET"
            url            = { type = "Expression", value = "${var.storage.blob_endpoint}adftrain/${local.result_folder}/metrics.json" }
            headers        = local.storage_headers
            authentication = local.storage_msi
            connectVia     = local.connect_via
          }
        },
      ]
    }
  }
}
