"""Microsoft.Network: virtual networks, subnets, security groups, route tables, addresses, gateways, interfaces.

https://learn.microsoft.com/rest/api/virtualnetwork/

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm import association_links
from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call, LongRunning, ResourceType
from toolkit.sandbox.arm.zones import check_zones
from toolkit.sandbox.store import Resource

_NETWORKS = "Microsoft.Network/virtualNetworks"
_SUBNETS = f"{_NETWORKS}/subnets"
_NIC = "Microsoft.Network/networkInterfaces"
_GATEWAYS = "Microsoft.Network/natGateways"
_SUBNET_DEFAULTS: Json = {
    "delegations": [],
    "privateEndpointNetworkPolicies": "Disabled",
    "privateLinkServiceNetworkPolicies": "Enabled",
}


def _prefixes(properties: Json) -> list[str]:
    return properties.get("addressPrefixes") or [p for p in (properties.get("addressPrefix"),) if p]


def _networks(where: str, prefixes: list[str]) -> list[ipaddress.IPv4Network]:
    try:
        return [ipaddress.IPv4Network(prefix) for prefix in prefixes]
    except ValueError as error:
        raise bad_request(
            "InvalidCIDRNotation", f"The address prefix of resource {where} is invalid: {error}."
        ) from error


def _check_subnet(
    call: Call, network: Json, network_id: str, name: str, properties: Json, others: dict[str, Json]
) -> None:
    mine = _networks(name, _prefixes(properties))
    if not mine:
        raise bad_request(
            "NoAddressPrefixOrPoolProvided",
            f"No address prefix or pool has been provided for Resource {network_id}/subnets/{name}.",
        )
    space = _networks(network_id, network.get("addressSpace", {}).get("addressPrefixes", []))
    for prefix in mine:
        if not any(prefix.subnet_of(block) for block in space):
            # https://github.com/MicrosoftDocs/azure-docs/pull/123869
            raise bad_request(
                "NetcfgSubnetRangeOutsideVnet",
                f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of "
                f"virtual network '{network_id.rsplit('/', 1)[-1]}'.",
            )
        for other, other_properties in others.items():
            if any(prefix.overlaps(range_) for range_ in _networks(other, _prefixes(other_properties))):
                raise bad_request(
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing "
                    f"subnet in virtual network '{network_id.rsplit('/', 1)[-1]}'.",
                )
    for reference in ("networkSecurityGroup", "routeTable", "natGateway"):
        linked = properties.get(reference)
        if linked and linked.get("id"):
            call.referenced(linked["id"], f"{network_id}/subnets/{name}")
    for delegation in properties.get("delegations") or []:
        delegation["properties"].setdefault("provisioningState", "Succeeded")


def _network(call: Call, resource: Resource) -> None:
    """Inline subnets are child resources too. A list replaces them; a PUT without ``subnets`` keeps them (inferred)."""
    store, properties = call.resources.store, resource.properties
    space = properties.get("addressSpace", {}).get("addressPrefixes") or []
    if not space:
        raise bad_request("InvalidRequestFormat", f"Virtual network {resource.id} must have an address space.")
    _networks(resource.id, space)
    standing = {subnet.name.lower(): subnet for subnet in store.under(resource.id, _SUBNETS)}
    if call.method == "PUT" and call.sent.get("subnets") is not None:
        wanted: dict[str, Json] = {}
        for subnet in call.sent["subnets"]:
            sent = {**_SUBNET_DEFAULTS, **(subnet.get("properties") or {})}
            _check_subnet(call, properties, resource.id, subnet["name"], sent, wanted)
            wanted[subnet["name"]] = sent
        for name, subnet in standing.items():
            if name not in {wanted_name.lower() for wanted_name in wanted}:
                _subnet_free(call, subnet)
                store.delete(subnet.id)
        for name, sent in wanted.items():
            known = standing.get(name.lower())
            if known is not None:
                _require_ranges(call, known, sent)
            call.resources.write(
                known.id if known else f"{resource.id}/subnets/{name}",
                _SUBNETS,
                {**sent, "provisioningState": "Succeeded"},
            )
    else:  # they stay, and so must their ranges: the address space may be less than before
        others: dict[str, Json] = {}
        for subnet in standing.values():
            _check_subnet(call, properties, resource.id, subnet.name, subnet.properties, others)
            others[subnet.name] = subnet.properties
    properties.setdefault("resourceGuid", str(uuid.uuid4()))
    properties["subnets"] = _bodies(call, resource.id)


def _bodies(call: Call, network_id: str) -> list[Json]:
    return [subnet.body for subnet in call.resources.store.under(network_id, _SUBNETS)]


def _subnet_checked(call: Call, resource: Resource) -> None:
    network = call.resources.store.get(call.id.parent_id)
    assert network is not None
    others = {
        s.name: s.properties
        for s in call.resources.store.under(network.id, _SUBNETS)
        if s.id.lower() != resource.id.lower()
    }
    _check_subnet(call, network.properties, network.id, call.id.name, resource.properties, others)
    if call.existing is not None:
        _require_ranges(call, call.existing, resource.properties)


def _subnet(call: Call, resource: Resource) -> None:
    call.resources.store.put(resource)
    _show_subnets(call)


def _subnet_gone(call: Call, resource: Resource) -> None:
    call.resources.store.delete(resource.id)
    _show_subnets(call)


def _show_subnets(call: Call) -> None:
    network = call.resources.store.get(call.id.parent_id)
    if network is not None:
        network.properties["subnets"] = _bodies(call, network.id)
        call.resources.touch(network)


def _users(call: Call, subnet: Resource) -> list[str]:
    """The configurations of interfaces that have an address in the subnet."""
    return [
        configuration["id"]
        for user in call.resources.store.of_type(_NIC)
        for configuration in user.properties.get("ipConfigurations", [])
        if configuration["properties"].get("subnet", {}).get("id", "").lower() == subnet.id.lower()
    ]


def _subnet_free(call: Call, resource: Resource) -> None:
    association_links.require_none(call, resource)
    if users := _users(call, resource):
        raise bad_request(
            "InUseSubnetCannotBeDeleted",
            f"Subnet {resource.name} is in use by {users[0]} and cannot be deleted. In order to "
            "delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
        )


def _require_ranges(call: Call, subnet: Resource, sent: Json) -> None:
    """A range that holds something stays: https://github.com/hashicorp/terraform-provider-azurerm/issues/11211"""
    gone = [prefix for prefix in _prefixes(subnet.properties) if prefix not in _prefixes(sent)]
    if gone and (_users(call, subnet) or association_links.holds(call, subnet)):
        raise bad_request(
            "InUsePrefixCannotBeDeleted",
            f"IpPrefix {gone[0]} on Subnet {subnet.name} has active allocations and cannot be deleted.",
        )


def _network_free(call: Call, resource: Resource) -> None:
    for subnet in call.resources.store.under(resource.id, _SUBNETS):
        _subnet_free(call, subnet)


def _rules(kind: str) -> Any:
    def numbered(call: Call, resource: Resource) -> None:
        resource.properties.setdefault("resourceGuid", str(uuid.uuid4()))
        for rule in resource.properties.get(kind) or []:
            rule["id"] = f"{resource.id}/{kind}/{rule['name']}"
            rule["type"] = f"{resource.type}/{kind}"
            rule.setdefault("properties", {})["provisioningState"] = "Succeeded"

    return numbered


def _security_rules_checked(call: Call, resource: Resource) -> None:
    seen: set[tuple[int, str]] = set()
    for rule in resource.properties.get("securityRules") or []:
        properties = rule.get("properties") or {}
        priority = properties.get("priority")
        if not isinstance(priority, int) or not 100 <= priority <= 4096:
            raise bad_request(
                "SecurityRuleInvalidPriority",
                f"Security rule {rule['name']} has invalid priority {priority}: it must be between 100 and 4096.",
            )
        key = (priority, properties.get("direction", ""))
        if key in seen:
            raise bad_request(
                "SecurityRuleConflict",
                f"Security rule {rule['name']} conflicts with another rule: rules cannot have the same Priority and "
                "Direction.",
            )
        seen.add(key)


def _free_of_subnets(reference: str, code: str, label: str) -> Any:
    def check(call: Call, resource: Resource) -> None:
        users = [
            s.id
            for s in call.resources.store.of_type(_SUBNETS)
            if (s.properties.get(reference) or {}).get("id", "").lower() == resource.id.lower()
        ]
        if users:
            raise bad_request(
                code,
                f"{label} {resource.id} cannot be deleted because it is in use by the following resources: "
                f"{', '.join(users)}.",
            )

    return check


def _address(call: Call, resource: Resource) -> None:
    resource.properties.setdefault("resourceGuid", str(uuid.uuid4()))
    if resource.properties.get("publicIPAllocationMethod") == "Static" and "ipAddress" not in resource.properties:
        # 198.18.0.0/15 is set aside for benchmarks (RFC 2544): never a real machine's address.
        number = int(uuid.uuid5(uuid.NAMESPACE_URL, resource.id.lower())) % 2**17
        resource.properties["ipAddress"] = str(ipaddress.IPv4Address("198.18.0.0") + number)


def _address_checked(call: Call, resource: Resource) -> None:
    if resource.body.get("zones") and (resource.body.get("sku") or {}).get("name") != "Standard":
        raise bad_request(
            "SkuNotSupportAvailabilityZones",
            f"Public IP address {resource.id} of the Basic SKU cannot have availability zones: use the Standard SKU.",
        )
    check_zones(call, resource)


def _address_free(call: Call, resource: Resource) -> None:
    """https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses#limits"""
    for gateway in call.resources.store.of_type(_GATEWAYS):
        for address in gateway.properties.get("publicIpAddresses") or []:
            if address["id"].lower() == resource.id.lower():
                raise bad_request(
                    "PublicIPAddressCannotBeDeleted",
                    f"Public IP address {resource.id} can not be deleted since it is still allocated to resource "
                    f"{gateway.id}. In order to delete the public IP, disassociate/detach the Public IP address from "
                    "the resource. To learn how to do this, see aka.ms/deletepublicip.",
                )


def _gateway_checked(call: Call, resource: Resource) -> None:
    """A gateway of the Standard SKU is in one zone, and takes addresses of all zones, of none and of its own.

    https://learn.microsoft.com/azure/nat-gateway/nat-availability-zones; several zones are refused:
    https://github.com/hashicorp/terraform-provider-azurerm/issues/21696
    """
    zones = [str(zone) for zone in resource.body.get("zones") or []]
    if len(zones) > 1:
        raise bad_request(
            "NatGatewayMultipleZonesNotSupported",
            f"NAT gateway {resource.id} cannot be in more than one availability zone: {', '.join(zones)}.",
        )
    check_zones(call, resource)
    for address in resource.properties.get("publicIpAddresses") or []:
        standing = call.referenced(address["id"], resource.id).body.get("zones") or []
        if len(standing) == 1 and zones and standing != zones:
            raise bad_request(
                "NatGatewayAndPublicIpZonesDoNotMatch",
                f"NAT gateway {resource.id} in zone {zones[0]} cannot use public IP address {address['id']} of zone "
                f"{standing[0]}.",
            )


def _gateway(call: Call, resource: Resource) -> None:
    resource.properties.setdefault("resourceGuid", str(uuid.uuid4()))


_LONG_RUNNING = LongRunning(create=5, update=5, delete=10, headers=("Azure-AsyncOperation",))

NETWORK: tuple[ResourceType, ...] = (
    ResourceType(
        _NETWORKS,
        etag_in_body=True,
        defaults={"virtualNetworkPeerings": [], "enableDdosProtection": False},
        kept=("resourceGuid",),
        long_running=_LONG_RUNNING,
        on_put=_network,
        before_delete=_network_free,
    ),
    ResourceType(
        _SUBNETS,
        place="child",
        location="none",
        etag_in_body=True,
        defaults=_SUBNET_DEFAULTS,
        long_running=_LONG_RUNNING,
        validate=_subnet_checked,
        on_put=_subnet,
        before_delete=_subnet_free,
        on_delete=_subnet_gone,
    ),
    ResourceType(
        "Microsoft.Network/networkSecurityGroups",
        etag_in_body=True,
        defaults={"securityRules": []},
        kept=("resourceGuid",),
        long_running=_LONG_RUNNING,
        validate=_security_rules_checked,
        on_put=_rules("securityRules"),
        before_delete=_free_of_subnets(
            "networkSecurityGroup", "InUseNetworkSecurityGroupCannotBeDeleted", "Network security group"
        ),
    ),
    ResourceType(
        "Microsoft.Network/routeTables",
        etag_in_body=True,
        defaults={"routes": [], "disableBgpRoutePropagation": False},
        kept=("resourceGuid",),
        long_running=_LONG_RUNNING,
        on_put=_rules("routes"),
        before_delete=_free_of_subnets("routeTable", "InUseRouteTableCannotBeDeleted", "Route table"),
    ),
    ResourceType(
        "Microsoft.Network/publicIPAddresses",
        etag_in_body=True,
        defaults={"publicIPAddressVersion": "IPv4", "publicIPAllocationMethod": "Dynamic", "idleTimeoutInMinutes": 4},
        kept=("resourceGuid", "ipAddress"),
        long_running=_LONG_RUNNING,
        validate=_address_checked,
        on_put=_address,
        before_delete=_address_free,
    ),
    ResourceType(
        _GATEWAYS,
        first_api_version="2019-02-01",
        etag_in_body=True,
        defaults={"idleTimeoutInMinutes": 4},
        kept=("resourceGuid",),
        long_running=_LONG_RUNNING,
        validate=_gateway_checked,
        on_put=_gateway,
        before_delete=_free_of_subnets("natGateway", "InUseNatGatewayCannotBeDeleted", "NAT gateway"),
    ),
    ResourceType(_NIC, etag_in_body=True, methods=frozenset({"GET"})),
)
