"""What a policy refuses and what it lets through, by example: ``NAME.examples.json`` beside ``NAME.rego``.

A list of examples, each with ``what`` it shows, whether it is ``refused``, and the planned ``resources`` as
``terraform show -json`` has them: ``type`` (Azure's), ``body``, and what else of ``tags``, ``location``, ``identity``,
``action``, ``before``, ``index`` matters; further ``facts`` and ``allowed`` overrides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from toolkit.errors import UsageError
from toolkit.guard.engine import Report, judge
from toolkit.guard.facts import ALLOWED_SKUS, Facts
from toolkit.guard.policies import Policy
from toolkit.records import Json
from toolkit.terraform.workspace import RootName

# An environment that is made up: examples say what they change of it.
FACTS = Facts(
    name="example",
    protected=True,
    allowed_locations=("westeurope",),
    public_network_access={
        "storage": "Disabled",
        "state": "Enabled",
        "key_vault": "Disabled",
        "container_registry": "Disabled",
        "data_factory": "Disabled",
        "machine_learning_workspace": "Disabled",
    },
    storage_service="storage",
    required_tags=("owner",),
    allowed_skus=ALLOWED_SKUS,
    further_roles=("Reader",),
    built_in_roles={
        "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
        "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
        "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    },
)
_NEVER = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Example:
    what: str
    refused: bool
    resources: tuple[Json, ...]
    facts: Json
    allowed: dict[str, str]
    root: RootName = "platform"


def examples(policy: Policy) -> tuple[Example, ...]:
    """Raises UsageError for a file that is missing or has not what it needs."""
    path = policy.examples_file
    shown = f"{policy.module.shown.removesuffix('.rego')}.examples.json"
    hint = "docs/guard.md shows one: a policy without an example that it refuses was never seen to refuse"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        found = tuple(
            Example(
                str(one["what"]),
                bool(one["refused"]),
                tuple(one["resources"]),
                one.get("facts", {}),
                one.get("allowed", {}),
                one.get("root", "platform"),
            )
            for one in read
        )
    except FileNotFoundError:
        raise UsageError(f"{shown}: is missing", hint=hint) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{shown}: cannot be read: {error}", hint=hint) from None
    if {one.refused for one in found} != {True, False}:
        raise UsageError(f"{shown}: has not one example that is refused and one that is accepted", hint=hint)
    return found


def verdict_on(policy: Policy, example: Example) -> Report:
    facts = replace(FACTS, **{name: _fact(value) for name, value in example.facts.items()})
    return judge(plan_of(example), [policy], facts, example.root, (), _NEVER, example.allowed)


def failures(policy: Policy) -> Iterator[str]:
    """What of a policy's examples does not come out as it says."""
    for one in examples(policy):
        report = verdict_on(policy, one)
        if not report.evaluated and not report.findings:
            yield f"{policy.id}: {one.what}: the policy looked at nothing"
        elif bool(report.findings) != one.refused:
            yield f"{policy.id}: {one.what}: {'accepted' if one.refused else 'refused'}"


def plan_of(example: Example) -> Json:
    """A plan of the example's resources, as Terraform writes one."""
    return {
        "format_version": "1.2",
        "resource_changes": [_change(number, one) for number, one in enumerate(example.resources)],
        "planned_values": {},
    }


def _change(number: int, one: Json) -> Json:
    index = one.get("index")
    name = one.get("address") or f"azapi_resource.example{number}" + (f'["{index}"]' if index else "")
    action = one.get("action", "create")
    values: Json = {"type": f"{one['type']}@2024-01-01", "body": one.get("body", {})}
    values |= {key: one[key] for key in ("tags", "location", "identity", "name") if key in one}
    before = {**values, "body": one["before"]} if "before" in one else values
    change: Json = {
        "actions": {"replace": ["delete", "create"]}.get(action, [action]),
        "before": None if action == "create" else before,
        "after": None if action == "delete" else values,
        "after_unknown": one.get("unknown", {}),
        "after_sensitive": one.get("after_sensitive", {}),
    }
    item: Json = {
        "address": name,
        "mode": "managed",
        "type": one.get("terraform_type", "azapi_resource"),
        "change": change,
    }
    return item | ({"index": index} if index else {})


def _fact(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
