"""What a plan would change: the model behind the table, the JSON and the Markdown.

Read from ``terraform show -json PLANFILE`` (https://developer.hashicorp.com/terraform/internals/json-format). Of a
change in place or a replacement it has the values (:mod:`toolkit.terraform.values`, which leaves sensitive ones out).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from toolkit.records import Json
from toolkit.terraform.leases import settled_rules
from toolkit.terraform.values import ValueChange, value_changes

Action = Literal["create", "update", "replace", "delete", "import", "forget", "no-op"]

ACTIONS: tuple[Action, ...] = ("create", "update", "replace", "delete", "import", "forget")
# The old one of a replacement that made the new one first, and was interrupted before its end.
DEPOSED = "delete what a replacement has left"
# What stands already and is taken into the state by the plan, which then changes what of it differs.
ADOPTED = "is there already, and is adopted"
ROOT_MODULE = "(root)"

_ACTIONS: dict[tuple[str, ...], Action] = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
    ("create", "forget"): "replace",
    ("no-op",): "no-op",
}
_FORCES = "forces the replacement"

# What else is to be said of a value, by the address of its resource and its path.
Notes = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource. ``resource_type`` is Azure's for azapi (``Microsoft.Storage/storageAccounts``), else Terraform's.

    ``attributes`` names what differs, ``forces`` what of it forces the replacement; ``reason`` is Terraform's own word.
    ``values`` says of what differs from what to what.
    """

    address: str
    module: str
    resource_type: str
    action: Action
    reason: str | None = None
    attributes: tuple[str, ...] = ()
    forces: tuple[str, ...] = ()
    values: tuple[ValueChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """Values of one resource that were changed outside Terraform, or of one output."""

    address: str
    values: tuple[ValueChange, ...]


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """``resources`` counts those that stay as they are, too. ``steps`` are what the toolkit itself will do besides.

    ``drift`` are the resources that were changed outside Terraform, ``drifted`` the values of those of them that the
    plan leaves as they are; ``output_values`` are those of ``outputs``.
    """

    changes: tuple[ResourceChange, ...]
    resources: int
    outputs: tuple[str, ...]
    drift: tuple[str, ...]
    steps: tuple[str, ...] = ()
    drifted: tuple[Moved, ...] = ()
    output_values: tuple[Moved, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing of Terraform's to do: no resource and no output changes."""
        return not self.changes and not self.outputs

    def count(self, action: Action) -> int:
        return sum(change.action == action for change in self.changes)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Those that occur, in the order of :data:`ACTIONS`."""
        return tuple(action for action in ACTIONS if self.count(action))

    @property
    def sentence(self) -> str:
        """``3 to create, 1 to replace`` in the order of :data:`ACTIONS`."""
        parts = [f"{self.count(action)} to {action}" for action in self.actions]
        if not parts and self.outputs:
            parts = [f"{len(self.outputs)} outputs to change"]
        return ", ".join(parts) or "no changes"

    def by_module(self) -> list[tuple[str, Counter[Action]]]:
        """Every module with a change, in the order of its address, with its number of changes by action."""
        counts: dict[str, Counter[Action]] = {}
        for change in self.changes:
            counts.setdefault(change.module, Counter())[change.action] += 1
        return sorted(counts.items())

    def as_json(self) -> dict[str, Any]:
        return {
            "summary": {action: self.count(action) for action in ACTIONS},
            "resources": self.resources,
            "modules": [{"module": module, **{a: c[a] for a in ACTIONS}} for module, c in self.by_module()],
            "changes": [asdict(change) for change in self.changes],
            "outputs": list(self.outputs),
            "output_values": [asdict(one) for one in self.output_values],
            "drift": list(self.drift),
            "drifted": [asdict(one) for one in self.drifted],
            "steps": list(self.steps),
        }


def summarise(document: dict[str, Any], steps: tuple[str, ...] = (), notes: Notes | None = None) -> PlanSummary:
    """The model of a plan's JSON document."""
    managed = [item for item in document.get("resource_changes", []) if item["mode"] == "managed"]
    drift = {item["address"]: item["change"] for item in _drift(document)}
    changes = [_change(item, drift.get(item["address"]), notes or {}) for item in managed]
    changed = {change.address for change in changes if change.action != "no-op"}
    outputs = {n: c for n, c in sorted(document.get("output_changes", {}).items()) if c["actions"] != ["no-op"]}
    return PlanSummary(
        changes=tuple(sorted((c for c in changes if c.action != "no-op"), key=lambda c: (c.module, c.address))),
        resources=len(managed),
        outputs=tuple(outputs),
        drift=tuple(drift),
        steps=steps,
        drifted=tuple(Moved(a, value_changes(one)) for a, one in drift.items() if a not in changed),
        output_values=tuple(Moved(n, value_changes(one)) for n, one in outputs.items()),
    )


def _drift(document: Json) -> Iterator[Json]:
    changes = {item["address"]: item["change"] for item in document.get("resource_changes", [])}
    for item in document.get("resource_drift", []):
        if item["mode"] == "managed" and not settled_rules(item["change"], changes.get(item["address"], {})):
            yield item


def markdown(summary: PlanSummary, title: str, refused: Sequence[str] = ()) -> str:
    """A pull request's comment: the table by module, then every change; plain words when there is none.

    ``refused`` says what of it an apply refuses.
    """
    lines = [f"### {title}", ""]
    if summary.empty:
        return "\n".join([*lines, f"No changes: {summary.resources} resources match the configuration.", ""])
    lines += [f"**{summary.sentence}**, of {summary.resources} resources.", ""]
    actions = summary.actions
    lines += ["| module | " + " | ".join(actions) + " |", "|---|" + "---:|" * len(actions)]
    for module, counts in summary.by_module():
        lines.append(f"| `{module}` | " + " | ".join(str(counts[a] or "") for a in actions) + " |")
    if refused:
        lines += ["", "**Apply refuses this:**", "```", *refused, "```"]
    if summary.steps:
        lines += ["", "Besides, the toolkit itself:", *(f"* {step}" for step in summary.steps)]
    if summary.drift:
        lines += ["", f"Changed outside Terraform since the last apply: {_code_list(summary.drift)}"]
        lines += [f"* `{one.address}`: {_cell(one.values)}" for one in summary.drifted if one.values]
    lines += [
        "",
        "<details><summary>Every change</summary>",
        "",
        "| action | resource | type | what |",
        "|---|---|---|---|",
    ]
    for change in summary.changes:
        why = f"because of {reason_of(change)}" if change.action == "replace" and not change.values else ""
        what = "<br>".join(filter(None, [ADOPTED if change.reason == ADOPTED else "", _cell(change.values)])) or why
        lines.append(f"| {change.action} | `{change.address}` | {change.resource_type} | {what} |")
    for output in summary.output_values:
        lines.append(f"| output | `{output.address}` | | {_cell(output.values)} |")
    return "\n".join([*lines, "", "</details>", ""])


def details(change: ResourceChange) -> list[str]:
    """The values of a change, a line each, those that force a replacement first; none for a plain create or delete."""
    if change.action == "replace" and not any(value.note == _FORCES for value in change.values):
        return [f"because of {reason_of(change)}", *map(str, change.values)]
    first = [ADOPTED] if change.reason == ADOPTED else []
    return [*first, *(str(value) for value in sorted(change.values, key=lambda value: value.note != _FORCES))]


def _reason(item: dict[str, Any]) -> str | None:
    if "deposed" in item:
        return DEPOSED
    if "importing" in item["change"] and "delete" not in item["change"]["actions"]:
        return ADOPTED
    return (item.get("action_reason") or "").replace("_", " ") or None


def reason_of(change: ResourceChange) -> str:
    """Why a resource is replaced, in a few words."""
    return ", ".join(change.forces) or change.reason or "a request"


def _cell(values: Sequence[ValueChange]) -> str:
    """Values in a cell of a Markdown table: what a value holds is no markup."""
    lines = [str(value).replace("`", "'").replace("|", "\\|") for value in values]
    return "<br>".join(f"`{line}`" for line in lines)


def azure_type(values: dict[str, Any] | None) -> str | None:
    """``Microsoft.KeyVault/vaults`` of an azapi resource's ``type = "Microsoft.KeyVault/vaults@2026-02-01"``."""
    declared = (values or {}).get("type")
    return declared.split("@")[0] if isinstance(declared, str) and "@" in declared else None


def azure_body(values: dict[str, Any] | None) -> dict[str, Any]:
    """The body of an azapi resource; azapi 1.15 shows a text, ``{}``, for a resource that was written without one."""
    body = (values or {}).get("body")
    return body if isinstance(body, dict) else {}


def _change(item: dict[str, Any], drift: dict[str, Any] | None, notes: Notes) -> ResourceChange:
    change = item["change"]
    action = _ACTIONS[tuple(change["actions"])]
    if action == "no-op" and "importing" in change:
        action = "import"
    before, after = change.get("before"), change.get("after")
    unknown = change.get("after_unknown") or {}
    both = isinstance(before, dict) and isinstance(after, dict) and action in ("update", "replace")
    address, forces = item["address"], tuple(".".join(map(str, path)) for path in change.get("replace_paths", []))
    values = value_changes(change, drift) if both else ()
    return ResourceChange(
        address=address,
        module=item.get("module_address", ROOT_MODULE),
        resource_type=azure_type(after or before) or item["type"],
        action=action,
        reason=_reason(item),
        attributes=tuple(_different(before, after, unknown)) if both else (),
        forces=forces,
        values=tuple(
            replace(value, note=_FORCES if _within(value.path, forces) else notes.get((address, value.path)))
            for value in values
        ),
    )


def _within(path: str, forces: Sequence[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in forces)


def _different(before: Any, after: Any, unknown: Any, path: str = "") -> Iterator[str]:
    """Paths whose value differs or is only known after the apply; outputs of azapi are the answer, not the question."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            known = unknown.get(key, False) if isinstance(unknown, dict) else unknown
            if path or key != "output":
                yield from _different(before.get(key), after.get(key), known, f"{path}.{key}" if path else key)
    elif unknown is True or before != after:
        yield path


def _code_list(items: tuple[str, ...]) -> str:
    return ", ".join(f"`{item}`" for item in items)


def prior_resources(document: Json) -> list[Json]:
    """What the state held after the refresh of a plan (its JSON document): managed resources only."""

    def within(module: Json) -> Iterator[Json]:
        yield from module.get("resources", [])
        for child in module.get("child_modules", []):
            yield from within(child)

    values = (document.get("prior_state") or {}).get("values") or {}
    return [item for item in within(values.get("root_module") or {}) if item["mode"] == "managed"]


def made_or_deleted(document: Json) -> frozenset[str]:
    """Addresses that the plan makes, makes again or deletes anyway."""
    return frozenset(
        item["address"]
        for item in document.get("resource_changes", [])
        if {"create", "delete"} & set(item["change"]["actions"])
    )
