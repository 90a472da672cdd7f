package guard.allowed_locations

import rego.v1

metadata := {
	"id": "allowed-locations",
	"title": "Resources are made in the environment's regions only",
	"severity": "error",
	"protects": "where data lies, and under which law",
	"why": "Data that lies in another region may break a promise to customers, and costs traffic.",
	"fix": "put location back, or name the region in [guard] allowed_locations of env.toml",
	"source": "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-location",
	"psrule": ["Azure.Resource.AllowedRegions"],
}

looks_at contains r.id if some r in input.tracked

pass contains r.id if {
	some r in input.tracked
	every place in r.locations { place in input.environment.allowed_locations }
}

# What stands where it stood: after a change of location, what the bootstrap made stays in the first region.
pass contains r.id if {
	some r in input.tracked
	r.stays
}

# Of no region: zones of private DNS, action groups, alerts on metrics.
pass contains r.id if {
	some r in input.tracked
	r.locations == ["global"]
}

reasons contains {"id": r.id, "text": text} if {
	some r in input.tracked
	some place in r.locations
	not place in input.environment.allowed_locations
	place != "global"
	text := sprintf("%s is none of the environment's regions", [place])
}
