variable "workload" {
  description = "Short name of what the platform is for; part of every name."
  type        = string

  validation {
    condition = can(regex("^[a-z][a-z0-9]{1,7}$", var.workload))
    error_message = join(" ", [
      "workload must be 2 to 8 lower-case letters and digits, starting with a letter:",
      "longer ones do not fit into a storage account's 24 characters. Shorten it in envs/common.tfvars.",
    ])
  }
}

variable "environment" {
  description = "Name of the environment: the folder under envs/."
  type        = string

  validation {
    condition = can(regex("^[a-z][a-z0-9]{1,6}$", var.environment))
    error_message = join(" ", [
      "environment must be 2 to 7 lower-case letters and digits, starting with a letter:",
      "longer ones do not fit into a key vault's 24 characters. Rename the folder under envs/.",
    ])
  }
}

variable "subscription_id" {
  description = "Subscription of the environment; goes into the suffix that makes global names unique."
  type        = string
}

variable "overrides" {
  description = "Names to use instead of the computed ones, by the keys of the output `names`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource, beside `environment`, `workload` and `managed-by`."
  type        = map(string)
  default     = {}
  nullable    = false

  # https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations
  validation {
    condition = (
      length(var.tags) <= 40 &&
      alltrue([for key, value in var.tags : length(key) <= 128 && length(value) <= 256 && !can(regex("[<>%&\\\\?/]", key))])
    )
    error_message = join(" ", [
      "Azure takes 40 tags beside the platform's own, names of up to 128 characters without < > % & \\ ? /,",
      "and values of up to 256 characters.",
    ])
  }

  # Names of tags are case-insensitive: the page above. One of two would be lost without a word.
  validation {
    condition     = length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = "Azure takes tags whose names differ in case only for one: leave out all but one of each in tags."
  }

  # https://learn.microsoft.com/rest/api/resources/tags/create-or-update
  validation {
    condition     = !anytrue([for key in keys(var.tags) : can(regex("(?i)^(microsoft|azure|windows)", key))])
    error_message = "Names of tags that begin with microsoft, azure or windows are reserved for Azure: rename them in tags."
  }

  validation {
    condition     = !anytrue([for key in keys(var.tags) : contains(["environment", "workload", "managed-by"], lower(key))])
    error_message = "The tags environment, workload and managed-by are the platform's own and would replace yours: remove them from tags."
  }
}

variable "required_tags" {
  description = "Tags that must be there and must not be empty."
  type        = set(string)
  default     = []
  nullable    = false
}
