package guard.anonymous_access

import rego.v1

metadata := {
	"id": "anonymous-access",
	"title": "Nobody reads blobs, containers or images without signing in",
	"severity": "error",
	"protects": "blobs and images",
	"why": "What is read anonymously is read by everybody, and no log says by whom.",
	"fix": "leave allowBlobPublicAccess and anonymousPullEnabled off, and publicAccess of containers at None",
	"source": "https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-prevent",
	"psrule": ["Azure.Storage.BlobAccessType", "Azure.Storage.BlobPublicAccess", "Azure.ACR.AnonymousAccess"],
}

containers := "Microsoft.Storage/storageAccounts/blobServices/containers"

looks_at contains r.id if some r in input.resources["Microsoft.Storage/storageAccounts"]

looks_at contains r.id if some r in input.resources[containers]

looks_at contains r.id if some r in input.resources["Microsoft.ContainerRegistry/registries"]

pass contains r.id if {
	some r in input.resources["Microsoft.Storage/storageAccounts"]
	r.body.properties.allowBlobPublicAccess == false
}

pass contains r.id if {
	some r in input.resources[containers]
	r.body.properties.publicAccess == "None"
}

# Off unless it is asked for: https://learn.microsoft.com/azure/container-registry/anonymous-pull-access
pass contains r.id if {
	some r in input.resources["Microsoft.ContainerRegistry/registries"]
	object.get(r.body.properties, "anonymousPullEnabled", false) == false
}
