"""Service association links: the hold of a function app on its subnet, which outlives the app for a while.

https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-subnet#delete-a-subnet.
Their names, and that they stay: https://github.com/Azure/Azure-Functions/issues/2605 (Flex: legionservicelink) and
https://github.com/hashicorp/terraform-provider-azurerm/issues/28979 (other plans: AppServiceLink). How long they stay
is (inferred): reports speak of minutes, and of hours where the integration was not ended properly.
"""

from __future__ import annotations

from toolkit.sandbox.arm.errors import ArmError, bad_request
from toolkit.sandbox.arm.resource_type import Call
from toolkit.sandbox.store import Resource

_KIND = "service-association-link"
_SITES = "Microsoft.Web/sites"
_STAYS_SECONDS = 300.0


def leave_behind(call: Call, site: Resource) -> None:
    """What a deleted app leaves on its subnet; nothing where operations end at once."""
    subnet_id, seconds = _subnet_of(site), call.resources.scaled(_STAYS_SECONDS)
    if subnet_id and seconds:
        link = {"name": _link_of(site), "until": call.resources.now() + seconds}
        call.resources.store.put_document(_KIND, subnet_id.lower(), link)


def require_none(call: Call, subnet: Resource) -> None:
    store = call.resources.store
    for site in store.of_type(_SITES):
        if _subnet_of(site).lower() == subnet.id.lower():
            raise _in_use(subnet, _link_of(site))
    link = store.document(_KIND, subnet.id.lower())
    if link is not None and link["until"] > call.resources.now():
        raise _in_use(subnet, link["name"])


def holds(call: Call, subnet: Resource) -> bool:
    try:
        require_none(call, subnet)
    except ArmError:
        return True
    return False


def _subnet_of(site: Resource) -> str:
    return str(site.properties.get("virtualNetworkSubnetId") or "")


def _link_of(site: Resource) -> str:
    return "legionservicelink" if site.properties.get("functionAppConfig") else "AppServiceLink"


def _in_use(subnet: Resource, link: str) -> ArmError:
    return bad_request(
        "InUseSubnetCannotBeDeleted",
        f"Subnet {subnet.name} is in use by {subnet.id}/serviceAssociationLinks/{link} and cannot be deleted. "
        "In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
    )
