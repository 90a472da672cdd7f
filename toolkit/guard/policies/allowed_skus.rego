package guard.allowed_skus

import rego.v1

metadata := {
	"id": "allowed-skus",
	"title": "SKUs and sizes of machines are among those that are allowed",
	"severity": "error",
	"protects": "the budget, and what a smaller SKU cannot do (private endpoints, zones, retention)",
	"why": "One letter makes a machine cost a hundred times as much, and a registry of the Basic SKU has no private endpoint.",
	"fix": "take another size, or allow it in [guard.allowed_skus] of env.toml",
	"source": "https://learn.microsoft.com/azure/well-architected/cost-optimization/",
	"psrule": ["Azure.ACR.MinSku", "Azure.AppService.MinPlan", "Azure.PublicIP.StandardSKU"],
}

# `skus` is what has one, with its type and name; `virtualMachines` are the nodes of clusters and pools.
looks_at contains s.id if {
	some s in input.skus
	input.environment.allowed_skus[s.type]
}

pass contains s.id if {
	some s in input.skus
	some pattern in input.environment.allowed_skus[s.type]
	glob.match(lower(pattern), [], lower(s.name))
}

reasons contains {"id": s.id, "text": text} if {
	some s in input.skus
	text := sprintf("%s is not among those that are allowed for %s", [s.name, s.type])
}
