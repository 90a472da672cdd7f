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
  description = "Account with the containers ml-globals (code pointers) and adftrain, and the linked service that leads there."
  type = object({
    blob_endpoint       = string
    linked_service_name = string
  })

  validation {
    condition     = can(regex("^https://.+/$", var.storage.blob_endpoint))
    error_message = "storage.blob_endpoint starts with https:// and ends with a slash, as the output blob_endpoint of modules/storage_account."
  }
}

variable "machine_learning" {
  description = "Workspace that jobs are submitted to, and the cluster and environment that they run with."
  type = object({
    workspace_id   = string
    compute_id     = string
    environment_id = string
  })
}

variable "batch" {
  description = "Linked service of the Batch account, and the client id of its nodes' identity; null for no Batch pipeline."
  type = object({
    linked_service_name     = string
    node_identity_client_id = string
  })
  default = null
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
  description = "What each stage's job runs, in the code asset's folder. CODE_ASSET, CODE_ASSET_VERSION and RELEASE are in its environment."
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
  description = "Schedule triggers by name: which pipeline runs when."
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
    condition     = alltrue([for schedule in var.schedules : endswith(schedule.start_time, "Z") == (schedule.time_zone == "UTC") && can(regex("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ?$", schedule.start_time))])
    error_message = "start_time of a schedule is yyyy-MM-ddTHH:mm:ss, with a Z at its end in the time zone UTC and without one in any other."
  }
}

variable "blob_events" {
  description = "Triggers on new blobs, by name: which pipeline runs for blobs of which account, container, prefix and ending."
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
