package guard.no_secret_in_body

import rego.v1

metadata := {
	"id": "no-secret-in-body",
	"title": "No secret stands in a resource's body",
	"severity": "error",
	"protects": "secrets: a body is in the plan, in the state, in activity logs and in every export of the resource",
	"why": "A secret that Terraform knows is read by everybody who reads the state.",
	"fix": "keep it in the key vault and refer to it there (a managed identity needs none at all)",
	"source": "https://developer.hashicorp.com/terraform/language/manage-sensitive-data",
	"psrule": ["Azure.Deployment.SecureValue"],
}

# `bodies` are the resources that have one; `texts` those of their strings that have a telling name or shape, `sensitive`
# what Terraform itself calls so.
looks_at contains id if some id in input.bodies

suspects contains [t.id, t.path] if {
	some t in input.texts
	regex.match(`(password|secret|accountkey|accesskey|connectionstring|connection_string|sastoken|sasuri|_key|functionkey)$`, t.key)
	not reference(t.value)
}

suspects contains [t.id, t.path] if {
	some t in input.texts
	regex.match(`(AccountKey=|SharedAccessKey=|[?&]sig=|-----BEGIN [A-Z ]*PRIVATE KEY|eyJ[A-Za-z0-9_-]{20,}[.]eyJ)`, t.value)
}

suspects contains [s.id, s.path] if some s in input.sensitive

# Nothing, a reference to the vault, or an expression that is evaluated elsewhere.
reference("")

reference(value) if startswith(value, "@Microsoft.KeyVault(")

reference(value) if startswith(value, "@{")

# Where telemetry goes, which lets nobody in: https://learn.microsoft.com/azure/azure-monitor/app/connection-strings
reference(value) if startswith(value, "InstrumentationKey=")

suspicious := {s[0] | some s in suspects}

pass contains id if {
	some id in input.bodies
	not id in suspicious
}

reasons contains {"id": s[0], "text": text} if {
	some s in suspects
	text := sprintf("%s holds what looks like a secret; its value is not shown", [s[1]])
}
