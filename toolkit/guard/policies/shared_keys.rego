package guard.shared_keys

import rego.v1

metadata := {
	"id": "shared-keys",
	"title": "No shared key, local account or basic credential stands beside the roles",
	"severity": "error",
	"protects": "who did what: a key is nobody in particular, never expires and passes by every role and condition",
	"why": "Whoever reads a key once has all of the account's rights until somebody rotates it.",
	"fix": "leave keys and local accounts off; give a role to an identity in terraform/platform/rbac.tf",
	"source": "https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent",
	"psrule": ["Azure.ACR.AdminUser", "Azure.ML.DisableLocalAuth"],
}

pass contains r.id if {
	some r in input.resources["Microsoft.Storage/storageAccounts"]
	r.body.properties.allowSharedKeyAccess == false
	r.body.properties.isLocalUserEnabled == false
}

pass contains r.id if {
	some r in input.resources["Microsoft.ContainerRegistry/registries"]
	r.body.properties.adminUserEnabled == false
}

pass contains r.id if {
	some r in input.resources["Microsoft.Batch/batchAccounts"]
	count(r.body.properties.allowedAuthenticationModes) > 0
	every mode in r.body.properties.allowedAuthenticationModes { mode != "SharedKey" }
}

pass contains r.id if {
	some r in input.resources["Microsoft.MachineLearningServices/workspaces"]
	r.body.properties.systemDatastoresAuthMode == "Identity"
}

pass contains r.id if {
	some r in input.resources["Microsoft.MachineLearningServices/workspaces/computes"]
	r.body.properties.disableLocalAuth == true
}

pass contains r.id if {
	some r in input.resources["Microsoft.OperationalInsights/workspaces"]
	r.body.properties.features.disableLocalAuth == true
}

pass contains r.id if {
	some r in input.resources["Microsoft.Web/sites/basicPublishingCredentialsPolicies"]
	r.body.properties.allow == false
}

types := {
	"Microsoft.Batch/batchAccounts",
	"Microsoft.ContainerRegistry/registries",
	"Microsoft.MachineLearningServices/workspaces",
	"Microsoft.MachineLearningServices/workspaces/computes",
	"Microsoft.OperationalInsights/workspaces",
	"Microsoft.Storage/storageAccounts",
	"Microsoft.Web/sites/basicPublishingCredentialsPolicies",
}

looks_at contains r.id if {
	some type in types
	some r in input.resources[type]
}
