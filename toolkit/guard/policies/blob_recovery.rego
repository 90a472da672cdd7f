package guard.blob_recovery

import rego.v1

metadata := {
	"id": "blob-recovery",
	"title": "Deleted blobs, containers and file shares can be restored",
	"severity": "error",
	"protects": "data, from a careless delete and from ransomware",
	"why": "Without soft delete, a delete is final.",
	"fix": "leave deleteRetentionPolicy and containerDeleteRetentionPolicy on (storage.retention_days)",
	"source": "https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview",
	"psrule": ["Azure.Storage.SoftDelete", "Azure.Storage.ContainerSoftDelete", "Azure.Storage.FileShareSoftDelete"],
}

looks_at contains r.id if some r in input.resources["Microsoft.Storage/storageAccounts/blobServices"]

looks_at contains r.id if some r in input.resources["Microsoft.Storage/storageAccounts/fileServices"]

pass contains r.id if {
	some r in input.resources["Microsoft.Storage/storageAccounts/blobServices"]
	r.body.properties.deleteRetentionPolicy.enabled == true
	r.body.properties.containerDeleteRetentionPolicy.enabled == true
}

pass contains r.id if {
	some r in input.resources["Microsoft.Storage/storageAccounts/fileServices"]
	r.body.properties.shareDeleteRetentionPolicy.enabled == true
}
