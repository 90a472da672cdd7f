package guard.user_assigned_identities

import rego.v1

metadata := {
	"id": "user-assigned-identities",
	"title": "Workspace and function app act as an identity that was made for them",
	"severity": "error",
	"protects": "roles that outlive a service which is made again",
	"why": "A system-assigned identity goes with its service, and its roles with it; another one has to be given them by hand.",
	"fix": "leave the identity of the module as it is",
	"source": "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identity-best-practice-recommendations",
	"psrule": ["Azure.ML.UserManagedIdentity", "Azure.AppService.ManagedIdentity"],
}

types := {"Microsoft.MachineLearningServices/workspaces", "Microsoft.Web/sites"}

looks_at contains r.id if {
	some type in types
	some r in input.resources[type]
}

pass contains r.id if {
	some type in types
	some r in input.resources[type]
	some identity in r.identity
	contains(identity.type, "UserAssigned")
}
