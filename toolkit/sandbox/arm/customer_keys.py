"""A resource that is to be encrypted with a customer's key: whether its identity can use the key, when it is written.

What each service answers when not differs: the caller gives the words.
"""

from __future__ import annotations

from collections.abc import Callable

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError
from toolkit.sandbox.arm.identity import USER_ASSIGNED
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.customer_keys import KeyUnusable, KeyUri, parse_key_uri, usable_version
from toolkit.sandbox.store import Resource

Words = Callable[[KeyUnusable], ArmError]


def require_key(call: Call, resource: Resource, key: str, identity_id: str | None, words: Words) -> Json:
    """The properties of the key's version that ``resource`` uses, as its user-assigned identity ``identity_id`` (its
    system-assigned one without). Raises what ``words`` makes of the reason."""
    try:
        object_id = _object_id(call, resource, identity_id)
        return usable_version(call.resources.world, _parsed(key), object_id, resource.id)
    except KeyUnusable as unusable:
        raise words(unusable) from unusable


def assigned_identities(resource: Resource, standing: Resource | None) -> list[str]:
    """The ids of the user-assigned identities that a resource has after this write."""
    sent = resource.body.get("identity") or (standing.body.get("identity") if standing is not None else None)
    return [key for key, value in ((sent or {}).get("userAssignedIdentities") or {}).items() if value is not None]


def identity_of_client(call: Call, resource: Resource, client_id: str) -> str | None:
    """The user-assigned identity of a resource that has this client id."""
    for identity_id in assigned_identities(resource, call.existing):
        identity = call.resources.store.get(identity_id)
        if identity is not None and identity.properties.get("clientId", "").lower() == client_id.lower():
            return identity_id
    return None


def _parsed(key: str) -> KeyUri:
    uri = parse_key_uri(key)
    if uri is None:
        raise KeyUnusable("key", f"'{key}' is no address of a key in a key vault.")
    return uri


def _object_id(call: Call, resource: Resource, identity_id: str | None) -> str:
    if identity_id is None:
        standing = call.existing.body.get("identity", {}) if call.existing is not None else {}
        if not standing.get("principalId"):
            raise KeyUnusable("identity", "A new resource has no system-assigned identity with rights on a key yet.")
        return str(standing["principalId"])
    assigned = {key.lower() for key in assigned_identities(resource, call.existing)}
    identity = call.resources.store.get(identity_id)
    if identity is None or identity.type != USER_ASSIGNED or identity_id.lower() not in assigned:
        raise KeyUnusable("identity", f"The identity {identity_id} is not assigned to the resource.")
    return str(identity.properties["principalId"])
