"""What leases can be taken on: how each type writes its rules for addresses, how many it takes, and how it is asked.

One row per type; its api-version is Terraform's (azure/api_versions.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from toolkit.errors import UsageError
from toolkit.records import Json


@dataclass(frozen=True, slots=True)
class Kind:
    """``rules`` is where under ``properties`` the list of rules stands, ``suffix`` what follows an address in one.

    ``host`` makes the data plane's host name of a resource's name, ``probe`` is a GET there that needs no right, and
    ``scope`` the token's.
    """

    type: str
    name: str
    rules: tuple[str, ...]
    suffix: str
    template: Mapping[str, Any]  # a rule without its value
    limit: int
    host: str
    probe: str
    headers: Mapping[str, str]
    scope: str

    def network(self, resource: Json) -> Json:
        """The settings that hold the rules, as they were read; {} where there are none."""
        found: Any = resource.get("properties") or {}
        for step in self.rules[:-1]:
            found = found.get(step) or {}
        return dict(found)

    def addresses(self, resource: Json) -> list[str]:
        """Those of single addresses; ranges are never a lease's."""
        return [
            value
            for rule in self.rules_of(resource)
            if "/" not in (value := str(rule["value"]).removesuffix(self.suffix))
        ]

    def changed(self, resource: Json, add: set[str], remove: set[str]) -> Json:
        """The body of a PATCH that changes these addresses, and nothing else of the settings."""
        kept = [rule for rule in self.rules_of(resource) if str(rule["value"]).removesuffix(self.suffix) not in remove]
        there = {str(rule["value"]).removesuffix(self.suffix) for rule in kept}
        for address in sorted(add - there):
            # Where Terraform, which sorts, would have it (terraform/platform/leases.tf); the others keep their places.
            place = next((n for n, rule in enumerate(kept) if self._value(rule) > address), len(kept))
            kept.insert(place, {**self.template, "value": f"{address}{self.suffix}"})
        body: Json = {self.rules[-1]: kept}
        network = {**deepcopy(self.network(resource)), **body}
        for step in reversed(self.rules[:-1]):
            network = {step: network}
        return {"properties": network}

    def _value(self, rule: Json) -> str:
        return str(rule["value"]).removesuffix(self.suffix)

    def rules_of(self, resource: Json) -> list[Json]:
        return list(self.network(resource).get(self.rules[-1]) or [])


KINDS: tuple[Kind, ...] = (
    Kind(
        "Microsoft.Storage/storageAccounts",
        "storage account",
        ("networkAcls", "ipRules"),
        "",  # a bare address: https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
        {"action": "Allow"},
        400,
        "{name}.blob.core.windows.net",
        "/?comp=list&maxresults=1",
        {"x-ms-version": "2023-11-03"},
        "https://storage.azure.com/.default",
    ),
    Kind(
        "Microsoft.KeyVault/vaults",
        "key vault",
        ("networkAcls", "ipRules"),
        "/32",  # https://learn.microsoft.com/azure/key-vault/general/network-security
        {},
        1000,
        "{name}.vault.azure.net",
        "/secrets?api-version=7.4&maxresults=1",
        {},
        "https://vault.azure.net/.default",
    ),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A resource whose rules a lease changes."""

    id: str
    kind: Kind

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    @property
    def host(self) -> str:
        return self.kind.host.format(name=self.name)

    def __str__(self) -> str:
        return f"{self.kind.name} {self.name}"


def target_of(resource_id: str) -> Target:
    """Raises UsageError for a type that takes no leases."""
    type_ = "/".join(resource_id.rsplit("/providers/", 1)[-1].split("/")[:2])
    for kind in KINDS:
        if kind.type.lower() == type_.lower():
            return Target(resource_id, kind)
    raise UsageError(
        f"no lease can be taken on {type_} {resource_id.rsplit('/', 1)[-1]}",
        hint=f"these have rules for addresses that a lease can change: {', '.join(kind.type for kind in KINDS)}",
    )
