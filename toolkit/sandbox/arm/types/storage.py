"""Microsoft.Storage: accounts, their services, containers, shares, queues, tables and policies.

https://learn.microsoft.com/rest/api/storagerp/; network rules: https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
"""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.errors import bad_request, conflict
from toolkit.sandbox.arm.ids import ResourceId
from toolkit.sandbox.arm.network_rules import private_block, subnet_without_endpoint
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType, Singleton
from toolkit.sandbox.arm.types import deleted_accounts
from toolkit.sandbox.arm.types.deleted_accounts import RESTORING
from toolkit.sandbox.arm.types.storage_encryption import encryption_checked
from toolkit.sandbox.containers import CONTAINERS, DEFAULTS, delete_container, deleted_containers
from toolkit.sandbox.internal import account_keys, keep_account_keys
from toolkit.sandbox.private_link_zones import suffix_of
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import World

ACCOUNTS = "Microsoft.Storage/storageAccounts"
_FIRST = "2015-06-15"
_MOST_RULES = 400
_NAME = re.compile(r"[a-z0-9]{3,24}")
_INVALID_NAME = (
    "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length "
    "and use numbers and lower-case letters only."
)

# What Azure answers for a general-purpose v2 account that sets nothing (https://learn.microsoft.com/rest/api/storagerp/storage-accounts/create).
_DEFAULTS: Json = {
    "accessTier": "Hot",
    "allowBlobPublicAccess": False,
    "allowCrossTenantReplication": False,
    "allowSharedKeyAccess": True,
    "defaultToOAuthAuthentication": False,
    "dnsEndpointType": "Standard",
    "isHnsEnabled": False,
    "isLocalUserEnabled": True,
    "isNfsV3Enabled": False,
    "isSftpEnabled": False,
    "minimumTlsVersion": "TLS1_0",
    "networkAcls": {
        "bypass": "AzureServices",
        "defaultAction": "Allow",
        "ipRules": [],
        "resourceAccessRules": [],
        "virtualNetworkRules": [],
    },
    "publicNetworkAccess": "Enabled",
    "supportsHttpsTrafficOnly": True,
    "encryption": {"keySource": "Microsoft.Storage", "services": {}},
}
_CREATE_ONLY = ("isHnsEnabled", "isNfsV3Enabled", "dnsEndpointType")
_RETENTION_OFF = {"enabled": False, "allowPermanentDelete": False}


def _account_checked(call: Call, resource: Resource) -> None:
    name, properties = call.id.name, resource.properties
    if not _NAME.fullmatch(name):
        raise bad_request("AccountNameInvalid", _INVALID_NAME.format(name=name))
    if call.creating and _taken(call.resources.world, name):
        raise conflict("StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
    if call.creating and RESTORING in resource.internal:
        deleted_accounts.require(call, resource)
        return
    if not resource.body.get("sku", {}).get("name"):
        raise bad_request("AccountTypeMissing", "The accountType required property was not specified.")
    if call.existing is not None:
        for key in _CREATE_ONLY:
            if properties.get(key) != call.existing.properties.get(key):
                raise bad_request(
                    "AccountPropertyCannotBeUpdated",
                    f"The property '{key}' was specified in the input, but it cannot be updated.",
                )
    encryption_checked(call, resource)
    _rules_checked(call, properties["networkAcls"])


def _rules_checked(call: Call, acls: Json) -> None:
    for kind in ("ipRules", "virtualNetworkRules"):
        if len(acls.get(kind) or []) > _MOST_RULES:
            raise bad_request(
                "NetworkAclsValidationFailure",
                f"Validation of network acls failure: {kind} has more than {_MOST_RULES} rules.",
            )
    for rule in acls.get("ipRules") or []:
        value = str(rule.get("value", ""))
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError as error:
            raise _bad_rule(f"{value} is not a valid IP address or CIDR range") from error
        if "/" in value and network.prefixlen > 30:
            raise _bad_rule(
                f"{value}: small address ranges using /31 or /32 prefix sizes are not supported, use individual IP "
                "addresses"
            )
        if private_block(network):
            raise _bad_rule(f"{value}: IP network rules are only allowed for public internet IP addresses")
        rule.setdefault("action", "Allow")
    if refused := subnet_without_endpoint(call, acls, "Microsoft.Storage"):
        raise bad_request(
            "NetworkAclsValidationFailure",
            f"Validation of network acls failure: SubnetsHaveNoServiceEndpointsConfigured:{refused}",
        )
    for rule in acls.get("virtualNetworkRules") or []:
        rule.setdefault("action", "Allow")
        rule["state"] = "Succeeded"


def _bad_rule(reason: str) -> Exception:
    return bad_request(
        "InvalidValuesForRequestParameters",
        f"Values for request parameters are invalid: networkAcls.ipRules[*].value ({reason}).",
    )


def _taken(world: World, name: str) -> bool:
    return any(account.name.lower() == name.lower() for account in world.store.of_type(ACCOUNTS))


async def _account_prepared(call: Call, resource: Resource) -> None:
    """A new account ends the recovery of a deleted one of its name."""
    if call.creating and RESTORING not in resource.internal:
        await deleted_accounts.let_go(call.resources.world, resource.name)


def _account(call: Call, resource: Resource) -> None:
    restoring = call.creating and RESTORING in resource.internal
    if restoring:
        deleted_accounts.bring_back(call.resources.world, deleted_accounts.require(call, resource), resource)
    resource.internal.pop(RESTORING, None)
    properties, name, location = resource.properties, resource.name, resource.body["location"]
    if call.creating and not restoring:
        properties["creationTime"] = datetime.now(UTC).isoformat()
        keep_account_keys(resource, [_key("key1"), _key("key2")])
        properties["keyCreationTime"] = {"key1": properties["creationTime"], "key2": properties["creationTime"]}
    resource.body["sku"]["tier"] = resource.body["sku"]["name"].split("_", 1)[0]
    hosts = {service: f"https://{name}.{suffix_of(service)}/" for service in ("blob", "dfs", "file", "queue", "table")}
    properties["primaryEndpoints"] = {**hosts, "web": f"https://{name}.z6.web.core.windows.net/"}
    properties["primaryLocation"] = location
    properties["statusOfPrimary"] = "available"
    for service in properties["encryption"].setdefault("services", {}).values():
        service.setdefault("lastEnabledTime", properties["creationTime"])
    properties.setdefault("privateEndpointConnections", [])


def _key(name: str) -> Json:
    return {"keyName": name, "value": base64.b64encode(secrets.token_bytes(64)).decode(), "permissions": "FULL"}


async def _account_released(call: Call, resource: Resource) -> None:
    await deleted_accounts.set_aside(call.resources.world, resource)


async def _list_keys(call: Call, resource: Resource) -> Answer:
    """Also answered when shared key access is off: the keys exist, the data plane refuses them
    (https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent)."""
    return Answer({"keys": account_keys(resource)})


async def _regenerate_key(call: Call, resource: Resource) -> Answer:
    keys = account_keys(resource)
    if call.body.get("keyName") not in [key["keyName"] for key in keys]:
        raise bad_request("InvalidValuesForRequestParameters", "Values for request parameters are invalid: keyName.")
    named = call.body["keyName"]
    keep_account_keys(resource, (_key(named) if key["keyName"] == named else key for key in keys))
    call.resources.store.put(resource)
    return Answer({"keys": account_keys(resource)})


def check_name(world: World, on: ResourceId, body: Json) -> Answer:
    name = str(body.get("name", ""))
    if not _NAME.fullmatch(name):
        message = _INVALID_NAME.format(name=name)
        return Answer({"nameAvailable": False, "reason": "AccountNameInvalid", "message": message})
    if _taken(world, name):
        return Answer(
            {
                "nameAvailable": False,
                "reason": "AlreadyExists",
                "message": f"The storage account named {name} is already taken.",
            }
        )
    return Answer({"nameAvailable": True})


# -- services and what is in them --------------------------------------------------------------------------------------


def _blob_service_checked(call: Call, resource: Resource) -> None:
    properties = resource.properties
    account = call.resources.store.get(call.id.parent_id)
    assert account is not None
    if account.properties.get("isHnsEnabled") and properties.get("isVersioningEnabled"):
        raise bad_request(
            "FeatureNotSupportedForAccount",
            "Blob versioning is not supported for the account: hierarchical namespace is enabled.",
        )
    restore = properties.get("restorePolicy") or {}
    retention = properties.get("deleteRetentionPolicy") or {}
    if restore.get("enabled"):
        on = (
            retention.get("enabled")
            and properties.get("isVersioningEnabled")
            and (properties.get("changeFeed") or {}).get("enabled")
        )
        if not on or restore.get("days", 0) >= retention.get("days", 0):
            raise bad_request(
                "ConflictFeatureEnabled",
                "Point-in-time restore needs blob versioning, change feed and blob soft delete, with fewer days than "
                "the soft delete retention.",
            )
    for policy in (retention, properties.get("containerDeleteRetentionPolicy") or {}):
        if policy.get("enabled") and not 1 <= int(policy.get("days", 0)) <= 365:
            raise bad_request(
                "InvalidValuesForRequestParameters",
                "Values for request parameters are invalid: deleteRetentionPolicy.days.",
            )


def _account_of(call: Call) -> str:
    return call.id.names[0].lower()


def _container_checked(call: Call, resource: Resource) -> None:
    if not re.fullmatch(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]|\$(root|web|logs)", call.id.name):
        raise bad_request("InvalidResourceName", "The specified resource name contains invalid characters.")
    if resource.properties.get("publicAccess", "None") != "None":
        account = call.resources.store.get(call.id.id.split("/blobServices/")[0])
        if account is not None and not account.properties.get("allowBlobPublicAccess"):
            raise conflict("PublicAccessNotPermitted", "Public access is not permitted on this storage account.")


async def _container_made(call: Call, resource: Resource) -> None:
    blobs, account = call.resources.world.blobs, _account_of(call)
    await blobs.create_container(account, call.id.name)
    await blobs.set_public_access(account, call.id.name, str(resource.properties.get("publicAccess") or "None"))


def _container(call: Call, resource: Resource) -> None:
    now = datetime.now(UTC).isoformat()
    resource.properties.setdefault("lastModifiedTime", now)
    resource.properties.setdefault("deleted", False)


async def _container_released(call: Call, resource: Resource) -> None:
    account = call.resources.store.get(call.id.id.split("/blobServices/")[0])
    if account is not None:
        await delete_container(call.resources.world, account, resource.name)


def _list_containers(call: Call) -> list[Json]:
    """With ``$include=deleted`` the deleted ones, too: https://learn.microsoft.com/rest/api/storagerp/blob-containers/list"""
    found = [container.body for container in call.resources.store.under(call.id.parent_id, CONTAINERS)]
    if "deleted" in call.query.get("$include", "").lower().split(","):
        found += [container.listed for container in deleted_containers(call.resources.store, _account_of(call))]
    return sorted(found, key=lambda body: str(body["name"]))


def _stamped(call: Call, resource: Resource) -> None:
    resource.properties["lastModifiedTime"] = datetime.now(UTC).isoformat()


def _service(kind: str, **options: Any) -> ResourceType:
    """A service such as blobServices/default exists with the account and cannot be removed."""
    return ResourceType(
        f"{ACCOUNTS}/{kind}",
        first_api_version=_FIRST,
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
        methods=frozenset({"GET", "PUT"}),
        **options,
    )


def _item(path: str, create_status: int, **options: Any) -> ResourceType:
    return ResourceType(
        f"{ACCOUNTS}/{path}",
        first_api_version=_FIRST,
        place="child",
        location="none",
        create_status=create_status,
        provisioning_state=False,
        **options,
    )


_CORS: Json = {"cors": {"corsRules": []}}

STORAGE: tuple[ResourceType, ...] = (
    ResourceType(
        ACCOUNTS,
        first_api_version=_FIRST,
        create_status=200,
        defaults=_DEFAULTS,
        envelope={"kind": "StorageV2"},
        kept=("creationTime", "keyCreationTime", "privateEndpointConnections"),
        write_only=(RESTORING,),
        identity=True,
        singletons=(
            Singleton(f"{ACCOUNTS}/blobServices", "default", {**_CORS, "deleteRetentionPolicy": _RETENTION_OFF}),
            Singleton(
                f"{ACCOUNTS}/fileServices",
                "default",
                {**_CORS, "protocolSettings": {"smb": {}}, "shareDeleteRetentionPolicy": {"enabled": True, "days": 7}},
            ),
            Singleton(f"{ACCOUNTS}/queueServices", "default", _CORS),
            Singleton(f"{ACCOUNTS}/tableServices", "default", _CORS),
        ),
        long_running=LongRunning(create=20, put_status=202, running="Creating", headers=("Location",)),
        validate=_account_checked,
        prepare=_account_prepared,
        on_put=_account,
        release=_account_released,
        actions={"listKeys": _list_keys, "regenerateKey": _regenerate_key},
    ),
    _service(
        "blobServices", defaults={**_CORS, "deleteRetentionPolicy": _RETENTION_OFF}, validate=_blob_service_checked
    ),
    _service("fileServices", defaults={**_CORS, "shareDeleteRetentionPolicy": {"enabled": True, "days": 7}}),
    _service("queueServices", defaults=_CORS),
    _service("tableServices", defaults=_CORS),
    _item(
        "blobServices/containers",
        201,
        etag_in_body=True,
        missing=("ContainerNotFound", "The specified container does not exist."),
        defaults=DEFAULTS,
        validate=_container_checked,
        prepare=_container_made,
        on_put=_container,
        release=_container_released,
        list=_list_containers,
    ),
    _item(
        "fileServices/shares",
        201,
        etag_in_body=True,
        missing=("ShareNotFound", "The specified share does not exist."),
        defaults={"shareQuota": 5120, "accessTier": "TransactionOptimized", "enabledProtocols": "SMB"},
        on_put=_stamped,
    ),
    _item("queueServices/queues", 200),
    _item("tableServices/tables", 200),
    _item(
        "managementPolicies",
        200,
        missing=("ManagementPolicyNotFound", "No ManagementPolicy found for account."),
        on_put=_stamped,
    ),
    _item(
        "inventoryPolicies",
        200,
        missing=("BlobInventoryPolicyNotFound", "Blob inventory policy does not exist for the storage account."),
        on_put=_stamped,
    ),
    # Neither deleted nor disabled by DELETE: https://learn.microsoft.com/azure/storage/blobs/encryption-scope-overview
    _item("encryptionScopes", 201, methods=frozenset({"GET", "PUT", "PATCH"})),
)
