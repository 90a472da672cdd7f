"""In what state a subscription is: what Azure decides about it, and a test or a rehearsal wants to see.

Said over the control API (``POST /conditions``), kept in the store until it is said otherwise. Without any, a
subscription is enabled, offers everything everywhere, and has Azure's usual limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.store import Store

KIND: Final = "subscription-conditions"
# https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states
STATES: Final = ("Enabled", "Warned", "PastDue", "Disabled", "Deleted")

# How many of a kind a subscription may have in a region, by the name that usages call it.
# https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
LIMITS: Final[Mapping[str, int]] = {
    "StorageAccounts": 250,
    "VirtualNetworks": 1000,
    "NetworkSecurityGroups": 5000,
    "PrivateEndpoints": 1000,
    "PublicIPAddresses": 1000,
    "NatGateways": 1000,
    "RouteTables": 200,
    "BatchAccounts": 3,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """An assignment of Azure Policy (arm/policies.py): ``path`` of what is written of ``type`` (``tags.owner``,
    ``properties.publicNetworkAccess``) must be ``wanted``, or merely be there when that is None."""

    name: str
    effect: str  # deny, modify, audit
    type: str
    path: str
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class Retirement:
    """A feature of ``type`` that Advisor announces the end of (arm/advisor.py); ``date`` as YYYY-MM-DD."""

    type: str
    feature: str
    date: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """``limits`` by the names of :data:`LIMITS`; ``not_offered`` are the
    regions that lack a resource type, ``restricted`` those in which a VM size may not be used (by its name); for
    ``policies`` see arm/policies.py. ``token_seconds`` is how long access tokens live, and ``clock_seconds`` how far
    Azure's clock is ahead of this machine's.
    """

    state: str = "Enabled"
    limits: Mapping[str, int] = field(default_factory=dict)
    not_offered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    restricted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    policies: tuple[Policy, ...] = ()
    retirements: tuple[Retirement, ...] = ()
    token_seconds: int | None = None
    clock_seconds: float = 0

    def limit(self, name: str) -> int:
        return self.limits.get(name, LIMITS[name])

    def lacking(self, type_: str) -> tuple[str, ...]:
        """The regions without a resource type."""
        return next((regions for name, regions in self.not_offered.items() if name.lower() == type_.lower()), ())


def conditions_of(store: Store, subscription_id: str) -> Conditions:
    return _conditions(store.document(KIND, subscription_id.lower()) or {})


def every_condition(store: Store) -> list[Conditions]:
    return [_conditions(document) for _, document in store.documents(KIND)]


def keep(store: Store, subscription_id: str, sent: Mapping[str, Any]) -> None:
    """Instead of what was said before. Raises ValueError, with what is wrong."""
    known = {one.name for one in fields(Conditions)}
    if unknown := sorted(set(sent) - known):
        raise ValueError(f"conditions has {', '.join(sorted(known))}, and not {', '.join(unknown)}")
    if sent.get("state", "Enabled") not in STATES:
        raise ValueError(f"state is one of {', '.join(STATES)}")
    if unknown := sorted(set(sent.get("limits", {})) - set(LIMITS)):
        raise ValueError(f"limits has {', '.join(LIMITS)}, and not {', '.join(unknown)}")
    conditions = _conditions(dict(sent))
    store.put_document(KIND, subscription_id.lower(), asdict(conditions))


def _conditions(document: Json) -> Conditions:
    said = dict(document)
    said["policies"] = tuple(Policy(**one) for one in said.get("policies", ()))
    said["retirements"] = tuple(Retirement(**one) for one in said.get("retirements", ()))
    for name in ("not_offered", "restricted"):
        said[name] = {key: tuple(regions) for key, regions in said.get(name, {}).items()}
    return Conditions(**said)
