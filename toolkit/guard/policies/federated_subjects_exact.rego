package guard.federated_subjects_exact

import rego.v1

metadata := {
	"id": "federated-subjects-exact",
	"title": "Federated credentials trust one exact subject",
	"severity": "error",
	"protects": "the identities of CI: whoever gets a token of the subject acts as them",
	"why": "A pattern trusts branches, forks or repositories that do not exist yet.",
	"fix": "name the repository with its environment or branch (github_repository in env.toml)",
	"source": "https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations",
	"psrule": [],
}

looks_at contains r.id if some r in input.resources["Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"]

pass contains r.id if {
	some r in input.resources["Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"]
	count(r.body.properties.subject) > 0
	regex.match(`^[^*?{}\s]+$`, r.body.properties.subject)
	startswith(r.body.properties.issuer, "https://")
	not contains(r.body.properties.issuer, "*")
	object.get(r.body.properties, "claimsMatchingExpression", null) == null
	r.body.properties.audiences == ["api://AzureADTokenExchange"]
}

reasons contains {"id": r.id, "text": text} if {
	some r in input.resources["Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"]
	text := sprintf("the subject is %s, of %s", [r.body.properties.subject, r.body.properties.issuer])
}
