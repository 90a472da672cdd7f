variable "data_factory_id" {
  description = "Factory that the pipelines belong to."
  type        = string
}

variable "integration_runtime_name" {
  description = "Integration runtime in the managed virtual network: everything leaves through it."
  type        = string
}

variable "folder" {
  description = "Folder in which the factory's studio shows the pipelines."
  type        = string
  default     = "ml-platform"
}

variable "storage" {
  description = <<-EOT
    Account with the container adftrain.

    * `blob_endpoint`: its address.
  EOT
  type = object({
    blob_endpoint = string
  })

  validation {
    condition = can(regex("^https://.+/$", var.storage.blob_endpoint))
    error_message = join(" ", [
      "storage.blob_endpoint starts with https:// and ends with a slash,",
      "as the output blob_endpoint of modules/storage_account.",
    ])
  }
}

variable "pointer_container_url" {
  description = "Container of the code pointers, which pipelines read and CI alone writes."
  type        = string

  validation {
    condition     = can(regex("^https://[^/]+/[^/]+$", var.pointer_container_url))
    error_message = "pointer_container_url is the address of a container, without a slash at its end."
  }
}

variable "machine_learning" {
  description = <<-EOT
    What jobs run on.

    * `workspace_id`: resource id of the workspace that they are submitted to.
    * `compute_id`: resource id of the cluster.
    * `environment_id`: the environment, as a job names it.
  EOT
  type = object({
    workspace_id   = string
    compute_id     = string
    environment_id = string
  })
}

variable "batch" {
  description = <<-EOT
    What tasks run on; null for no Batch pipeline.

    * `endpoint`: address of the Batch account, without a slash at its end.
    * `pool_name`: the pool.
    * `credential_name`: the factory's credential whose identity may add jobs.
    * `node_identity_id`, `node_identity_client_id`: resource id and client id of the nodes' identity.
  EOT
  type = object({
    endpoint                = string
    pool_name               = string
    credential_name         = string
    node_identity_id        = string
    node_identity_client_id = string
  })
  default = null

  validation {
    condition = var.batch == null || can(regex("^https://[^/]+$", var.batch.endpoint))
    error_message = join(" ", [
      "batch.endpoint is the address of an account, without a slash at its end, as the output endpoint of",
      "modules/batch_account.",
    ])
  }
}

variable "code_asset" {
  description = "Code asset that the pipelines use when a run names none."
  type        = string
  default     = "training-code"

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$", var.code_asset))
    error_message = "A code asset's name has letters, digits, dashes and underscores."
  }
}

variable "commands" {
  description = <<-EOT
    What each stage's job runs, in the code asset's folder. CODE_ASSET, CODE_ASSET_VERSION and RELEASE are in its environment.

    * `training`, `scoring`, `registration`, `deployment`: the command of that stage.
  EOT
  type = object({
    training     = optional(string, "python train.py")
    scoring      = optional(string, "python score.py")
    registration = optional(string, "python register.py")
    deployment   = optional(string, "python deploy.py")
  })
  default  = {}
  nullable = false
}

variable "job_timeout" {
  description = "How long a stage waits for its job: d.hh:mm:ss."
  type        = string
  default     = "0.12:00:00"

  validation {
    condition     = can(regex("^[0-7]\\.([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$", var.job_timeout))
    error_message = "job_timeout is written d.hh:mm:ss, for example 0.12:00:00; a pipeline waits for 7 days at most."
  }
}

variable "poll_seconds" {
  description = "Seconds between two looks at a running job."
  type        = number
  default     = 30

  validation {
    condition     = var.poll_seconds >= 1 && var.poll_seconds <= 3600
    error_message = "poll_seconds must be between 1 and 3600."
  }
}

variable "schedules" {
  description = <<-EOT
    Schedule triggers by name.

    * `pipeline`: what runs.
    * `frequency`, `interval`: every so many minutes, hours, days, weeks or months.
    * `start_time`, `time_zone`: from when on, and by whose clock.
    * `hours`, `minutes`: at which of each, with a frequency of days or more.
    * `parameters`: of the pipeline.
  EOT
  type = map(object({
    pipeline   = string
    frequency  = optional(string, "Day")
    interval   = optional(number, 1)
    start_time = optional(string, "2026-01-01T00:00:00Z")
    time_zone  = optional(string, "UTC")
    hours      = optional(list(number), [2])
    minutes    = optional(list(number), [0])
    parameters = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for schedule in var.schedules : contains(local.pipeline_names, schedule.pipeline)])
    error_message = "A schedule names a pipeline that is not here. There are: ${join(", ", local.pipeline_names)}."
  }

  validation {
    condition     = alltrue([for schedule in var.schedules : contains(["Minute", "Hour", "Day", "Week", "Month"], schedule.frequency)])
    error_message = "frequency of a schedule is Minute, Hour, Day, Week or Month."
  }

  # https://learn.microsoft.com/azure/data-factory/how-to-create-schedule-trigger#time-zone-option
  validation {
    condition = alltrue([
      for schedule in var.schedules :
      endswith(schedule.start_time, "Z") == (schedule.time_zone == "UTC") &&
      can(regex("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ?$", schedule.start_time))
    ])
    error_message = join(" ", [
      "start_time of a schedule is yyyy-MM-ddTHH:mm:ss, with a Z at its end in the time zone UTC and without one in",
      "any other.",
    ])
  }
}

variable "blob_events" {
  description = <<-EOT
    Triggers on new blobs, by name.

    * `pipeline`: what runs.
    * `storage_account_id`, `container`: where the blob appears.
    * `begins_with`, `ends_with`: what its name starts and ends with.
    * `parameters`: of the pipeline.
  EOT
  type = map(object({
    pipeline           = string
    storage_account_id = string
    container          = string
    begins_with        = optional(string, "")
    ends_with          = optional(string, "")
    parameters         = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for event in var.blob_events : contains(local.pipeline_names, event.pipeline)])
    error_message = "A blob event names a pipeline that is not here. There are: ${join(", ", local.pipeline_names)}."
  }

  validation {
    condition     = length(setintersection(keys(var.blob_events), keys(var.schedules))) == 0
    error_message = "A blob event and a schedule have the same name: triggers share one list of names in a factory."
  }
}

variable "triggers_started" {
  description = "Whether the triggers run. A change of a started trigger stops it, changes it and starts it again."
  type        = bool
  default     = false
  nullable    = false
}
