locals {
  # Properties of a container: 200 without a body, so that nothing of it is shown, and the data role that reads blobs is enough.
  # https://learn.microsoft.com/rest/api/storageservices/get-container-properties
  path_targets = {
    Pointers = "${var.pointer_container_url}?restype=container"
    Training = "${var.storage.blob_endpoint}adftrain?restype=container"
  }

  # A way that is refused is for toolkit smoke to judge, and no failed run, which would alert somebody: what follows upon a failure
  # catches it. https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling
  paths = {
    for pipeline, via in { network-paths = local.connect_via, network-paths-outside = null } : pipeline => flatten([
      for target, url in local.path_targets : [
        {
          name   = target
          type   = "WebActivity"
          policy = merge(local.web_policy, { retry = 0, secureOutput = true })
          typeProperties = merge(
            {
              method         = "GET"
              url            = url
              headers        = local.storage_headers
              authentication = local.storage_msi
            },
            { for name, value in { connectVia = via } : name => value if value != null },
          )
        },
        {
          name      = "${target}Refused"
          type      = "SetVariable"
          dependsOn = [{ activity = target, dependencyConditions = ["Failed"] }]
          typeProperties = {
            variableName      = "pipelineReturnValue"
            setSystemVariable = true
            value             = [{ key = target, value = { type = "String", content = "refused" } }]
          }
        },
      ]
    ])
  }

  path_pipelines = {
    network-paths = {
      description = "As the factory: whether it reaches its containers from the managed virtual network. Run by toolkit smoke."
      activities  = local.paths["network-paths"]
    }
    # The Auto-resolve runtime goes out on public addresses, which the accounts' firewalls must refuse.
    network-paths-outside = {
      description = "The same through the Auto-resolve runtime, and meant to be refused. Run by toolkit smoke."
      activities  = local.paths["network-paths-outside"]
    }
  }
}
