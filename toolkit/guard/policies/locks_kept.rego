package guard.locks_kept

import rego.v1

metadata := {
	"id": "locks-kept",
	"title": "No lock is removed or weakened without an override that names it",
	"severity": "error",
	"protects": "what the locks protect: without them one careless delete is enough",
	"why": "A lock goes with a changed variable and nobody notices before it is missed.",
	"fix": "put locks and further_locks back; or name the lock: --allow-replace 'ADDRESS=REASON', kept in the evidence",
	"source": "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
	"psrule": [],
}

locks := "Microsoft.Authorization/locks"

# A lock that is taken away, or made again: until then there is none.
looks_at contains r.id if {
	some r in input.deleted
	r.type == locks
}

looks_at contains r.id if some r in input.resources[locks]

pass contains r.id if {
	some r in input.resources[locks]
	r.action in {"create", "import"}
}

pass contains r.id if {
	some r in input.resources[locks]
	r.action in {"no-op", "update"}
	r.body.properties.level == r.before.body.properties.level
}

pass contains r.id if {
	some r in input.resources[locks]
	r.action == "update"
	r.body.properties.level == "ReadOnly"
}

pass contains r.id if {
	some r in input.deleted
	r.type == locks
	count(r.override) > 0
}

pass contains r.id if {
	some r in input.resources[locks]
	count(r.override) > 0
}

reasons contains {"id": r.id, "text": "the lock would be removed"} if {
	some r in input.deleted
	r.type == locks
}
