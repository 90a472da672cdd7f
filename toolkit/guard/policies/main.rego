package main

import rego.v1

# For conftest and opa, on the document that `toolkit guard check ENV PLAN.json --format input` prints:
#   conftest test input.json --policy toolkit/guard/policies
deny contains {"msg": msg, "policy": policy.metadata.id, "address": address} if {
	some policy in data.guard
	policy.metadata.severity == "error"
	some id in policy.looks_at
	not id in policy.pass
	address := input.addresses[id]
	msg := sprintf("[%s] %s: %s", [policy.metadata.id, address, policy.metadata.title])
}

warn contains {"msg": msg, "policy": policy.metadata.id, "address": address} if {
	some policy in data.guard
	policy.metadata.severity == "warning"
	some id in policy.looks_at
	not id in policy.pass
	address := input.addresses[id]
	msg := sprintf("[%s] %s: %s", [policy.metadata.id, address, policy.metadata.title])
}
