package guard.tls

import rego.v1

metadata := {
	"id": "tls",
	"title": "Only encrypted connections, of TLS 1.2 or newer",
	"severity": "error",
	"protects": "what is on its way",
	"why": "Older versions and plain connections can be read and changed by whoever is between.",
	"fix": "leave minimumTlsVersion, httpsOnly and ftpsState as terraform/modules sets them",
	"source": "https://learn.microsoft.com/azure/storage/common/transport-layer-security-configure-minimum-version",
	"psrule": [
		"Azure.Storage.MinTLS", "Azure.Storage.SecureTransfer",
		"Azure.AppService.MinTLS", "Azure.AppService.UseHTTPS", "Azure.AppService.WebSecureFtp",
	],
}

looks_at contains r.id if some r in input.resources["Microsoft.Storage/storageAccounts"]

looks_at contains r.id if some r in input.resources["Microsoft.Web/sites"]

pass contains r.id if {
	some r in input.resources["Microsoft.Storage/storageAccounts"]
	r.body.properties.minimumTlsVersion in {"TLS1_2", "TLS1_3"}
	r.body.properties.supportsHttpsTrafficOnly == true
}

pass contains r.id if {
	some r in input.resources["Microsoft.Web/sites"]
	r.body.properties.httpsOnly == true
	r.body.properties.siteConfig.minTlsVersion in {"1.2", "1.3"}
	r.body.properties.siteConfig.scmMinTlsVersion in {"1.2", "1.3"}
	r.body.properties.siteConfig.ftpsState in {"Disabled", "FtpsOnly"}
}
