package guard.custom_roles_exact

import rego.v1

metadata := {
	"id": "custom-roles-exact",
	"title": "Custom roles name each action, and stay inside the subscription",
	"severity": "error",
	"protects": "least privilege, also of what Azure adds next year",
	"why": "A wildcard grants every action that a service will ever have, deletes and key listings included.",
	"fix": "name the actions one by one in terraform/bootstrap/roles.tf",
	"source": "https://learn.microsoft.com/azure/role-based-access-control/custom-roles-best-practices",
	"psrule": [],
}

looks_at contains r.id if some r in input.resources["Microsoft.Authorization/roleDefinitions"]

wildcards contains [r.id, action] if {
	some r in input.resources["Microsoft.Authorization/roleDefinitions"]
	some permission in r.body.properties.permissions
	some action in array.concat(permission.actions, object.get(permission, "dataActions", []))
	contains(action, "*")
}

open := {w[0] | some w in wildcards}

pass contains r.id if {
	some r in input.resources["Microsoft.Authorization/roleDefinitions"]
	count(r.body.properties.permissions) > 0
	every permission in r.body.properties.permissions { is_array(permission.actions) }
	every scope in r.body.properties.assignableScopes { inside(scope) }
	not r.id in open
}

# One that is not known yet is a resource of this plan.
inside(null)

inside(scope) if {
	is_string(scope)
	startswith(lower(scope), "/subscriptions/")
}

reasons contains {"id": w[0], "text": text} if {
	some w in wildcards
	text := sprintf("the action %s has a wildcard", [w[1]])
}
