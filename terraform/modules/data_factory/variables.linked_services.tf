variable "linked_services" {
  description = <<-EOT
    What pipelines connect to, by name of the linked service; always through the managed integration runtime.

    * `type`: AzureBlobStorage, AzureBlobFS, AzureKeyVault, AzureMLService or AzureBatch.
    * `url`: address of the blob service, of the data lake (https://….dfs.core.windows.net) or of the vault.
    * `workspace_id`: resource id of the Azure Machine Learning workspace.
    * `batch`: the account and its pool. `credential` is a key of `credentials`, since Batch refuses the factory's own
      identity; `storage` is the linked service of the blobs that files of tasks go through.
  EOT
  type = map(object({
    type         = string
    url          = optional(string)
    workspace_id = optional(string)
    batch = optional(object({
      account_name = string
      endpoint     = string
      pool_name    = string
      credential   = string
      storage      = string
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for service in var.linked_services :
      contains(["AzureBlobStorage", "AzureBlobFS", "AzureKeyVault", "AzureMLService", "AzureBatch"], service.type)
    ])
    error_message = "type of a linked service is AzureBlobStorage, AzureBlobFS, AzureKeyVault, AzureMLService or AzureBatch."
  }

  validation {
    condition = alltrue([
      for service in var.linked_services : (
        service.type == "AzureBatch" ? service.batch != null :
        service.type == "AzureMLService" ? service.workspace_id != null :
        service.url != null
      )
    ])
    error_message = "AzureBatch needs batch, AzureMLService workspace_id, every other linked service url."
  }

  validation {
    condition = alltrue([
      for service in var.linked_services : service.batch == null || contains(keys(var.credentials), try(service.batch.credential, "-"))
    ])
    error_message = join(" ", [
      "credential of a Batch linked service is none of: ${join(", ", keys(var.credentials))}.",
      "Batch refuses the factory's own identity: add a user-assigned one to credentials.",
    ])
  }

  validation {
    condition = alltrue([
      for service in var.linked_services :
      service.batch == null || try(var.linked_services[service.batch.storage].type == "AzureBlobStorage", false)
    ])
    error_message = join(" ", [
      "storage of a Batch linked service is none of:",
      "${join(", ", [for name, service in var.linked_services : name if service.type == "AzureBlobStorage"])}.",
    ])
  }

  # https://learn.microsoft.com/azure/data-factory/naming-rules
  validation {
    condition = alltrue([for name in keys(var.linked_services) : can(regex("^[A-Za-z][A-Za-z0-9_ ]{0,259}$", name))])
    error_message = join(" ", [
      "A linked service's name starts with a letter and has letters, digits and underscores;",
      "Data Factory refuses dashes there.",
    ])
  }
}

variable "credentials" {
  description = "User-assigned identities that the factory may act as, by name of the credential."
  type        = map(string)
  default     = {}
  nullable    = false
}
