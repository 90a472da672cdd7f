variable "tenant_id" {
  description = "Entra tenant of those to whom compute instances are assigned; null without any."
  type        = string
  default     = null

  validation {
    condition     = var.tenant_id != null || length(var.compute_instances) == 0
    error_message = "Compute instances are assigned to people of a tenant: set tenant_id."
  }
}

variable "compute_instances" {
  description = <<-EOT
    Machines of single people by name, in the managed network, without a public address and SSH. A change makes another machine;
    what is on the old one's disk is lost, notebooks are on the file share.

    * `vm_size`: the machine.
    * `user_object_id`: whom it is assigned to; nobody else can use it. A user, not a group.
    * `idle_minutes`: after how many minutes without use it stops.
    * `start`, `stop`: when it starts and stops by itself, as cron expressions (`0 7 * * 1-5`).
    * `time_zone`: of these, as Windows names them.
  EOT
  type = map(object({
    vm_size        = string
    user_object_id = string
    idle_minutes   = optional(number, 60)
    start          = optional(string)
    stop           = optional(string)
    time_zone      = optional(string, "UTC")
  }))
  default  = {}
  nullable = false

  # https://learn.microsoft.com/azure/machine-learning/how-to-create-compute-instance
  validation {
    condition = alltrue([
      for name in keys(var.compute_instances) :
      can(regex("^[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$", name)) && !can(regex("-[0-9]+$", name)) && !contains(keys(var.computes), name)
    ])
    error_message = join(" ", [
      "A compute instance's name has 3 to 24 letters, digits and dashes, starts with a letter, does not end with a dash",
      "and a number, and is no cluster's: no two of a region may have the same.",
    ])
  }

  validation {
    condition = alltrue([
      for instance in var.compute_instances : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", instance.user_object_id))
    ])
    error_message = "user_object_id of a compute instance is a user's object id (GUID): az ad user show --id NAME --query id"
  }

  # https://learn.microsoft.com/azure/machine-learning/how-to-create-compute-instance#configure-idle-shutdown
  validation {
    condition = alltrue([
      for instance in var.compute_instances :
      instance.idle_minutes >= 15 && instance.idle_minutes <= 4320 && floor(instance.idle_minutes) == instance.idle_minutes
    ])
    error_message = "idle_minutes of a compute instance is a whole number from 15 to 4320 (3 days)."
  }

  validation {
    condition = alltrue([
      for expression in flatten([for instance in var.compute_instances : [instance.start, instance.stop]]) :
      expression == null || can(regex("^([0-9*,/-]+ ){4}[0-9*,/A-Za-z-]+$", coalesce(expression, "-")))
    ])
    error_message = "start and stop of a compute instance are cron expressions of five fields: \"0 19 * * 1-5\"."
  }

  validation {
    condition     = length(var.compute_instances) == 0 || var.isolation_mode != "Disabled"
    error_message = "Without a managed network (isolation_mode = \"Disabled\") a compute instance would need a subnet: choose another mode."
  }
}

variable "ip_allowlist" {
  description = <<-EOT
    Public IPv4 addresses and ranges that reach the workspace's public endpoint; empty: no address is preferred. In preview with
    Azure, and so written with a preview api-version where it is not empty.
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  # https://learn.microsoft.com/azure/machine-learning/how-to-configure-private-link#enable-public-access-only-from-internet-ip-ranges
  validation {
    condition = length(var.ip_allowlist) == 0 || var.public_network_access == "Enabled"
    error_message = join(" ", [
      "ip_allowlist has no effect while public network access of the workspace is Disabled:",
      "set machine_learning_workspace to Enabled in [public_network_access] of envs/<env>/env.toml, or remove the addresses.",
    ])
  }

  validation {
    condition = alltrue([
      for rule in var.ip_allowlist :
      can(cidrnetmask(strcontains(rule, "/") ? rule : "${rule}/32")) &&
      !can(regex("^(10\\.|127\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", rule))
    ])
    error_message = "ip_allowlist takes public IPv4 addresses (203.0.113.7) and ranges (203.0.113.0/24), no private ones."
  }
}
