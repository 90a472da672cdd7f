"""Microsoft.Network private endpoints and their DNS zone groups.

https://learn.microsoft.com/azure/private-link/private-endpoint-overview, https://learn.microsoft.com/azure/private-link/private-endpoint-dns

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import ipaddress
import uuid

from toolkit.records import Json
from toolkit.sandbox.arm import private_link
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call, LongRunning, ResourceType
from toolkit.sandbox.arm.types import private_dns
from toolkit.sandbox.internal import connection_id, endpoint_addresses, keep_connection, keep_endpoint_addresses
from toolkit.sandbox.store import Resource

_NIC = "Microsoft.Network/networkInterfaces"
_ZONE_GROUPS = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
_RECORD_TTL = 10  # what Azure writes for records of zone groups


def _connections(properties: Json) -> list[tuple[str, Json]]:
    """(kind, connection) for the automatic and the manual list."""
    kinds = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
    return [(kind, connection) for kind in kinds for connection in properties.get(kind) or []]


def _validate(call: Call, resource: Resource) -> None:
    properties = resource.properties
    connections = _connections(properties)
    if len(connections) != 1:
        raise bad_request(
            "InvalidRequestFormat",
            f"Private endpoint {resource.id} must have exactly one private link service connection.",
        )
    subnet_id = (properties.get("subnet") or {}).get("id")
    if not subnet_id:
        raise bad_request("InvalidRequestFormat", f"Private endpoint {resource.id} must have a subnet.")
    subnet = call.referenced(subnet_id, resource.id)
    if call.existing is not None and call.existing.properties["subnet"]["id"].lower() != subnet.id.lower():
        # azurerm makes another endpoint for another subnet; how Azure says it is (inferred).
        raise bad_request("PrivateEndpointSubnetCannotBeChanged", f"Private endpoint {resource.id} keeps its subnet.")
    # https://learn.microsoft.com/azure/private-link/private-endpoint-overview: the network's own region
    call.referenced(subnet.id.rsplit("/subnets/", 1)[0], resource.id, location=resource.body["location"])
    call.require_linked("Microsoft.Network/virtualNetworks/subnets/join/action", subnet.id)
    kind, connection = connections[0]
    sent = connection.get("properties") or {}
    groups = sent.get("groupIds") or []
    if len(groups) != 1:
        raise bad_request("InvalidRequestFormat", f"Private endpoint {resource.id} must name exactly one group id.")
    target, _, _ = private_link.target_of(call, sent.get("privateLinkServiceId", ""), groups[0])
    if kind == "privateLinkServiceConnections":
        call.require_linked(f"{target.type}/privateEndpointConnectionsApproval/action", target.id)


def _put(call: Call, resource: Resource) -> None:
    properties = resource.properties
    kind, connection = _connections(properties)[0]
    sent = connection["properties"]
    target, row, group = private_link.target_of(call, sent["privateLinkServiceId"], sent["groupIds"][0])
    standing = call.existing
    if standing is None:
        manual = kind == "manualPrivateLinkServiceConnections"
        status, description = ("Pending", sent.get("requestMessage", "")) if manual else ("Approved", "Auto-Approved")
        link = private_link.connect(call, target.id, group, resource.id, status, description, {"endpoint": resource.id})
        resource.internal = {"group": group, "target": target.id}
        keep_connection(resource, link)
        names = private_link.names_of(target, row, group)
        keep_endpoint_addresses(resource, _allocate(call, resource, names))
        properties["resourceGuid"] = str(uuid.uuid4())
    elif standing.internal.get("target", "").lower() != target.id.lower():
        raise bad_request(
            "PropertyChangeNotAllowed", f"The private link service of private endpoint {resource.id} cannot be changed."
        )
    link_now = call.resources.store.get(connection_id(resource))
    state = (
        link_now.properties["privateLinkServiceConnectionState"]
        if link_now
        else {"status": "Disconnected", "description": "Deleted state"}
    )
    properties.setdefault("privateLinkServiceConnections", [])
    properties.setdefault("manualPrivateLinkServiceConnections", [])
    connection["id"] = f"{resource.id}/{kind}/{connection['name']}"
    connection["type"] = f"{private_link.PRIVATE_ENDPOINTS}/{kind}"
    sent["provisioningState"] = "Succeeded"
    _show_state(resource, state)
    properties.setdefault("customNetworkInterfaceName", "")
    properties.setdefault("ipConfigurations", [])
    properties["networkInterfaces"] = [{"id": _interface(call, resource)}]


def _show_state(resource: Resource, state: Json) -> None:
    _, connection = _connections(resource.properties)[0]
    connection["properties"]["privateLinkServiceConnectionState"] = {
        "status": state["status"],
        "description": state.get("description", ""),
        "actionsRequired": "None",
    }
    approved = state["status"] == "Approved"
    addresses = endpoint_addresses(resource) if approved else {}
    resource.properties["customDnsConfigs"] = [
        {"fqdn": fqdn, "ipAddresses": [address]} for fqdn, address in addresses.items()
    ]


def _allocate(call: Call, resource: Resource, names: private_link.Names) -> dict[str, str]:
    """An address of the subnet per group of names: what the request fixes, else the first free ones.

    Azure reserves four at the start (https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq).
    """
    subnet_id = resource.properties["subnet"]["id"].lower()
    subnet = call.resources.store.get(subnet_id)
    assert subnet is not None
    taken = {
        configuration["properties"]["privateIPAddress"]
        for interface in call.resources.store.of_type(_NIC)
        for configuration in interface.properties.get("ipConfigurations", [])
        if configuration["properties"].get("subnet", {}).get("id", "").lower() == subnet_id
    }
    prefixes = subnet.properties.get("addressPrefixes") or [subnet.properties["addressPrefix"]]
    fixed = [c["properties"]["privateIPAddress"] for c in resource.properties.get("ipConfigurations") or []]
    usable = [
        str(address)
        for prefix in prefixes
        for address in list(ipaddress.ip_network(prefix))[4:-1]
        if str(address) not in taken and str(address) not in fixed
    ]
    addresses: dict[str, str] = {}
    for number, group in enumerate(names):
        if number < len(fixed):
            address = fixed[number]
            if address in taken or not any(
                ipaddress.ip_address(address) in ipaddress.ip_network(prefix) for prefix in prefixes
            ):
                raise bad_request(
                    "PrivateIPAddressNotInSubnet", f"Private IP address {address} is not free in subnet {subnet.id}."
                )
        elif usable:
            address = usable.pop(0)
        else:
            raise bad_request(
                "SubnetIsFull",
                f"Subnet {subnet.name} with address prefix {prefixes[0]} does not have enough capacity for 1 IP "
                "addresses.",
            )
        addresses |= dict.fromkeys(group, address)
    return addresses


def _interface(call: Call, resource: Resource) -> str:
    scope = resource.id.rsplit("/providers/", 1)[0]
    name = (
        resource.properties["customNetworkInterfaceName"]
        or f"{resource.name}.nic.{resource.properties['resourceGuid']}"
    )
    nic_id = f"{scope}/providers/{_NIC}/{name}"
    by_address: dict[str, list[str]] = {}
    for fqdn, address in endpoint_addresses(resource).items():
        by_address.setdefault(address, []).append(fqdn)
    configurations = [
        {
            "name": f"privateEndpointIpConfig.{number}",
            "id": f"{nic_id}/ipConfigurations/privateEndpointIpConfig.{number}",
            "properties": {
                "privateIPAddress": address,
                "privateIPAllocationMethod": "Dynamic",
                "subnet": resource.properties["subnet"],
                "primary": number == 0,
                "privateLinkConnectionProperties": {
                    "groupId": resource.internal["group"],
                    "requiredMemberName": resource.internal["group"],
                    "fqdns": fqdns,
                },
            },
        }
        for number, (address, fqdns) in enumerate(by_address.items())
    ]
    properties = {
        "ipConfigurations": configurations,
        "privateEndpoint": {"id": resource.id},
        "provisioningState": "Succeeded",
    }
    call.resources.write(nic_id, _NIC, properties, location=resource.body["location"])
    return nic_id


def _delete(call: Call, resource: Resource) -> None:
    store = call.resources.store
    for interface in resource.properties.get("networkInterfaces", []):
        store.delete(interface["id"])
    if store.delete(connection_id(resource)):
        private_link.refresh_target(call, resource.internal["target"])


def follow_connection(call: Call, endpoint_id: str, state: Json) -> None:
    """The target approved, rejected or dropped the connection: show it, and write or remove the records."""
    store = call.resources.store
    endpoint = store.get(endpoint_id)
    if endpoint is None:
        return
    _show_state(endpoint, state)
    call.resources.touch(endpoint)
    for group in store.under(endpoint.id, _ZONE_GROUPS):
        _write_records(call, endpoint, group)
        call.resources.touch(group)


# -- zone groups -------------------------------------------------------------------------------------------------------


def _validate_group(call: Call, resource: Resource) -> None:
    others = [
        g for g in call.resources.store.under(call.id.parent_id, _ZONE_GROUPS) if g.id.lower() != resource.id.lower()
    ]
    if others:
        raise bad_request(
            "PrivateDnsZoneGroupCountExceeded",
            f"Private endpoint {call.id.parent_id} has a private DNS zone group already: {others[0].id}.",
        )
    for config in resource.properties.get("privateDnsZoneConfigs") or []:
        zone = call.referenced(config["properties"]["privateDnsZoneId"], resource.id)
        call.require_linked("Microsoft.Network/privateDnsZones/join/action", zone.id)


def _put_group(call: Call, resource: Resource) -> None:
    endpoint = call.resources.store.get(call.id.parent_id)
    assert endpoint is not None
    if call.existing is not None:
        _remove_records(call, call.existing)
    _write_records(call, endpoint, resource)


def _write_records(call: Call, endpoint: Resource, group: Resource) -> None:
    addresses = {config["fqdn"]: config["ipAddresses"] for config in endpoint.properties.get("customDnsConfigs", [])}
    _remove_records(call, group)
    for config in group.properties.get("privateDnsZoneConfigs") or []:
        zone_id = config["properties"]["privateDnsZoneId"]
        zone = call.resources.store.get(zone_id)
        config["id"] = f"{group.id}/privateDnsZoneConfigs/{config['name']}"
        config["type"] = f"{_ZONE_GROUPS}/privateDnsZoneConfigs"
        config["properties"]["provisioningState"] = "Succeeded"
        written = config["properties"]["recordSets"] = []
        if zone is None:
            continue
        for fqdn, ips in addresses.items():
            name = private_dns.record_name(fqdn, zone.name)
            if name is None:
                continue
            metadata = {
                "creator": f"created by private endpoint {endpoint.name} with resource guid "
                f"{endpoint.properties['resourceGuid']}"
            }
            private_dns.write_a_record(call, zone, name, ips, _RECORD_TTL, metadata)
            written.append(
                {
                    "recordType": "A",
                    "recordSetName": name,
                    "fqdn": f"{name}.{zone.name}",
                    "ttl": _RECORD_TTL,
                    "provisioningState": "Succeeded",
                    "ipAddresses": ips,
                }
            )


def _remove_records(call: Call, group: Resource) -> None:
    for config in group.properties.get("privateDnsZoneConfigs") or []:
        for record in config["properties"].get("recordSets") or []:
            private_dns.remove_a_record(
                call, config["properties"]["privateDnsZoneId"], record["recordSetName"], record["ipAddresses"]
            )


PRIVATE_ENDPOINT_TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        private_link.PRIVATE_ENDPOINTS,
        first_api_version="2019-04-01",
        etag_in_body=True,
        kept=("resourceGuid",),
        long_running=LongRunning(create=20, update=10, delete=20, headers=("Azure-AsyncOperation",)),
        validate=_validate,
        on_put=_put,
        on_delete=_delete,
    ),
    ResourceType(
        _ZONE_GROUPS,
        first_api_version="2020-03-01",
        place="child",
        location="none",
        etag_in_body=True,
        long_running=LongRunning(create=10, update=10, delete=10, headers=("Azure-AsyncOperation",)),
        validate=_validate_group,
        on_put=_put_group,
        on_delete=_remove_records,
    ),
)
