package guard.stateful_kept

import rego.v1

metadata := {
	"id": "stateful-kept",
	"title": "Nothing that holds state or data is replaced or deleted without an override that names it",
	"severity": "error",
	"protects": "data, secrets, logs, run history and identities that roles hang on",
	"why": "A replacement is made by a changed name or region as easily as by intent, and takes everything in it away.",
	"fix": "put back what was changed; or save the data and name it: --allow-replace 'ADDRESS=REASON', kept in the evidence",
	"source": "docs/cli.md, What is never lost as a side effect",
	"psrule": [],
}

# `loss` is there when the plan replaces or deletes what holds something (toolkit/terraform/losses.py says what does);
# `override` is the reason of whoever allowed it by name.
looks_at contains r.id if {
	some r in input.lost
	r.loss.holds
}

pass contains r.id if {
	some r in input.lost
	r.loss.holds
	count(r.override) > 0
}

reasons contains {"id": r.id, "text": text} if {
	some r in input.lost
	text := sprintf("%s, %s: lost is %s", [r.action, r.loss.why, r.loss.holds])
}
