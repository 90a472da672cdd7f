"""Microsoft.Network: network security perimeters, their profiles, access rules and members.

https://learn.microsoft.com/rest/api/network-security-perimeter/; what they decide is in sandbox/perimeter.py. Codes and
sentences of what is refused here are (inferred); that it is refused is documented at each place.
"""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any, Final

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request, conflict, not_modelled
from toolkit.sandbox.arm.resource_type import Call, LongRunning, ResourceType
from toolkit.sandbox.perimeter import ACCESS_RULES, ASSOCIATIONS, PERIMETERS, PROFILES, association_of, linked
from toolkit.sandbox.store import Resource

# https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts#onboarded-private-link-resources,
# those of them that the sandbox has
_ONBOARDED: Final = (
    "Microsoft.Insights/actionGroups",
    "Microsoft.KeyVault/vaults",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Storage/storageAccounts",
)
# https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts#limitations-of-a-network-security-perimeter
_MOST_ELEMENTS: Final = 200
_FIRST: Final = "2021-02-01-preview"
# What a rule may name, by its direction; the others of the schema are not modelled.
_NAMED: Final = {"Inbound": ("addressPrefixes", "subscriptions"), "Outbound": ("fullyQualifiedDomainNames",)}
_UNMODELLED: Final = ("emailAddresses", "phoneNumbers", "serviceTags")
_JOIN_SUBSCRIPTION: Final = "Microsoft.Resources/subscriptions/joinPerimeterRule/action"


def _perimeter(call: Call, resource: Resource) -> None:
    resource.properties.setdefault("perimeterGuid", str(uuid.uuid4()))


def _perimeter_free(call: Call, resource: Resource) -> None:
    """https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts#limitations-of-a-network-security-perimeter"""
    if members := call.resources.store.under(resource.id, ASSOCIATIONS):
        raise conflict(
            "NetworkSecurityPerimeterHasAssociations",
            f"Network security perimeter {resource.id} cannot be deleted because of its resource associations: "
            f"{', '.join(member.name for member in members)}. Remove them first.",
        )


def _profile_free(call: Call, resource: Resource) -> None:
    members = [
        member.name
        for member in call.resources.store.under(call.id.parent_id, ASSOCIATIONS)
        if linked(member, "profile") == resource.id.lower()
    ]
    if members:
        raise conflict(
            "NspProfileHasAssociations",
            f"Profile {resource.id} cannot be deleted because of its resource associations: {', '.join(members)}.",
        )


def _rule_checked(call: Call, resource: Resource) -> None:
    properties = resource.properties
    if unmodelled := [name for name in _UNMODELLED if properties.get(name)]:
        raise not_modelled(f"{unmodelled[0]} of access rules", "types/perimeters.py")
    direction = properties.get("direction")
    named = [name for names in _NAMED.values() for name in names if properties.get(name)]
    if direction not in _NAMED or len(named) != 1 or named[0] not in _NAMED[direction]:
        raise bad_request(
            "InvalidNspAccessRule",
            f"Access rule {resource.name}: an Inbound rule names addressPrefixes or subscriptions, an Outbound rule "
            "fullyQualifiedDomainNames.",
        )
    for prefix in properties.get("addressPrefixes") or []:
        _prefix_checked(resource.name, str(prefix))
    for subscription in properties.get("subscriptions") or []:
        # https://learn.microsoft.com/azure/private-link/network-security-perimeter-role-based-access-control-requirements
        call.require_linked(_JOIN_SUBSCRIPTION, str(subscription.get("id", "")))
    others = [
        rule.properties
        for rule in call.resources.store.under(call.id.parent_id, ACCESS_RULES)
        if rule.id.lower() != resource.id.lower()
    ]
    elements = sum(
        len(rule.get(name) or []) for rule in [*others, properties] for names in _NAMED.values() for name in names
    )
    if elements > _MOST_ELEMENTS:
        raise bad_request(
            "NspAccessRuleLimitExceeded",
            f"Profile {call.id.parent_id} would have {elements} rule elements; it takes {_MOST_ELEMENTS}.",
        )


def _prefix_checked(name: str, prefix: str) -> None:
    try:
        ipaddress.ip_network(prefix)
    except ValueError as error:
        raise bad_request("InvalidAddressPrefix", f"Access rule {name}: {error}.") from error


def _association_checked(call: Call, resource: Resource) -> None:
    properties, store = resource.properties, call.resources.store
    if properties.get("accessMode") == "Audit":
        raise not_modelled("access mode Audit", "types/perimeters.py")
    if properties.get("accessMode") not in ("Learning", "Enforced"):
        raise bad_request(
            "InvalidAccessMode", f"Access mode '{properties.get('accessMode')}' is neither Learning nor Enforced."
        )
    profile = call.referenced(_id(properties, "profile"), resource.id)
    if profile.type != PROFILES or not profile.id.lower().startswith(f"{call.id.parent_id}/".lower()):
        raise bad_request("InvalidNspProfile", f"{profile.id} is no profile of {call.id.parent_id}.")
    member = call.referenced(_id(properties, "privateLinkResource"), resource.id)
    if member.type not in _ONBOARDED:
        raise bad_request(
            "PrivateLinkResourceNotOnboarded",
            f"Resources of type {member.type} cannot be associated with a network security perimeter.",
        )
    # https://learn.microsoft.com/azure/private-link/network-security-perimeter-role-based-access-control-requirements
    call.require_linked(f"{PROFILES}/join/action", profile.id)
    call.require_linked(f"{member.type}/joinPerimeter/action", member.id)
    standing = association_of(store, member.id)
    if standing is not None and standing.id.lower() != resource.id.lower():
        raise conflict(
            "PrivateLinkResourceAlreadyAssociated",
            f"{member.id} is already associated with a perimeter: {standing.id}.",
        )
    if call.existing is not None and linked(call.existing, "privateLinkResource") != member.id.lower():
        raise bad_request("NspAssociationImmutable", "The resource of an association cannot be changed.")


def _configurations(call: Call) -> list[Json]:
    """What a member's own provider says of its perimeter (the storage account's and the vault's do alike).

    https://learn.microsoft.com/rest/api/storagerp/network-security-perimeter-configurations/list
    """
    association = association_of(call.resources.store, call.id.parent_id)
    if association is None:
        return []
    perimeter = call.resources.store.get(association.id.rsplit("/", 2)[0])
    profile = call.resources.store.get(linked(association, "profile"))
    assert perimeter is not None
    assert profile is not None
    rules = call.resources.store.under(profile.id, ACCESS_RULES)
    name = f"{perimeter.properties['perimeterGuid']}.{association.name}"
    return [
        {
            "id": f"{call.id.parent_id}/networkSecurityPerimeterConfigurations/{name}",
            "name": name,
            "type": call.type.type,
            "properties": {
                "provisioningState": "Succeeded",
                "provisioningIssues": [],
                "networkSecurityPerimeter": {
                    "id": perimeter.id,
                    "perimeterGuid": perimeter.properties["perimeterGuid"],
                    "location": perimeter.body["location"],
                },
                "resourceAssociation": {"name": association.name, "accessMode": association.properties["accessMode"]},
                "profile": {
                    "name": profile.name,
                    "accessRulesVersion": int(profile.properties["accessRulesVersion"]),
                    "accessRules": [{"name": rule.name, "properties": rule.properties} for rule in rules],
                },
            },
        }
    ]


def _id(properties: Json, what: str) -> str:
    return str((properties.get(what) or {}).get("id", ""))


def _children(type_: str, **more: Any) -> ResourceType:
    return ResourceType(type_, first_api_version=_FIRST, place="child", location="none", **more)


PERIMETER_TYPES: tuple[ResourceType, ...] = (
    *(
        ResourceType(
            f"{member}/networkSecurityPerimeterConfigurations",
            first_api_version=first,
            place="child",
            location="none",
            methods=frozenset({"GET"}),
            list=_configurations,
        )
        for member, first in (
            ("Microsoft.Storage/storageAccounts", "2023-04-01"),
            ("Microsoft.KeyVault/vaults", "2024-04-01-preview"),
        )
    ),
    ResourceType(
        PERIMETERS,
        first_api_version=_FIRST,
        kept=("perimeterGuid",),
        on_put=_perimeter,
        before_delete=_perimeter_free,
    ),
    _children(
        PROFILES,
        defaults={"accessRulesVersion": "0", "diagnosticSettingsVersion": "0"},
        provisioning_state=False,
        before_delete=_profile_free,
    ),
    _children(
        ACCESS_RULES,
        defaults={
            name: [] for name in (*_NAMED["Inbound"], *_NAMED["Outbound"], *_UNMODELLED, "networkSecurityPerimeters")
        },
        validate=_rule_checked,
    ),
    _children(
        ASSOCIATIONS,
        defaults={"accessMode": "Learning", "hasProvisioningIssues": "no"},
        long_running=LongRunning(
            create=15, update=15, delete=15, put_status=201, running="Updating", headers=("Azure-AsyncOperation",)
        ),
        validate=_association_checked,
    ),
)
