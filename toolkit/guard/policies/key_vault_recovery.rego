package guard.key_vault_recovery

import rego.v1

metadata := {
	"id": "key-vault-recovery",
	"title": "A key vault is asked by roles, and what is deleted in it can be restored",
	"severity": "error",
	"protects": "secrets and the keys that data is encrypted with",
	"why": "A key that is gone takes all that was encrypted with it; an access policy passes by roles and their conditions.",
	"fix": "leave enableRbacAuthorization and enableSoftDelete on, and purge_protection where keys or production are",
	"source": "https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview",
	"psrule": ["Azure.KeyVault.SoftDelete", "Azure.KeyVault.RBAC", "Azure.KeyVault.AccessPolicy", "Azure.KeyVault.PurgeProtect"],
}

looks_at contains r.id if some r in input.resources["Microsoft.KeyVault/vaults"]

pass contains r.id if {
	some r in input.resources["Microsoft.KeyVault/vaults"]
	r.body.properties.enableRbacAuthorization == true
	r.body.properties.enableSoftDelete == true
	purge_protected(r)
}

purge_protected(r) if r.body.properties.enablePurgeProtection == true

# Where nothing is protected, a vault may be made anew under its name.
purge_protected(_) if input.environment.protected == false
