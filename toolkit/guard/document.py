"""What policies see of a plan: its resources by Azure's type, as they would be, and what the environment's data says.

Read from ``terraform show -json`` (https://developer.hashicorp.com/terraform/internals/json-format). One JSON document,
so that every engine of Rego gives the same verdicts on it: ``toolkit guard check --format input`` prints it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.guard.facts import Facts, bootstrap_outputs
from toolkit.records import Json
from toolkit.terraform.losses import LOCKS, losses
from toolkit.terraform.plan import PlanSummary, azure_type, summarise
from toolkit.terraform.workspace import RootName

ROLE_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
ROLE_DEFINITIONS = "Microsoft.Authorization/roleDefinitions"

_MATRIX = Path(__file__).with_name("matrix.json")
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# A group's rows have its id in their keys: data_scientists_<id>_on_lake.
_GROUP_ID = re.compile(rf"_{_GUID}")
# With a location, but without tags: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-support
_UNTAGGED = frozenset({"Microsoft.DataFactory/factories/integrationRuntimes"})
# The engine gives these back unescaped in its answer, which is then no JSON.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def policy_input(
    document: Json,
    facts: Facts,
    root: RootName,
    allowed: Mapping[str, str],
    summary: PlanSummary | None = None,
    mentioned: Callable[[str], bool] = lambda _: True,
) -> tuple[Json, tuple[str, ...]]:
    """The input document, and the address behind each ``id`` in it (its position).

    ``allowed``: the overrides of ``--allow-replace``, reason by address. ``mentioned``: whether a policy asks for the
    bodies of a type; those of others are left out, since the engine takes its time with them.
    """
    summary = summary or summarise(document)
    names = role_names(document, facts, root)
    lost = {loss.change.address: {"holds": loss.holds, "why": loss.why} for loss in losses(summary)}
    managed = [item for item in document.get("resource_changes", []) if item["mode"] == "managed"]
    given: Json = {
        "environment": facts.for_policies(),
        "root": root,
        "matrix": matrix()[root],
        "custom_roles": sorted(set(names.values()) - set(facts.built_in_roles.values())),
        "resources": {},
        "deleted": [],
        "lost": [],
        "tracked": [],
        "skus": [],
        "bodies": [],
        "texts": [],
        "sensitive": [],
    }
    for number, item in enumerate(managed):
        one = _resource(number, item, allowed, names)
        if item["address"] in lost:
            given["lost"].append({**_short(one), "loss": lost[item["address"]]})
        if one["action"] == "delete":
            given["deleted"].append(_short(one))
            continue
        _spread(given, one, item)
        if mentioned(one["type"]):
            given["resources"].setdefault(one["type"], []).append(one)
    return given, tuple(item["address"] for item in managed)


def _short(one: Json) -> Json:
    return {key: one[key] for key in ("id", "address", "type", "action", "override")}


def _spread(given: Json, one: Json, item: Json) -> None:
    """What policies about all types look at, in lists of its own: they need no body."""
    number, body = one["id"], one["body"]
    if one["location"] and item["type"] == "azapi_resource":
        places = [one["location"], (body.get("properties") or {}).get("computeLocation")]
        given["tracked"].append(
            {
                "id": number,
                "locations": sorted({str(place).lower() for place in places if place}),
                "stays": one["action"] in ("no-op", "update")
                and (item["change"]["before"] or {}).get("location") == one["location"],
                "taggable": one["type"] not in _UNTAGGED,
                "tags": one["tags"],
            }
        )
    for kind, name in _skus(one["type"], body):
        given["skus"].append({"id": number, "type": kind, "name": name})
    if body:
        given["bodies"].append(number)
        given["texts"] += [{"id": number, **text} for text in _texts(body)]
    for path in _marked(_of(item["change"].get("after_sensitive"), "body"), "body"):
        given["sensitive"].append({"id": number, "path": path})


def _of(marked: Any, key: str) -> Any:
    return marked.get(key) if isinstance(marked, dict) else marked is True


def _skus(kind: str, body: Json) -> Iterator[tuple[str, str]]:
    properties = body.get("properties") or {}
    sku = body.get("sku") or (properties.get("sku") if kind == "Microsoft.KeyVault/vaults" else None)
    if isinstance(sku, dict):
        yield kind, str(sku.get("name") or "")
    if kind == "Microsoft.MachineLearningServices/workspaces/computes":
        yield "virtualMachines", str((properties.get("properties") or {}).get("vmSize") or "")
    elif kind == "Microsoft.Batch/batchAccounts/pools":
        yield "virtualMachines", str(properties.get("vmSize") or "")


@cache
def matrix() -> dict[RootName, dict[str, list[str]]]:
    """The role of each row that terraform assigns; tests compare it with docs/rbac.md and with applied platforms."""
    read: dict[RootName, dict[str, list[str]]] = json.loads(_MATRIX.read_text(encoding="utf-8"))
    return read


def role_names(document: Json, facts: Facts, root: RootName) -> dict[str, str]:
    """Names of roles by their GUIDs: built-in ones, and the bootstrap's own by their keys in terraform/bootstrap."""
    names = dict(facts.built_in_roles)
    for item in document.get("resource_changes", []):
        values = item["change"].get("after") or item["change"].get("before") or {}
        if root == "bootstrap" and azure_type(values) == ROLE_DEFINITIONS and "index" in item:
            names[str(values.get("name", item["index"]))] = str(item["index"])
    for name, role_id in (bootstrap_outputs(document).get("custom_roles") or {}).items():
        names[role_id.rsplit("/", 1)[-1]] = name
    return names


def _resource(number: int, item: Json, allowed: Mapping[str, str], names: Mapping[str, str]) -> Json:
    change = item["change"]
    before, after, unknown = change.get("before"), change.get("after"), change.get("after_unknown") or {}
    actions = change["actions"]
    action = "replace" if len(actions) > 1 else actions[0]
    if action == "no-op" and "importing" in change:
        action = "import"
    values = after or before or {}
    kind = azure_type(values) or item["type"]
    body = _body(after)
    one: Json = {
        "id": number,
        "address": item["address"],
        "type": kind,
        "action": action,
        "name": values.get("name") or "",
        "body": body,
        "tags": {name: value or "" for name, value in ((after or {}).get("tags") or {}).items()},
        "location": (after or {}).get("location") or "",
        "identity": [
            {"type": each.get("type") or ""} for each in (after or {}).get("identity") or [] if isinstance(each, dict)
        ],
        "override": allowed.get(item["address"], ""),
    }
    if kind == "Microsoft.Network/virtualNetworks":
        one["body"] = _with_unknown(body, unknown.get("body"))
    if kind == ROLE_ASSIGNMENTS:
        guid = str((body.get("properties") or {}).get("roleDefinitionId") or "").rsplit("/", 1)[-1]
        one["row"] = _GROUP_ID.sub("", str(item.get("index", item["address"])))
        one["role"] = (names.get(guid) or guid) if guid else None
    if kind == LOCKS:
        one["before"] = {"body": _body(before)} if before else {}
    return one


def _body(values: Any) -> Json:
    """azapi 1.x takes a text of JSON, too."""
    found = (values or {}).get("body")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return {}
    cleaned: Json = _clean(found) if isinstance(found, dict) else {}
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return _CONTROL.sub(" ", value) if isinstance(value, str) else value


def _with_unknown(value: Any, unknown: Any) -> Any:
    """The value, with an empty object for each property that is known to be there and not yet by its value."""
    if isinstance(value, list) and isinstance(unknown, list):
        return [_with_unknown(each, unknown[i] if i < len(unknown) else None) for i, each in enumerate(value)]
    if isinstance(value, dict) and isinstance(unknown, dict):
        filled = {key: _with_unknown(each, unknown.get(key)) for key, each in value.items()}
        return filled | {key: {} for key, each in unknown.items() if each is True and filled.get(key) is None}
    return value


def _texts(value: Any, path: str = "body", key: str = "") -> Iterator[Json]:
    """The strings of a body that may be secrets: under a telling name, or long enough to hold one."""
    if isinstance(value, dict):
        name = value.get("name")
        for each, inner in value.items():
            # {"name": "DB_PASSWORD", "value": "…"}, as settings of apps are written
            label = str(name) if each == "value" and isinstance(name, str) else each
            yield from _texts(inner, f"{path}.{each}", label)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{path}[{index}]", key)
    elif isinstance(value, str) and (_TELLING.search(key) or _HOLDS.search(value)):
        yield {"path": path, "key": key.lower(), "value": value[:4000]}


# What is worth a policy's look: only a sieve, which the policies of no_secret_in_body.rego then decide.
_TELLING = re.compile(r"password|secret|key|connection_?string|token|sas", re.I)
_HOLDS = re.compile(r"(Key|sig|Signature)=|PRIVATE KEY|eyJ")


def _marked(value: Any, path: str) -> Iterator[str]:
    if value is True:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _marked(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _marked(inner, f"{path}[{index}]")
