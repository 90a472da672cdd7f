"""A perimeter around one resource, put into the store as ARM would, for the tests of the data planes."""

from __future__ import annotations

from typing import Any

from tests.unit.sandbox import harness
from toolkit.sandbox.perimeter import ACCESS_RULES, ASSOCIATIONS, PERIMETERS
from toolkit.sandbox.store import Resource, Store

PERIMETER = f"{harness.GROUP}/providers/{PERIMETERS}/nsp"
PROFILE = f"{PERIMETER}/profiles/platform"
RULE = f"{PROFILE}/accessRules/inbound"
ASSOCIATION = f"{PERIMETER}/resourceAssociations/member"

# Who decides of a public connection that no access rule admits, by access mode (None: no member) and network access.
# https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition, the last table
DECIDES = {
    (None, "Enabled"): "resource",
    (None, "Disabled"): "denied",
    (None, "SecuredByPerimeter"): "denied",
    ("Learning", "Enabled"): "resource",
    ("Learning", "Disabled"): "denied",
    ("Learning", "SecuredByPerimeter"): "denied",
    ("Enforced", "Enabled"): "denied",
    ("Enforced", "Disabled"): "denied",
    ("Enforced", "SecuredByPerimeter"): "denied",
}


def put(store: Store, id_: str, type_: str, properties: dict[str, Any]) -> None:
    store.put(Resource(id_, type_, {"id": id_, "type": type_, "properties": properties}, {}))


def associate(store: Store, member: str, mode: str | None) -> None:
    """Without a mode: no member any more."""
    for old in store.under(PERIMETER):
        store.delete(old.id)
    if mode is not None:
        named = {"privateLinkResource": {"id": member}, "profile": {"id": PROFILE}}
        put(store, ASSOCIATION, ASSOCIATIONS, {**named, "accessMode": mode})


def admit(store: Store, **rule: Any) -> None:
    put(store, RULE, ACCESS_RULES, {"direction": "Inbound", **rule})


def close(store: Store) -> None:
    for old in store.under(PERIMETER, ACCESS_RULES):
        store.delete(old.id)


def identity(store: Store, object_id: str, subscription: str = harness.SUBSCRIPTION) -> None:
    """A managed identity of a subscription."""
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    id_ = f"/subscriptions/{subscription}/resourceGroups/rg/providers/{kind}/{object_id}"
    put(store, id_, kind, {"principalId": object_id})
