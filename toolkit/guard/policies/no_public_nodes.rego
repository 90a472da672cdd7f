package guard.no_public_nodes

import rego.v1

metadata := {
	"id": "no-public-nodes",
	"title": "Nodes of clusters and pools have no public address and no open login port",
	"severity": "error",
	"protects": "machines that run people's code beside the platform's data",
	"why": "A public address is an open door in and a way out past the firewall.",
	"fix": "leave enableNodePublicIp off and the pool at NoPublicIPAddresses",
	"source": "https://learn.microsoft.com/azure/batch/batch-pool-no-public-ip-address",
	"psrule": ["Azure.ML.ComputeVnet"],
}

looks_at contains r.id if some r in input.resources["Microsoft.MachineLearningServices/workspaces/computes"]

looks_at contains r.id if some r in input.resources["Microsoft.Batch/batchAccounts/pools"]

pass contains r.id if {
	some r in input.resources["Microsoft.MachineLearningServices/workspaces/computes"]
	r.body.properties.properties.enableNodePublicIp == false
	object.get(r.body.properties.properties, "remoteLoginPortPublicAccess", "Disabled") == "Disabled"
}

pass contains r.id if {
	some r in input.resources["Microsoft.Batch/batchAccounts/pools"]
	r.body.properties.networkConfiguration.publicIPAddressConfiguration.provision == "NoPublicIPAddresses"
}
