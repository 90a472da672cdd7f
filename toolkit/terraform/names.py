"""Names that are unique in all of Azure: whether somebody else has one is asked before the apply that needs it.

Otherwise the apply stops in the middle, with StorageAccountAlreadyTaken and its likes. A factory's name has no such
operation, and Batch's and App Service's are not asked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from toolkit.azure.api_versions import API_VERSIONS
from toolkit.azure.arm import ARM, arm_client
from toolkit.errors import ToolkitError
from toolkit.terraform.plan import azure_type
from toolkit.terraform.session import Session


@dataclass(frozen=True, slots=True)
class _Check:
    operation: str
    override: str  # how modules/naming calls such names


# https://learn.microsoft.com/rest/api/storagerp/storage-accounts/check-name-availability
# https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/check-name-availability
# https://learn.microsoft.com/rest/api/containerregistry/registries/check-name-availability
_CHECKS: dict[str, _Check] = {
    "Microsoft.Storage/storageAccounts": _Check("Microsoft.Storage/checkNameAvailability", "storage_account"),
    "Microsoft.KeyVault/vaults": _Check("Microsoft.KeyVault/checkNameAvailability", "key_vault"),
    "Microsoft.ContainerRegistry/registries": _Check(
        "Microsoft.ContainerRegistry/checkNameAvailability", "container_registry"
    ),
}


def refuse_taken_names(session: Session, document: dict[str, Any], settled: Collection[str]) -> None:
    """Raises ToolkitError when the plan ``document`` creates what has somebody else's name.

    Not asked: what is ``settled`` (addresses that are taken into the state). What this subscription itself has is no
    hindrance: it is taken over, or Azure says in which group it is. An identity that may not ask learns it from Azure.
    """
    wanted = [
        (item["address"], item["change"]["after"])
        for item in document.get("resource_changes", [])
        if item["type"] == "azapi_resource"
        and "create" in item["change"]["actions"]
        and azure_type(item["change"]["after"]) in _CHECKS
        and item["address"] not in settled
    ]
    if not wanted:
        return
    subscription = f"/subscriptions/{session.environment.subscription_id}"
    with arm_client(session.connection) as client:
        taken = [
            f"  {address}: {reason}" for address, after in wanted if (reason := _taken(client, subscription, after))
        ]
    if taken:
        keys = sorted({_CHECKS[str(azure_type(after))].override for _, after in wanted})
        raise ToolkitError(
            f"nothing was changed in {session.environment.name}: names of the plan are taken\n" + "\n".join(taken),
            hint=f"choose others with name_overrides ({', '.join(keys)}, …) in envs/<env>/terraform.tfvars",
        )


def _taken(client: Any, subscription: str, after: dict[str, Any]) -> str | None:
    """Azure's words when somebody else has the name: what this subscription itself has may be taken into the state."""
    from azure.core.exceptions import AzureError
    from azure.core.rest import HttpRequest

    kind, name = str(azure_type(after)), str(after["name"])
    check, version = _CHECKS[kind], API_VERSIONS[kind.lower()]
    asked = f"{ARM}{subscription}/providers/{check.operation}?api-version={version}"
    listed = f"{ARM}{subscription}/providers/{kind}?api-version={version}"
    try:
        response = client.send_request(HttpRequest("POST", asked, json={"name": name, "type": kind}))
        if response.status_code == 403:
            return None
        response.raise_for_status()
        answer = response.json()
        if answer["nameAvailable"]:
            return None
        own = client.send_request(HttpRequest("GET", listed))
        if own.status_code == 403:
            return None  # it may be this platform's own, of a state that was lost
        own.raise_for_status()
        if name.lower() in [item["name"].lower() for item in own.json()["value"]]:
            return None
    except AzureError as error:
        raise ToolkitError(f"cannot ask whether the name {name} is free: {error.message}") from error
    return f"{name} ({answer.get('reason')}: {answer.get('message')})"
