"""docs/guard.md: the policies of toolkit/guard and what they meet of PSRule.Rules.Azure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from toolkit.guard.examples import examples
from toolkit.guard.policies import OWN, load_policies
from toolkit.guard.psrule import cross_reference
from toolkit.project import Project

PATH = Path("docs/guard.md")

HEAD = """\
# The guard: what no plan may do

Written by `python -m docs.generate guard` from `toolkit/guard/`.

Policies in [Rego](https://www.openpolicyagent.org/docs/latest/policy-language/) look at every plan before anything is touched:
`toolkit plan` shows their verdicts, `toolkit apply` and `toolkit bootstrap` refuse (exit 4) what one of them refuses, and
`toolkit apply --plan DIR` asks them again about the plan that was handed over. What was evaluated is evidence (`guard.json`).

```sh
toolkit guard list                                    # which policies there are, and what each protects
toolkit guard explain tls                             # why, how to comply, and an example that it refuses
toolkit guard test                                    # every policy on its examples
toolkit guard check local plan.json --format sarif    # a plan as `terraform show -json` writes it; json, junit, markdown, text
```

Fail closed: a resource that a policy looks at passes only when the policy says that it passes. A property that is missing or misspelt,
and a value that is not known before the apply, never pass. A policy that cannot be evaluated on a plan refuses it; one that does not
compile is an error with file and line (exit 3), before anything is planned. The summary counts the planned resources that were evaluated
and lists those that no policy looked at; a plan of which none was evaluated is refused.

What stays as it is, is evaluated too: a platform that broke a policy yesterday is refused today. A plan that destroys the environment is
not: that is deliberate by itself.

## When a policy is in the way

* **An override** for one plan: `--allow-replace 'ADDRESS=REASON'` lets the plan replace or delete one resource that holds state or data,
  or remove one lock. `plan`, `apply`, `bootstrap` and `guard check` take it; apply keeps it in the evidence.
* **Data**: regions, SKUs and public network access are what `env.toml` says ([environments.md](environments.md)).
* **A waiver** for one policy and the resources that a pattern of addresses matches, with an owner, a reason and a last day:

```toml
[[guard.waivers]]
policy   = "allowed-skus"
resource = "module.machine_learning_workspace.azapi_resource.compute[*]"
owner    = "ml-platform-team"
reason   = "the benchmark of March needs one large node"
expires  = 2027-03-31
```

A waived finding is shown as such. After its last day the waiver no longer counts, and the refusal names it with its owner. One that
nothing needs any more is named, too.

## Your own policies

Files in `envs/policies/` hold for every environment; `[guard] policies = "FOLDER"` in `env.toml` adds a folder of the project for one.
They add to the toolkit's and replace none. A policy is `NAME.rego` with `NAME.examples.json` beside it:

```rego
package guard.container_names

import rego.v1

metadata := {
	"id": "container-names",
	"title": "Containers of raw data begin with raw-",
	"severity": "error",
	"protects": "who may read what: our roles go by prefixes",
	"why": "A container with another name gets no role.",
	"fix": "rename it in storage.lake_containers",
	"source": "our wiki, page 12",
	"psrule": [],
}

containers := "Microsoft.Storage/storageAccounts/blobServices/containers"

looks_at contains r.id if some r in input.resources[containers]

pass contains r.id if {
	some r in input.resources[containers]
	startswith(r.name, "raw-")
}
```

```json
[
  {"what": "another prefix", "refused": true, "resources": [{"type": "Microsoft.Storage/storageAccounts/blobServices/containers", "name": "x"}]},
  {"what": "ours", "refused": false, "resources": [{"type": "Microsoft.Storage/storageAccounts/blobServices/containers", "name": "raw-x"}]}
]
```

* `looks_at` are the `id`s of the resources that the policy is about, `pass` those of them that are as they should be. Say what is good, not
  what is bad. `reasons contains {"id": r.id, "text": …}` adds words to a refusal; they decide nothing.
* `severity` is `error` (refuses) or `warning` (is shown).
* `input.resources` has each planned resource under Azure's type: `id`, `address`, `type`, `action`, `name`, `body`, `tags`, `location`,
  `identity`, `override`. `input.deleted` are those that go, `input.environment` what env.toml and the variables say. `toolkit guard check
  ENV PLAN.json --format input` prints the whole document, for `conftest` and `opa`: they give the same verdicts on it.
* `toolkit guard test` runs the examples: each says what it shows, whether it is refused, and the resources.
* The engine is regopy (rego-cpp). It has no `net.cidr_*`, no `time.parse_rfc3339_ns` and no `(?i)` in patterns; `not` inside `every` and
  `concat` inside `sprintf` are errors there. All of that refuses, and nothing of it passes.

## The policies

"""

TABLE = "| policy | severity | what holds | protects | otherwise | fix | refuses, for example |\n|---|---|---|---|---|---|---|\n"

PSRULE = """
## PSRule.Rules.Azure

The rules of [PSRule.Rules.Azure](https://azure.github.io/PSRule.Rules.Azure/en/rules/resource/) that are about what the platform is made
of: each is met, by a policy or by what is named, or waived with the reason.

| rule | | by what, or why not |
|---|---|---|
"""


def guard_document(project: Project) -> Mapping[Path, str]:
    policies = load_policies((OWN,), project.root)
    text = HEAD + TABLE
    for one in policies:
        example = next(each.what for each in examples(one) if each.refused)
        cells = (f"`{one.id}`", one.severity, one.title, one.protects, one.why, one.fix, example)
        text += "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
    text += PSRULE
    text += "".join(f"| {rule} | {verdict} | {words} |\n" for rule, verdict, words in cross_reference(policies))
    return {PATH: text}
