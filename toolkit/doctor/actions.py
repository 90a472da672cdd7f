"""The actions that making, changing and removing a resource takes of whoever applies, by Azure's naming.

A type's own are called after it and the verb (``Microsoft.Storage/storageAccounts/write``). Besides, Azure asks for
actions on what a resource is linked with; those are written out here, each with where that is said.
https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.terraform.declared import Declared

# Types whose operations are called otherwise than the type.
_CALLED = {"microsoft.resources/resourcegroups": "Microsoft.Resources/subscriptions/resourceGroups"}
_JOIN_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"
_ASSIGN = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
# What may be deleted only together with its parent, or is no resource of its own: nobody is asked for the right.
_NEVER_DELETED = frozenset(
    {
        "microsoft.storage/storageaccounts/blobservices",
        "microsoft.storage/storageaccounts/fileservices",
        "microsoft.datafactory/factories/managedvirtualnetworks",
        "microsoft.machinelearningservices/workspaces/environments",
        "microsoft.web/sites/basicpublishingcredentialspolicies",
    }
)
_STATE = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


@dataclass(frozen=True, slots=True)
class Needed:
    """One action and the addresses that need it; ``data``: it is a data action."""

    action: str
    addresses: tuple[str, ...]
    data: bool = False


def needed_actions(declared: Iterable[Declared], *, removing: bool = True) -> list[Needed]:
    """Every action of what is declared, in alphabetical order, without regard to case.

    ``removing`` False leaves out what only a destroy or a smaller configuration takes.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for one in declared:
        for action in _of(one, removing):
            found.setdefault(action.lower(), (action, []))[1].append(one.address)
    return [Needed(action, tuple(addresses)) for _, (action, addresses) in sorted(found.items())]


def state_actions() -> list[Needed]:
    """What Terraform's backend does with the state's blob, by Entra ID: it reads, writes, and leases it.

    https://developer.hashicorp.com/terraform/language/backend/azurerm (permissions of the data plane)
    """
    return [Needed(f"{_STATE}/{verb}", ("the state",), data=True) for verb in ("read", "write")]


def _of(one: Declared, removing: bool) -> Iterator[str]:
    type_ = _CALLED.get(one.resource_type.lower(), one.resource_type)
    if one.kind == "azapi_resource_action":
        yield from _of_action(one, type_, removing)
        return
    yield f"{type_}/read"
    yield f"{type_}/write"
    if removing and one.kind == "azapi_resource" and one.resource_type.lower() not in _NEVER_DELETED:
        yield f"{type_}/delete"
    for linked in _LINKED.get(one.resource_type.lower(), ()):
        yield from linked(one)


def _of_action(one: Declared, type_: str, removing: bool) -> Iterator[str]:
    if one.action:
        namespace = (one.resource_id or "").rsplit("/", 1)[-1]
        # Registering is an action of the provider itself: ``Microsoft.Batch/register/action``.
        yield f"{namespace if one.resource_type == 'Microsoft.Resources/providers' else type_}/{one.action}/action"
    elif one.method == "DELETE":
        if removing:
            yield f"{type_}/delete"
    else:
        yield f"{type_}/{'read' if one.method == 'GET' else 'write'}"


def _subnets(one: Declared) -> Iterator[str]:
    for subnet in one.properties.get("subnets") or ():
        properties = subnet.get("properties") or {}
        for key, action in (
            ("networkSecurityGroup", "Microsoft.Network/networkSecurityGroups/join/action"),
            ("natGateway", "Microsoft.Network/natGateways/join/action"),
            ("routeTable", "Microsoft.Network/routeTables/join/action"),
        ):
            if key in properties:
                yield action


def _rules(one: Declared) -> Iterator[str]:
    """https://learn.microsoft.com/azure/storage/common/storage-network-security (permissions to add a rule)"""
    acls: Any = one.properties.get("networkAcls") or {}
    if acls.get("virtualNetworkRules"):
        yield "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"


def _always(*actions: str) -> Callable[[Declared], Iterator[str]]:
    return lambda _: iter(actions)


# https://learn.microsoft.com/azure/private-link/rbac-permissions, …/virtual-network/manage-virtual-network#permissions,
# https://learn.microsoft.com/azure/dns/dns-protect-private-zones-recordsets,
# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-assign-managed-identity-via-azure-policy
_LINKED: dict[str, tuple[Callable[[Declared], Iterator[str]], ...]] = {
    "microsoft.network/privateendpoints": (_always(_JOIN_SUBNET),),
    "microsoft.network/privateendpoints/privatednszonegroups": (
        _always("Microsoft.Network/privateDnsZones/join/action"),
    ),
    "microsoft.network/privatednszones/virtualnetworklinks": (
        _always("Microsoft.Network/virtualNetworks/join/action"),
    ),
    "microsoft.network/virtualnetworks": (_subnets,),
    "microsoft.storage/storageaccounts": (_rules,),
    "microsoft.web/sites": (_always(_JOIN_SUBNET, _ASSIGN),),
    "microsoft.batch/batchaccounts": (_always(_ASSIGN),),
    "microsoft.batch/batchaccounts/pools": (_always(_ASSIGN),),
    "microsoft.datafactory/factories": (_always(_ASSIGN),),
    "microsoft.machinelearningservices/workspaces": (_always(_ASSIGN),),
    "microsoft.machinelearningservices/workspaces/computes": (_always(_ASSIGN),),
}
