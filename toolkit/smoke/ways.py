"""The private endpoints that lead to a host from the place where a check acts, and how they stand now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolkit.azure.api_versions import api_version
from toolkit.azure.second_look import Way, addresses_for, state_of
from toolkit.live.reading import View

Outputs = Mapping[str, Any]
_Find = Callable[[View, Outputs, Mapping[str, Any], str], Way | None]


def ways_to(view: View, outputs: Outputs, host: str, vantage: str) -> list[Way]:
    """Empty where none is meant. Raises azure.core's AzureError when the control plane cannot be read."""
    find = _FROM.get(vantage)
    endpoints = [e for e in (outputs.get("private_endpoints") or {}).values() if host in e["fqdns"]]
    found = [find(view, outputs, endpoint, host) for endpoint in endpoints] if find else []
    return [way for way in found if way is not None]


def managed_state(view: View, endpoint: Mapping[str, Any]) -> str | None:
    """The state of a factory's managed endpoint, on its target: the factory goes on saying Approved when that rejects.

    Azure makes up the connection's name; its private endpoint's id ends in the managed endpoint's (inferred).
    """
    name = endpoint["id"].split("/")[-1].casefold()
    for properties in _connections(view, endpoint["target_id"]):
        if (properties.get("privateEndpoint") or {}).get("id", "").casefold().endswith((f".{name}", f"/{name}")):
            return str(properties["privateLinkServiceConnectionState"]["status"])
    return None


def _own(view: View, outputs: Outputs, endpoint: Mapping[str, Any], host: str) -> Way:
    """One of the virtual network's."""
    name = endpoint["id"].split("/")[-1]
    document = view.find(endpoint["id"])
    if document is None:
        return Way(name, None)
    addresses = []
    for interface in document["properties"].get("networkInterfaces") or []:
        found = view.find(interface["id"], api_version(endpoint["id"]))
        addresses += addresses_for(host, found) if found else []
    return Way(name, state_of(document), tuple(addresses))


def _factory(view: View, outputs: Outputs, endpoint: Mapping[str, Any], host: str) -> Way | None:
    """One of the factory's managed network, to the same target and group."""
    for name, managed in (outputs.get("data_factory_managed_private_endpoints") or {}).items():
        if _same(managed["target_id"], endpoint["target_id"]) and managed["group_id"] == endpoint["group_id"]:
            return Way(name, managed_state(view, managed), managed=True)
    return None


def _workspace(view: View, outputs: Outputs, endpoint: Mapping[str, Any], host: str) -> Way | None:
    """One of the workspace's managed network: it belongs to an outbound rule, which says Active when it is approved.

    https://learn.microsoft.com/azure/machine-learning/how-to-managed-network
    """
    workspace = outputs.get("machine_learning_workspace_id")
    if not workspace:
        return None
    for rule in view.list(f"{workspace}/outboundRules"):
        destination = rule["properties"].get("destination")
        if not isinstance(destination, Mapping) or destination.get("subresourceTarget") != endpoint["group_id"]:
            continue
        if _same(destination.get("serviceResourceId"), endpoint["target_id"]):
            status = str(rule["properties"].get("status"))
            state = "Approved" if status == "Active" else status
            return Way(f"of the outbound rule {rule['name']}", state, managed=True)
    target = endpoint["target_id"].split("/")[-1]
    return Way(f"of an outbound rule to {target} ({endpoint['group_id']})", None, managed=True)


def _connections(view: View, target_id: str) -> Iterator[Mapping[str, Any]]:
    for connection in view.list(f"{target_id}/privateEndpointConnections"):
        yield connection["properties"]


def _same(one: object, other: object) -> bool:
    return str(one).casefold() == str(other).casefold()


_FROM: dict[str, _Find] = {"vnet": _own, "adf-managed": _factory, "aml-managed": _workspace}
