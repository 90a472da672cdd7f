package guard.network_closed

import rego.v1

metadata := {
	"id": "network-closed",
	"title": "Subnets have a network security group, and none lets in everybody",
	"severity": "error",
	"protects": "what stands in the virtual network",
	"why": "A rule that allows any source is a hole that stays when everybody has forgotten it.",
	"fix": "name the source: an address range or a service tag",
	"source": "https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview",
	"psrule": ["Azure.NSG.AnyInboundSource", "Azure.VNET.UseNSGs"],
}

looks_at contains r.id if some r in input.resources["Microsoft.Network/virtualNetworks"]

looks_at contains r.id if some r in input.resources["Microsoft.Network/networkSecurityGroups"]

# Its id is not known while the group is made; that the subnet names one is.
pass contains r.id if {
	some r in input.resources["Microsoft.Network/virtualNetworks"]
	every subnet in r.body.properties.subnets {
		object.get(subnet, ["properties", "networkSecurityGroup"], null) != null
	}
}

everybody := {"*", "0.0.0.0/0", "internet", "any"}

open contains r.id if {
	some r in input.resources["Microsoft.Network/networkSecurityGroups"]
	some rule in object.get(r.body, ["properties", "securityRules"], [])
	rule.properties.access == "Allow"
	rule.properties.direction == "Inbound"
	lower(object.get(rule.properties, "sourceAddressPrefix", "")) in everybody
}

open contains r.id if {
	some r in input.resources["Microsoft.Network/networkSecurityGroups"]
	some rule in object.get(r.body, ["properties", "securityRules"], [])
	rule.properties.access == "Allow"
	rule.properties.direction == "Inbound"
	some prefix in object.get(rule.properties, "sourceAddressPrefixes", [])
	lower(prefix) in everybody
}

pass contains r.id if {
	some r in input.resources["Microsoft.Network/networkSecurityGroups"]
	is_object(r.body)
	not r.id in open
}
