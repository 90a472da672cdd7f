variable "name" {
  description = "Name of the identity."
  type        = string
}

variable "parent_id" {
  description = "Resource group."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tags" {
  description = "Tags of the identity."
  type        = map(string)
  default     = {}
}

variable "federated_credentials" {
  description = <<-EOT
    Who may act as the identity without a secret, by name of the credential.

    * `issuer`: who signs the token.
    * `subject`: whose token it is.
    * `audiences`: what it is meant for.
  EOT
  type = map(object({
    issuer    = string
    subject   = string
    audiences = optional(list(string), ["api://AzureADTokenExchange"])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(var.federated_credentials) <= 20
    error_message = "Azure allows 20 federated credentials for one identity: use a second identity for the others."
  }

  validation {
    condition = alltrue([for credential in var.federated_credentials : startswith(credential.issuer, "https://")])
    error_message = join(" ", [
      "The issuer of a federated credential is an https:// address,",
      "copied exactly from the OpenID configuration of the issuer.",
    ])
  }
}
