"""Private link: which host names a target has per group, and how its connections are made.

Group ids and zones: https://learn.microsoft.com/azure/private-link/private-endpoint-dns.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource

PRIVATE_ENDPOINTS = "Microsoft.Network/privateEndpoints"

# One inner tuple per private address; the names in it share that address.
Names = tuple[tuple[str, ...], ...]


def _storage(service: str) -> Callable[[Resource], Names]:
    return lambda account: ((f"{account.name}.{suffix_of(service)}",),)


def _registry(registry: Resource) -> Names:
    name, location, suffix = registry.name.lower(), registry.body["location"], suffix_of("registry")
    return ((f"{name}.{location}.data.{suffix}",), (f"{name}.{suffix}",))


def _workspace(workspace: Resource) -> Names:
    key, region, name = workspace.properties["workspaceId"], workspace.body["location"], workspace.name
    return (
        (f"{key}.workspace.{region}.api.azureml.ms", f"{key}.workspace.{region}.cert.api.azureml.ms"),
        (f"ml-{name}-{region}-{key}.{region}.notebooks.azure.net",),
        (f"*.{key}.inference.{region}.api.azureml.ms",),
    )


def _factory(factory: Resource) -> Names:
    return ((f"{factory.name}.{factory.body['location']}.{suffix_of('dataFactory')}",),)


def _site(site: Resource) -> Names:
    suffix = suffix_of("sites")
    return ((f"{site.name}.{suffix}", f"{site.name}.scm.{suffix}"),)


def _monitor(scope: Resource) -> Names:
    ingestion = ("api", "global.in.ai", "profiler", "live", "diagservices-query", "snapshot", "global.handler.control")
    return tuple((f"{name}.{suffix_of('azuremonitor')}",) for name in ingestion)


@dataclass(frozen=True, slots=True)
class LinkableType:
    """``action_property`` is how this provider spells the connection state's third member: Storage alone leaves
    out the s. ``decided_with`` is how a connection is approved: Batch alone has no PUT
    (https://learn.microsoft.com/rest/api/batchmanagement/private-endpoint-connection)."""

    groups: dict[str, Callable[[Resource], Names]]
    action_property: str = "actionsRequired"
    decided_with: Literal["PUT", "PATCH"] = "PUT"


TARGETS: dict[str, LinkableType] = {
    "Microsoft.Storage/storageAccounts": LinkableType(
        {service: _storage(service) for service in ("blob", "dfs", "file", "queue", "table", "web")}, "actionRequired"
    ),
    "Microsoft.KeyVault/vaults": LinkableType({"vault": lambda vault: ((f"{vault.name}.{suffix_of('vault')}",),)}),
    "Microsoft.ContainerRegistry/registries": LinkableType({"registry": _registry}),
    "Microsoft.MachineLearningServices/workspaces": LinkableType({"amlworkspace": _workspace}),
    "Microsoft.DataFactory/factories": LinkableType(
        {"dataFactory": _factory, "portal": lambda _: ((suffix_of("portal"),),)}
    ),
    "Microsoft.Web/sites": LinkableType({"sites": _site}),
    "Microsoft.Batch/batchAccounts": LinkableType(
        {
            "batchAccount": lambda account: ((account.properties["accountEndpoint"],),),
            "nodeManagement": lambda account: ((account.properties["nodeManagementEndpoint"],),),
        },
        decided_with="PATCH",
    ),
    "Microsoft.Insights/privateLinkScopes": LinkableType({"azuremonitor": _monitor}),
}
_BY_TYPE = {type_.lower(): target for type_, target in TARGETS.items()}


def target_of(call: Call, target_id: str, group_id: str) -> tuple[Resource, LinkableType, str]:
    """The resource that a connection is for, its row, and the group id as Azure spells it.

    400 for what cannot be linked.
    """
    resource = call.referenced(target_id, call.id.id)
    target = _BY_TYPE.get(resource.type.lower())
    if target is None:
        raise bad_request(
            "InvalidPrivateLinkServiceId", f"Call to {resource.type} failed: it has no private link resources."
        )
    for name in target.groups:
        if name.lower() == group_id.lower():
            return resource, target, name
    raise bad_request(
        "PrivateEndpointCannotBeCreatedInvalidGroupId",
        f"Group id '{group_id}' is not valid for {resource.id}. Valid group ids are: {', '.join(target.groups)}.",
    )


def names_of(resource: Resource, target: LinkableType, group_id: str) -> Names:
    return target.groups[group_id](resource)


def connect(
    call: Call, target_id: str, group_id: str, endpoint_id: str, status: str, description: str, internal: Json
) -> Resource:
    """Make the connection on the target, ``{target}/privateEndpointConnections/{target name}.{guid}``."""
    resource, target, _ = target_of(call, target_id, group_id)
    properties: Json = {
        "privateEndpoint": {"id": endpoint_id},
        "groupIds": [group_id],
        "privateLinkServiceConnectionState": {
            "status": status,
            "description": description,
            target.action_property: "None",
        },
        "provisioningState": "Succeeded",
    }
    connection_id = f"{resource.id}/privateEndpointConnections/{resource.name}.{uuid.uuid4()}"
    connection = call.resources.write(connection_id, f"{resource.type}/privateEndpointConnections", properties)
    connection.internal = internal
    call.resources.store.put(connection)
    refresh_target(call, resource.id)
    return connection


def refresh_target(call: Call, target_id: str) -> None:
    """Show the connections in the target's own body, as GET of a target does."""
    store = call.resources.store
    target = store.get(target_id)
    if target is None:
        return
    connections = store.under(target.id, f"{target.type}/privateEndpointConnections")
    target.properties["privateEndpointConnections"] = [connection.body for connection in connections]
    store.put(target)


def state_of(connection: Resource) -> str:
    return str(connection.properties["privateLinkServiceConnectionState"]["status"])
