"""Subnets that stand already (``network.existing``): whether they can hold what a plan puts there.

A subnet that is missing, too small or delegated otherwise stops an apply in the middle, after most of the platform is
made.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client
from toolkit.errors import ToolkitError
from toolkit.terraform.plan import azure_type
from toolkit.terraform.session import Session

_API = API_VERSIONS["microsoft.network/virtualnetworks"]
# Azure keeps the first four addresses of a subnet and the last one:
# https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq#are-there-any-restrictions-on-using-ip-addresses-within-these-subnets
_RESERVED = 5
# https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#virtual-network-integration
_DELEGATIONS = {"functions": "Microsoft.App/environments"}


def refuse_unfit_subnets(session: Session, document: dict[str, Any]) -> None:
    """Raises ToolkitError for subnets in which what the plan ``document`` creates finds no place.

    An identity that may not look learns it from Azure's refusal.
    """
    existing = (_variable(document, "network") or {}).get("existing")
    needed = _needed(document)
    if not existing or not needed:
        return
    with arm_client(session.connection) as client:
        found = [
            f"  {key} ({subnet}): {problem}"
            for key, subnet in existing["subnet_ids"].items()
            if key in needed and (problem := _problem(client, key, subnet, needed[key]))
        ]
    if found:
        raise ToolkitError(
            f"nothing was changed in {session.environment.name}: existing subnets cannot hold the platform\n"
            + "\n".join(found),
            hint="correct network.existing.subnet_ids in envs/<env>/terraform.tfvars, or have its owner change the "
            "subnet",
        )


def _needed(document: dict[str, Any]) -> Mapping[str, int]:
    """How many addresses the plan takes, by the subnet's key; 1 where a service decides that by itself."""
    created = [
        azure_type(item["change"]["after"])
        for item in document.get("resource_changes", [])
        if item["type"] == "azapi_resource" and item["change"]["actions"] == ["create"]
    ]
    needed = {"private_endpoints": created.count("Microsoft.Network/privateEndpoints")}
    if "Microsoft.Batch/batchAccounts/pools" in created:
        needed["batch"] = int((_variable(document, "batch") or {}).get("max_nodes", 1))
    if "Microsoft.Web/sites" in created:
        needed["functions"] = 1
    return {key: number for key, number in needed.items() if number}


def _problem(client: Any, key: str, subnet: str, needed: int) -> str | None:
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    try:
        response = client.send_request(HttpRequest("GET", f"{ARM}{subnet}?api-version={_API}"))
        if response.status_code == 404:
            return "it is not there"
        if response.status_code == 403:
            return None
        response.raise_for_status()
    except AzureError as error:
        raise ToolkitError(f"cannot look at the subnet {subnet}: {error.message}") from error
    properties = response.json()["properties"]
    delegated = [item["properties"]["serviceName"] for item in properties.get("delegations", [])]
    wanted = _DELEGATIONS.get(key)
    if wanted and wanted.lower() not in [name.lower() for name in delegated]:
        return f"it is not delegated to {wanted}" + (f", but to {', '.join(delegated)}" if delegated else "")
    if not wanted and delegated:
        return f"it is delegated to {', '.join(delegated)}, and takes nothing else"
    prefixes = [prefix for prefix in (properties.get("addressPrefixes") or [properties.get("addressPrefix")]) if prefix]
    used = len(properties.get("ipConfigurations") or [])
    free = sum(ip_network(prefix).num_addresses - _RESERVED for prefix in prefixes) - used
    if free < needed:
        return f"it has {max(free, 0)} free addresses ({', '.join(prefixes)}), and the plan takes {needed}"
    return None


def _variable(document: dict[str, Any], name: str) -> Any:
    return document.get("variables", {}).get(name, {}).get("value")
