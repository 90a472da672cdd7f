package guard.roles_in_matrix

import rego.v1

metadata := {
	"id": "roles-in-matrix",
	"title": "No role is assigned that the matrix does not give to this principal",
	"severity": "error",
	"protects": "least privilege: docs/rbac.md is all that anybody may do",
	"why": "A role that slips in is found by nobody before it is used, and a broad one makes all the others meaningless.",
	"fix": "leave it out; a new row belongs into terraform/platform/rbac.tf, docs/rbac.md and toolkit/guard/matrix.json",
	"source": "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
	"psrule": ["Azure.RBAC.LimitOwner"],
}

looks_at contains r.id if some r in input.resources["Microsoft.Authorization/roleAssignments"]

# `row` is the key under which terraform assigns it, without the id of a group; `role` the name of its role (a custom
# one's key), null where the role is made by this very plan and has no id yet.
pass contains r.id if {
	some r in input.resources["Microsoft.Authorization/roleAssignments"]
	described(r)
	r.role in input.matrix[r.row]
}

pass contains r.id if {
	some r in input.resources["Microsoft.Authorization/roleAssignments"]
	described(r)
	r.role == null
	some role in input.matrix[r.row]
	role in input.custom_roles
}

# What further_role_assignments of the environment's variables adds.
pass contains r.id if {
	some r in input.resources["Microsoft.Authorization/roleAssignments"]
	described(r)
	startswith(r.row, "further_")
	r.role in input.environment.further_roles
}

described(r) if {
	r.body.properties.principalType in {"User", "Group", "ServicePrincipal"}
	count(r.body.properties.description) > 0
}

reasons contains {"id": r.id, "text": text} if {
	some r in input.resources["Microsoft.Authorization/roleAssignments"]
	is_string(r.role)
	text := sprintf("%s is not what the matrix has for %s", [r.role, r.row])
}
