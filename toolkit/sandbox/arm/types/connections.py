"""Children that every target of private endpoints has: its connections (with their approval) and its group ids.

https://learn.microsoft.com/azure/private-link/manage-private-endpoint: a connection is approved or rejected with a
PUT on ``{target}/privateEndpointConnections/{name}``, which needs the target's privateEndpointConnectionsApproval
action.
"""

from __future__ import annotations

from collections.abc import Callable

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request, not_found
from toolkit.sandbox.arm.private_link import TARGETS, refresh_target, state_of
from toolkit.sandbox.arm.resource_type import Call, LongRunning, ResourceType
from toolkit.sandbox.arm.types import datafactory, private_endpoints
from toolkit.sandbox.store import Resource

_FIRST_API_VERSION = "2018-02-14"  # Key Vault's, the oldest of them


def _follow(call: Call, connection: Resource, state: Json) -> None:
    """Carry the connection's new state to the other side: a private endpoint, or a managed endpoint of a data
    factory."""
    if "managedEndpoint" in connection.internal:
        datafactory.follow_connection(call, connection.internal["managedEndpoint"], state)
    elif "endpoint" in connection.internal:
        private_endpoints.follow_connection(call, connection.internal["endpoint"], state)


def _decide(call: Call, resource: Resource) -> None:
    """A PUT on a connection changes its state; everything else of it stays, also when ``privateEndpoint`` is sent
    as {}."""
    existing = call.existing
    if existing is None:
        raise not_found(
            "PrivateEndpointConnectionNotFound", f"The private endpoint connection '{call.id.name}' was not found."
        )
    sent = call.sent.get("privateLinkServiceConnectionState") or {}
    status = str(sent.get("status", ""))
    if status not in ("Approved", "Rejected"):
        raise bad_request("InvalidRequestPropertyValue", f"The value '{status}' is not allowed for property status.")
    if state_of(existing) == "Rejected" and status == "Approved":
        raise bad_request(
            "PrivateEndpointConnectionStatusNotPending", "Private Endpoint Connection Status is not Pending"
        )
    call.require_linked(f"{call.type.type}Approval/action", call.id.parent_id)
    state = {**existing.properties["privateLinkServiceConnectionState"], **sent}
    resource.body["properties"] = {**existing.properties, "privateLinkServiceConnectionState": state}


def _decided(call: Call, resource: Resource) -> None:
    call.resources.store.put(resource)
    _follow(call, resource, resource.properties["privateLinkServiceConnectionState"])
    refresh_target(call, call.id.parent_id)


def _disconnected(call: Call, resource: Resource) -> None:
    store = call.resources.store
    store.delete(resource.id)
    _follow(call, resource, {"status": "Disconnected", "description": "Deleted state"})
    refresh_target(call, call.id.parent_id)


def _link_resources(type_: str) -> Callable[[Call], list[Json]]:
    def listed(call: Call) -> list[Json]:
        target = call.resources.store.get(call.id.parent_id)
        assert target is not None
        return [
            {
                "id": f"{target.id}/privateLinkResources/{group}",
                "name": group,
                "type": f"{type_}/privateLinkResources",
                "properties": {
                    "groupId": group,
                    "requiredMembers": [group],
                    "requiredZoneNames": [],
                },
            }
            for group in TARGETS[type_].groups
        ]

    return listed


def _types(type_: str) -> tuple[ResourceType, ResourceType]:
    return (
        ResourceType(
            f"{type_}/privateEndpointConnections",
            first_api_version=_FIRST_API_VERSION,
            methods=frozenset({"GET", TARGETS[type_].decided_with, "DELETE"}),
            place="child",
            location="none",
            create_status=200,
            provisioning_state=False,
            long_running=LongRunning(update=5, delete=5, put_status=200),
            validate=_decide,
            on_put=_decided,
            on_delete=_disconnected,
        ),
        ResourceType(
            f"{type_}/privateLinkResources",
            first_api_version=_FIRST_API_VERSION,
            place="child",
            location="none",
            methods=frozenset({"GET"}),
            list=_link_resources(type_),
        ),
    )


CONNECTIONS: tuple[ResourceType, ...] = tuple(row for type_ in TARGETS for row in _types(type_))
