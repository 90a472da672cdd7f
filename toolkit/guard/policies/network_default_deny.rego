package guard.network_default_deny

import rego.v1

metadata := {
	"id": "network-default-deny",
	"title": "The firewall of storage accounts, key vaults and registries denies by default",
	"severity": "error",
	"protects": "the public endpoints of data, secrets and images",
	"why": "With Allow, everybody on the internet reaches the endpoint, and only the roles stand between them and the data.",
	"fix": "leave defaultAction at Deny; let an agent in with `toolkit firewall run`, or with ip_rules",
	"source": "https://learn.microsoft.com/azure/storage/common/storage-network-security-set-default-access",
	"psrule": ["Azure.Storage.Firewall", "Azure.KeyVault.Firewall", "Azure.ACR.Firewall"],
}

looks_at contains r.id if {
	some type in {"Microsoft.ContainerRegistry/registries", "Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts"}
	some r in input.resources[type]
}

pass contains r.id if {
	some type in {"Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts"}
	some r in input.resources[type]
	r.body.properties.networkAcls.defaultAction == "Deny"
}

pass contains r.id if {
	some r in input.resources["Microsoft.ContainerRegistry/registries"]
	r.body.properties.networkRuleSet.defaultAction == "Deny"
}
