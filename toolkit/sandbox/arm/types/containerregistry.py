"""Microsoft.ContainerRegistry: registries (https://learn.microsoft.com/rest/api/containerregistry/registries).

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from toolkit.records import Json
from toolkit.sandbox.arm.customer_keys import identity_of_client, require_key
from toolkit.sandbox.arm.errors import ArmError, bad_request, conflict
from toolkit.sandbox.arm.ids import ResourceId
from toolkit.sandbox.arm.network_rules import unfit
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType
from toolkit.sandbox.customer_keys import KeyUnusable
from toolkit.sandbox.internal import keep_password, password_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

_REGISTRIES = "Microsoft.ContainerRegistry/registries"
_MOST_RULES = 200
_NAME = re.compile(r"[a-zA-Z0-9]{5,50}")


def _taken(world: World, name: str) -> bool:
    return any(registry.name.lower() == name.lower() for registry in world.store.of_type(_REGISTRIES))


def _checked(call: Call, resource: Resource) -> None:
    name, properties = call.id.name, resource.properties
    if not _NAME.fullmatch(name):
        raise bad_request(
            "RegistryNameInvalid", f"The registry name '{name}' is invalid: 5 to 50 alphanumeric characters."
        )
    if call.creating and _taken(call.resources.world, name):
        raise conflict(
            "AlreadyInUse",
            f"The registry DNS name {name.lower()}.azurecr.io is already in use. You can check if the name is "
            "already claimed using following API: "
            "https://docs.microsoft.com/en-us/rest/api/containerregistry/registries/checknameavailability",
        )
    sku = resource.body.get("sku", {}).get("name", "")
    if sku not in ("Basic", "Standard", "Premium"):
        raise bad_request("InvalidSku", f"The SKU '{sku}' is not valid: use Basic, Standard or Premium.")
    closed = properties["publicNetworkAccess"] == "Disabled"
    if sku != "Premium" and (
        closed or properties["networkRuleSet"].get("ipRules") or properties["dataEndpointEnabled"]
    ):
        raise bad_request("FeatureNotSupported", f"Network rules and data endpoints need the Premium SKU, not {sku}.")
    # https://learn.microsoft.com/azure/container-registry/container-registry-access-selected-networks
    if refused := unfit(properties["networkRuleSet"].setdefault("ipRules", []), _MOST_RULES):
        raise bad_request("InvalidNetworkRuleSet", f"networkRuleSet.ipRules: {refused}.")
    if properties["policies"]["exportPolicy"]["status"] == "disabled" and not closed:
        raise bad_request(
            "ExportPolicyDisabledNotAllowed",
            "The export policy can only be disabled when public network access is disabled.",
        )
    _encryption_checked(call, resource)


def _encryption_checked(call: Call, resource: Resource) -> None:
    """A customer's key is chosen when a Premium registry is made, and never given up.

    https://learn.microsoft.com/azure/container-registry/tutorial-customer-managed-keys (codes inferred)
    """
    encryption = resource.properties["encryption"]
    on = str(encryption.get("status", "disabled")).lower() == "enabled"
    if call.existing is not None and on != (call.existing.properties["encryption"]["status"] == "enabled"):
        raise bad_request(
            "EncryptionCannotBeChanged",
            f"Encryption with a customer-managed key can only be {'enabled' if on else 'left out'} when the registry "
            "is created. For more information on bring your own key, please visit 'https://aka.ms/acr/cmk'.",
        )
    if not on:
        return
    if resource.body["sku"]["name"] != "Premium":
        raise bad_request("FeatureNotSupported", "Encryption with a customer-managed key needs the Premium SKU.")
    key = encryption.get("keyVaultProperties") or {}
    identifier, client_id = str(key.get("keyIdentifier", "")), str(key.get("identity", ""))

    def words(unusable: KeyUnusable) -> ArmError:
        # The sentence, which is the same for a firewall: https://github.com/MicrosoftDocs/azure-docs/issues/61015
        return bad_request(
            "FailedToAccessKey",
            f"Failed to access KeyId '{identifier}'. Verify that identity '{client_id}' has 'Get, Wrap Key, Unwrap "
            f"Key' permission on key '{identifier}'. For more information on bring your own key, please visit "
            "'https://aka.ms/acr/cmk'.",
        )

    used = require_key(call, resource, identifier, identity_of_client(call, resource, client_id) or client_id, words)
    key["versionedKeyIdentifier"] = used["keyUriWithVersion"]
    key["keyRotationEnabled"] = identifier.rstrip("/").rsplit("/", 2)[-2].lower() == "keys"
    key["lastKeyRotationTimestamp"] = datetime.now(UTC).isoformat()


def _registry(call: Call, resource: Resource) -> None:
    properties, name = resource.properties, resource.name.lower()
    resource.body["sku"]["tier"] = resource.body["sku"]["name"]
    properties["loginServer"] = f"{name}.azurecr.io"
    properties.setdefault("creationDate", datetime.now(UTC).isoformat())
    data = f"{name}.{resource.body['location']}.data.azurecr.io"
    properties["dataEndpointHostNames"] = [data] if properties["dataEndpointEnabled"] else []
    properties.setdefault("privateEndpointConnections", [])
    keep_password(resource, secrets.token_urlsafe(24))


async def _list_credentials(call: Call, resource: Resource) -> Answer:
    """The code and sentence: https://github.com/hashicorp/terraform-provider-azurerm/issues/21440"""
    if not resource.properties["adminUserEnabled"]:
        raise bad_request(
            "UnAuthorizedForCredentialOperations",
            f"Cannot perform credential operations for {resource.id} as admin user is disabled. Kindly enable admin "
            "user as per docs: https://docs.microsoft.com/en-us/azure/container-registry/container-registry-authentication#admin-account",
        )
    names = ("password", "password2")
    passwords = [{"name": name, "value": password_of(resource)} for name in names]
    return Answer({"username": resource.name, "passwords": passwords})


def check_name(world: World, on: ResourceId, body: Json) -> Answer:
    name = str(body.get("name", ""))
    if not _NAME.fullmatch(name):
        return Answer(
            {"nameAvailable": False, "reason": "Invalid", "message": f"The registry name '{name}' is invalid."}
        )
    if _taken(world, name):
        return Answer(
            {"nameAvailable": False, "reason": "AlreadyExists", "message": f"The registry {name} is already in use."}
        )
    return Answer({"nameAvailable": True})


CONTAINERREGISTRY: tuple[ResourceType, ...] = (
    ResourceType(
        _REGISTRIES,
        first_api_version="2017-03-01",
        system_data=True,
        identity=True,
        defaults={
            "adminUserEnabled": False,
            "anonymousPullEnabled": False,
            "dataEndpointEnabled": False,
            "encryption": {"status": "disabled"},
            "networkRuleBypassOptions": "AzureServices",
            "networkRuleSet": {"defaultAction": "Allow", "ipRules": []},
            "policies": {
                "quarantinePolicy": {"status": "disabled"},
                "trustPolicy": {"type": "Notary", "status": "disabled"},
                "retentionPolicy": {"days": 7, "status": "disabled"},
                "exportPolicy": {"status": "enabled"},
                "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
                "softDeletePolicy": {"retentionDays": 7, "status": "disabled"},
            },
            "publicNetworkAccess": "Enabled",
            "zoneRedundancy": "Disabled",
        },
        kept=("creationDate", "privateEndpointConnections"),
        long_running=LongRunning(create=30, update=5, delete=10, running="Creating", headers=("Azure-AsyncOperation",)),
        validate=_checked,
        on_put=_registry,
        actions={"listCredentials": _list_credentials},
    ),
)
