"""What a network security perimeter decides of connections to the public endpoints of its members.

https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition. Everything is read from the store
at each connection, so that a new access rule counts at once; how long Azure takes is not documented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from typing import Final, Literal

from toolkit.records import Json
from toolkit.sandbox.model import Principal
from toolkit.sandbox.store import Resource, Store

PERIMETERS: Final = "Microsoft.Network/networkSecurityPerimeters"
PROFILES: Final = f"{PERIMETERS}/profiles"
ACCESS_RULES: Final = f"{PROFILES}/accessRules"
ASSOCIATIONS: Final = f"{PERIMETERS}/resourceAssociations"

# Whose identities a rule for a subscription can recognise in the sandbox.
_IDENTITIES: Final = "Microsoft.ManagedIdentity/userAssignedIdentities"
_WITH_IDENTITY: Final = (
    "Microsoft.DataFactory/factories",
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.MachineLearningServices/workspaces/computes",
    "Microsoft.Web/sites",
)

Verdict = Literal["allowed", "denied", "resource"]  # resource: its own firewall decides
Caller = Callable[[], Principal | None]


def public_inbound(store: Store, member: Resource, source_ip: str, caller: Caller) -> Verdict:
    """Of a connection that comes through no private endpoint: those are none of a perimeter's business.

    ``caller`` is asked only when a rule for subscriptions might admit it. A shared access signature has none: such
    rules do not support them
    (https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts#supported-access-rule-types).
    """
    association = association_of(store, member.id)
    secured = secured_by_perimeter(member)
    if association is None:
        return "denied" if secured else "resource"
    rules = list(_inbound(store, association))
    address = ip_address(source_ip)
    if any(address in ip_network(prefix) for rule in rules for prefix in rule.get("addressPrefixes") or []):
        return "allowed"
    subscriptions = _subscriptions(rules)
    if subscriptions and (principal := caller()) is not None and subscription_of(store, principal) in subscriptions:
        return "allowed"
    return "denied" if secured or _enforced(association) else "resource"


def trusted_services_pass(store: Store, member: Resource, asker_id: str) -> bool | None:
    """Whether the resource ``asker_id`` reaches a member as a service of Azure; None: its own firewall decides.

    Members of one perimeter reach each other; where the perimeter decides, being trusted counts for nothing, and a
    service that cannot be a member needs a rule for its subscription
    (https://learn.microsoft.com/azure/storage/common/storage-network-security-perimeter#network-priority).
    """
    association = association_of(store, member.id)
    if association is None:
        return False if secured_by_perimeter(member) else None
    other = association_of(store, asker_id)
    if other is not None and _perimeter(other) == _perimeter(association):
        return True
    if _subscription(asker_id) in _subscriptions(list(_inbound(store, association))):
        return True
    return False if decides(store, member) else None


def decides(store: Store, member: Resource) -> bool:
    """Whether the perimeter alone decides, instead of the resource's own firewall."""
    association = association_of(store, member.id)
    return secured_by_perimeter(member) or (association is not None and _enforced(association))


def association_of(store: Store, resource_id: str) -> Resource | None:
    wanted = resource_id.lower()
    return next(
        (found for found in store.of_type(ASSOCIATIONS) if linked(found, "privateLinkResource") == wanted), None
    )


def linked(association: Resource, what: Literal["privateLinkResource", "profile"]) -> str:
    """The lower-cased id of what an association names."""
    return str((association.properties.get(what) or {}).get("id", "")).lower()


def secured_by_perimeter(resource: Resource) -> bool:
    return str(resource.properties.get("publicNetworkAccess") or "").lower() == "securedbyperimeter"


def subscription_of(store: Store, principal: Principal) -> str | None:
    """The subscription of the resource whose managed identity this is; people and applications have none."""
    for identity in store.of_type(_IDENTITIES):
        if identity.properties.get("principalId") == principal.object_id:
            return _subscription(identity.id)
    for type_ in _WITH_IDENTITY:
        for resource in store.of_type(type_):
            if (resource.body.get("identity") or {}).get("principalId") == principal.object_id:
                return _subscription(resource.id)
    return None


def _inbound(store: Store, association: Resource) -> Iterator[Json]:
    for rule in store.under(linked(association, "profile"), ACCESS_RULES):
        if rule.properties.get("direction") == "Inbound":
            yield rule.properties


def _subscriptions(rules: list[Json]) -> set[str]:
    return {_subscription(str(named.get("id", ""))) for rule in rules for named in rule.get("subscriptions") or []}


def _subscription(resource_id: str) -> str:
    return [*resource_id.lower().split("/"), "", "", ""][2]


def _perimeter(association: Resource) -> str:
    return association.id.lower().rsplit("/resourceassociations/", 1)[0]


def _enforced(association: Resource) -> bool:
    return str(association.properties.get("accessMode")) == "Enforced"
