"""What `toolkit firewall` holds open at the moment, as Terraform is told of it.

Rules that Terraform declares and those of leases stand in one list of a resource. A plan that did not know of a lease
would take its rule away; therefore each plan is given the addresses that are open when it is made. Who knows them is
above this floor (toolkit/runs/leases.py), since a lease is more than an address.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Protocol

from toolkit.errors import ToolkitError
from toolkit.records import Json
from toolkit.terraform.workspace import RootName

# Addresses by the resource's key, both sorted.
Open = Mapping[str, tuple[str, ...]]
NONE: Open = {}


class UnreadableError(ToolkitError):
    """This identity may not read which leases are open."""


class Book(Protocol):
    """Who knows the leases on the resources of a root."""

    def open(self, root: RootName) -> Open:
        """What leases need in the rules now. Raises UnreadableError, or ToolkitError when nobody answers."""
        ...

    def applied(self, root: RootName, before: Open, after: Open) -> None:
        """An apply has changed the environment's own rules.

        One that has become the environment's is no lease's any more, and stays when the lease is closed; one that is
        the environment's no more is there for the leases on it only.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoBook:
    """For who takes no leases into account."""

    def open(self, root: RootName) -> Open:
        return NONE

    def applied(self, root: RootName, before: Open, after: Open) -> None:
        return


def key_of(resource_id: str) -> str:
    """How terraform/ finds a resource's leases: its type and name, known before the resource is.

    >>> key_of("/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/KV")
    'microsoft.keyvault/vaults/kv'
    """
    return resource_id.rsplit("/providers/", 1)[-1].lower()


def written(document: Json) -> frozenset[str]:
    """The keys of the resources that are there and that a plan (its JSON document) writes."""
    found: set[str] = set()
    for item in document.get("resource_changes", []):
        before = item["change"].get("before") or {}
        if item["mode"] == "managed" and item["change"]["actions"] != ["no-op"] and before.get("id"):
            found.add(key_of(str(before["id"])))
    return frozenset(found)


def digest(document: Json, *leases: Open) -> str:
    """Of what a plan does, apart from the rules of these leases: equal for two plans that differ in those only."""
    addresses = {address for each in leases for held in each.values() for address in held}
    changes = []
    for item in document.get("resource_changes", []):
        change = item["change"]
        before, after = (_without(_asked(side), addresses) for side in (change.get("before"), _after(change)))
        rules_only = change["actions"] == ["update"] and before == after
        if change["actions"] != ["no-op"] and not rules_only:
            changes.append([item["address"], item.get("deposed"), change["actions"], before, after])
    outputs = {
        name: [change["actions"], _without(_after(change), addresses)]
        for name, change in document.get("output_changes", {}).items()
        if change["actions"] != ["no-op"]
    }
    text = json.dumps([sorted(changes, key=lambda change: change[0]), outputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _after(change: Json) -> Any:
    """What will be, with a word in place of what is known after the apply only (``after_unknown`` has after's form)."""

    def both(known: Any, unknown: Any) -> Any:
        if unknown is True:
            return "(known after apply)"
        if isinstance(unknown, dict):
            known = known or {}
            return {key: both(known.get(key), unknown.get(key)) for key in known.keys() | unknown.keys()}
        if isinstance(unknown, list):
            known = known or []
            return [both(*pair) for pair in itertools.zip_longest(known, unknown)]
        return known

    return both(change.get("after"), change.get("after_unknown"))


def settled_rules(drift: Json, change: Json) -> bool:
    """Whether what changed outside Terraform is rules for addresses only, and stands now as it is declared.

    So it is when a lease was opened or closed since Terraform wrote its state; ``change`` is what the plan does there.
    """
    before, after = _asked(drift.get("before")), _asked(drift.get("after"))
    same_rules = _rules(change.get("before")) == _rules(change.get("after"))
    return same_rules and _without(before, None) == _without(after, None)


def _asked(values: Any) -> Any:
    """Without azapi's answer, which says nothing that was asked for."""
    return {name: value for name, value in values.items() if name != "output"} if isinstance(values, dict) else values


def _rules(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [rule for key in sorted(value) for rule in _rules(value[key])]
    if isinstance(value, list):
        return [rule for each in value for rule in ([each] if _is_rule(each, None) else _rules(each))]
    return []


def own_rules(output: Mapping[str, Sequence[str]] | None) -> Open:
    """Of terraform's output ``ip_rules``: what the environment's data let in."""
    return {key: tuple(map(canonical, rules)) for key, rules in (output or {}).items()}


def canonical(text: str) -> str:
    """An address bare and a range from its first address, however a service writes them."""
    return _address(text) or text


def _without(value: Any, addresses: set[str] | None) -> Any:
    """Without the rules for these addresses; for every address with None."""
    if isinstance(value, dict):
        return {key: _without(each, addresses) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(each, addresses) for each in value if not _is_rule(each, addresses)]
    return value


def _is_rule(value: Any, addresses: set[str] | None) -> bool:
    """A rule is an address by itself (the workspace's), or an object with one among a few words."""
    texts = [text for text in (value.values() if isinstance(value, dict) else [value]) if isinstance(text, str)]
    found = {address for text in texts if (address := _address(text)) is not None}
    return bool(found if addresses is None else found & addresses)


def _address(text: str) -> str | None:
    """Of a rule's value: an address, which some services write as a range of one, or a range."""
    if not text[:1].isdigit():
        return None
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        return None
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
