package guard.public_network_access

import rego.v1

metadata := {
	"id": "public-network-access",
	"title": "Public network access is what the environment's data says",
	"severity": "error",
	"protects": "services that only the platform's network may reach",
	"why": "A public endpoint that the environment's env.toml does not open is one that nobody decided on.",
	"fix": "set it in [public_network_access] of env.toml, where it is reviewed, or put it back to Disabled",
	"source": "https://learn.microsoft.com/azure/private-link/private-endpoint-overview",
	"psrule": ["Azure.ML.PublicAccess"],
}

service := {
	"Microsoft.ContainerRegistry/registries": "container_registry",
	"Microsoft.DataFactory/factories": "data_factory",
	"Microsoft.KeyVault/vaults": "key_vault",
	"Microsoft.MachineLearningServices/workspaces": "machine_learning_workspace",
	"Microsoft.Storage/storageAccounts": input.environment.storage_service,
}

# What no key of env.toml opens.
closed := {"Microsoft.Batch/batchAccounts", "Microsoft.Web/sites"}

looks_at contains r.id if {
	some type, _ in service
	some r in input.resources[type]
}

looks_at contains r.id if {
	some type in closed
	some r in input.resources[type]
}

pass contains r.id if {
	some type, _ in service
	some r in input.resources[type]
	r.body.properties.publicNetworkAccess in {"Disabled", "SecuredByPerimeter"}
}

pass contains r.id if {
	some type in closed
	some r in input.resources[type]
	r.body.properties.publicNetworkAccess == "Disabled"
}

pass contains r.id if {
	some type, name in service
	input.environment.public_network_access[name] == "Enabled"
	some r in input.resources[type]
	r.body.properties.publicNetworkAccess == "Enabled"
}

reasons contains {"id": r.id, "text": text} if {
	some type, name in service
	input.environment.public_network_access[name] != "Enabled"
	some r in input.resources[type]
	r.body.properties.publicNetworkAccess == "Enabled"
	text := sprintf("publicNetworkAccess is Enabled, but public_network_access.%s of env.toml is not", [name])
}
