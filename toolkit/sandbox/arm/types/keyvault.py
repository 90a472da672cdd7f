"""Microsoft.KeyVault: vaults and the vaults that were deleted.

https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, bad_request, conflict, not_found
from toolkit.sandbox.arm.ids import ResourceId
from toolkit.sandbox.arm.network_rules import private_block, subnet_without_endpoint
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

VAULTS = "Microsoft.KeyVault/vaults"
_DELETED = "Microsoft.KeyVault/locations/deletedVaults"
_RBAC_BY_DEFAULT_FROM = "2026-02-01"  # https://learn.microsoft.com/azure/key-vault/general/access-control-default
_NAME = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
_MOST_RULES = {"ipRules": 1000, "virtualNetworkRules": 200}


def _vault_checked(call: Call, resource: Resource) -> None:
    properties, name, world = resource.properties, call.id.name, call.resources.world
    if not _NAME.fullmatch(name):
        raise bad_request(
            "VaultNameNotValid",
            f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The "
            "name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens.",
        )
    for required in ("tenantId", "sku"):
        if not properties.get(required):
            raise bad_request("BadRequest", f"The parameter {required} has an invalid value.")
    if properties.get("enablePurgeProtection") is False:
        raise bad_request(
            "BadRequest",
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault '
            "is an irreversible action.",
        )
    if properties.get("enableSoftDelete") is False:
        raise bad_request(
            "BadRequest", 'The property "enableSoftDelete" cannot be set to false: soft delete cannot be turned off.'
        )
    days = properties["softDeleteRetentionInDays"]
    if not 7 <= int(days) <= 90:
        raise bad_request(
            "BadRequest", 'The property "softDeleteRetentionInDays" has an invalid value: it must be between 7 and 90.'
        )
    _rules_checked(call, properties.get("networkAcls") or {})
    standing = call.existing
    if standing is not None:
        if days != standing.properties["softDeleteRetentionInDays"]:
            raise bad_request(
                "BadRequest", 'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.'
            )
        if standing.properties.get("enablePurgeProtection"):
            properties["enablePurgeProtection"] = True
        return
    deleted = _deleted(world, name)
    if resource.internal.get("createMode") == "recover":
        if deleted is None:
            raise not_found("DeletedVaultNotFound", _no_deleted(name))
        return
    if deleted is not None:
        raise conflict(
            "ConflictError",
            "A vault with the same name already exists in deleted state. You need to either recover or purge "
            "existing key vault. Follow this link "
            "https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
        )
    if any(vault.name.lower() == name.lower() for vault in world.store.of_type(VAULTS)):
        raise conflict(
            "VaultAlreadyExists",
            f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the "
            "name is already taken.",
        )


def _rules_checked(call: Call, acls: Json) -> None:
    """Addresses are answered as ranges of one (https://github.com/hashicorp/terraform-provider-azurerm/issues/2164)."""
    for kind, most in _MOST_RULES.items():
        if len(acls.get(kind) or []) > most:
            raise bad_request("BadRequest", f"properties.networkAcls.{kind} has more than {most} rules.")
    for number, rule in enumerate(acls.get("ipRules") or []):
        # The sentences begin as in https://github.com/Azure/azure-powershell/issues/11471
        value, where = str(rule.get("value", "")), f"properties.networkAcls.ipRules[{number}].value"
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError as error:
            raise bad_request(
                "BadRequest", f"Invalid value found at {where}: {value} is no IPv4 address or range."
            ) from error
        if block := private_block(network):
            raise bad_request(
                "BadRequest",
                f"Invalid value found at {where}: {value} belongs to forbidden range {block[0]}–{block[-1]} "
                "(private IP addresses)",
            )
        rule["value"] = str(network)
    if refused := subnet_without_endpoint(call, acls, "Microsoft.KeyVault"):
        # https://github.com/Azure/avdaccelerator/issues/818
        raise bad_request(
            "VirtualNetworkNotValid",
            "Operation on Virtual Network could not be performed. StatusCode: 400 (BadRequest). Error Code: "
            f"SubnetsHaveNoServiceEndpointsConfigured. Error Message: {refused}",
        )


def _vault(call: Call, resource: Resource) -> None:
    mode = resource.internal.pop("createMode", None)
    if call.creating and mode == "recover":
        deleted = _deleted(call.resources.world, resource.name)
        assert deleted is not None
        call.resources.store.delete(deleted.id)
        resource.body = deleted.internal["body"]
    properties = resource.properties
    standing = (
        call.existing.properties
        if call.existing
        else {"enableRbacAuthorization": call.api_version >= _RBAC_BY_DEFAULT_FROM}
    )
    properties.setdefault("enableRbacAuthorization", standing["enableRbacAuthorization"])
    properties["vaultUri"] = f"https://{resource.name.lower()}.vault.azure.net/"


def _soft_delete(call: Call, resource: Resource) -> None:
    now = datetime.now(UTC)
    properties = resource.properties
    subscription = resource.id.split("/")[2]
    location = resource.body["location"]
    deleted: Json = {
        "vaultId": resource.id,
        "location": location,
        "tags": resource.body.get("tags", {}),
        "deletionDate": now.isoformat(),
        "scheduledPurgeDate": (now + timedelta(days=properties["softDeleteRetentionInDays"])).isoformat(),
    }
    if properties.get("enablePurgeProtection"):
        deleted["purgeProtectionEnabled"] = True
    deleted_id = (
        f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{resource.name}"
    )
    kept = call.resources.write(deleted_id, _DELETED, deleted)
    properties.pop("privateEndpointConnections", None)
    kept.internal = {"body": resource.body}
    call.resources.store.put(kept)


def _no_deleted(name: str) -> str:
    return (
        f"The specified deleted vault '{name}' does not exist. Ensure that the vault was indeed deleted and that it "
        "is in recoverable state. If soft delete was not enabled then the vault is permanently deleted. "
        "Follow this link for more information: https://go.microsoft.com/fwlink/?linkid=2149745"
    )


def _deleted(world: World, name: str) -> Resource | None:
    """The soft-deleted vault of that name; one whose retention is over is purged when it is looked for."""
    for deleted in world.store.of_type(_DELETED):
        if deleted.name.lower() == name.lower():
            if datetime.fromisoformat(deleted.properties["scheduledPurgeDate"]) > datetime.now(UTC):
                return deleted
            _forget(world, deleted)
    return None


def _forget(world: World, deleted: Resource) -> None:
    world.store.delete(deleted.id)
    world.secrets.forget(deleted.name)
    world.keys.forget(deleted.name)


async def _purge(call: Call, resource: Resource) -> Answer:
    if resource.properties.get("purgeProtectionEnabled"):
        raise ArmError(
            403,
            "MethodNotAllowed",
            "Operation 'DeletedVaultPurge' is not allowed: purge protection is enabled for the vault "
            f"'{resource.name}'.",
        )
    with call.resources.store.transaction():
        _forget(call.resources.world, resource)
    return Answer(None, 200)


def _list_deleted(call: Call) -> list[Json]:
    return [vault.body for vault in call.resources.store.under(f"/subscriptions/{call.id.subscription_id}", _DELETED)]


def check_name(world: World, on: ResourceId, body: Json) -> Answer:
    name = str(body.get("name", ""))
    if not _NAME.fullmatch(name):
        return Answer(
            {"nameAvailable": False, "reason": "AccountNameInvalid", "message": f"The vault name '{name}' is invalid."}
        )
    if _deleted(world, name) or any(vault.name.lower() == name.lower() for vault in world.store.of_type(VAULTS)):
        return Answer(
            {
                "nameAvailable": False,
                "reason": "AlreadyExists",
                "message": f"The vault name '{name}' is already in use.",
            }
        )
    return Answer({"nameAvailable": True})


KEYVAULT: tuple[ResourceType, ...] = (
    ResourceType(
        VAULTS,
        first_api_version="2015-06-01",
        create_status=200,
        system_data=True,
        defaults={
            "accessPolicies": [],
            "enabledForDeployment": False,
            "enabledForDiskEncryption": False,
            "enabledForTemplateDeployment": False,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": 90,
            "publicNetworkAccess": "Enabled",
        },
        kept=("privateEndpointConnections",),
        write_only=("createMode",),
        long_running=LongRunning(create=30, put_status=200, running="RegisteringDns", headers=("Location",)),
        validate=_vault_checked,
        on_put=_vault,
        on_delete=_soft_delete,
    ),
    ResourceType(
        _DELETED,
        first_api_version="2016-10-01",
        place="subscription",
        parent="virtual",
        location="none",
        methods=frozenset({"GET"}),
        missing=("DeletedVaultNotFound", _no_deleted("{name}")),
        actions={"purge": _purge},
    ),
    ResourceType(
        "Microsoft.KeyVault/deletedVaults",
        first_api_version="2016-10-01",
        place="subscription",
        location="none",
        methods=frozenset({"GET"}),
        list=_list_deleted,
    ),
)
