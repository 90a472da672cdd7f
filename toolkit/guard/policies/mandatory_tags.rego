package guard.mandatory_tags

import rego.v1

metadata := {
	"id": "mandatory-tags",
	"title": "Every resource that takes tags has those that the environment demands",
	"severity": "error",
	"protects": "who owns a resource and who pays for it",
	"why": "What nobody owns is never cleaned up, and its costs are nobody's.",
	"fix": "set the tags in envs/common.tfvars or the environment's terraform.tfvars (required_tags names them)",
	"source": "https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources",
	"psrule": ["Azure.Resource.UseTags"],
}

# `tracked` are the resources that have a location; of types that take no tags, none is here.
looks_at contains r.id if {
	some r in input.tracked
	r.taggable
}

pass contains r.id if {
	some r in input.tracked
	r.taggable
	every name in input.environment.required_tags { count(r.tags[name]) > 0 }
}

reasons contains {"id": r.id, "text": text} if {
	some r in input.tracked
	some name in input.environment.required_tags
	object.get(r.tags, name, "") == ""
	text := sprintf("the tag %s is missing", [name])
}
