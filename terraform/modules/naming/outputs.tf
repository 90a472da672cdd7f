output "names" {
  description = <<-EOT
    Name of each resource, or the stem of those of which there are several (private_endpoint, network_security_group,
    identity, alert).
  EOT
  value       = local.names

  precondition {
    condition = length(local.unknown_overrides) == 0
    error_message = join(" ", [
      "name_overrides has keys that name nothing: ${join(", ", local.unknown_overrides)}.",
      "Use some of: ${join(", ", keys(local.computed))}.",
    ])
  }

  precondition {
    condition     = length(local.invalid_names) == 0
    error_message = "Azure refuses these names: ${join("; ", local.invalid_names)}. Correct name_overrides in envs/<env>/terraform.tfvars."
  }
}

output "suffix" {
  description = "Five characters that make global names unique to subscription, workload and environment."
  value       = local.suffix
}

output "tags" {
  description = "Tags of every resource."
  value       = local.tags

  precondition {
    condition = length([for key in var.required_tags : key if try(trimspace(local.tags[key]) == "", true)]) == 0
    error_message = join(" ", [
      "Every resource needs the tags ${join(", ", var.required_tags)}:",
      "add ${join(", ", [for key in var.required_tags : key if try(trimspace(local.tags[key]) == "", true)])} to",
      "tags in envs/common.tfvars or envs/${var.environment}/terraform.tfvars.",
    ])
  }
}
