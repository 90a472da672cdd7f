"""Microsoft.Batch: accounts and pools (https://learn.microsoft.com/rest/api/batchmanagement/).

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import base64
import re
import secrets
import uuid

from toolkit.sandbox.arm.customer_keys import assigned_identities, require_key
from toolkit.sandbox.arm.errors import ArmError, bad_request, conflict
from toolkit.sandbox.arm.network_rules import unfit
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType
from toolkit.sandbox.customer_keys import KeyUnusable
from toolkit.sandbox.store import Resource
from toolkit.sandbox.vm_sizes import FAMILIES, limits

_ACCOUNTS = "Microsoft.Batch/batchAccounts"
_MOST_RULES = 200  # of each endpoint


def _account_checked(call: Call, resource: Resource) -> None:
    if not re.fullmatch(r"[a-z0-9]{3,24}", call.id.name):
        raise bad_request(
            "InvalidAccountName",
            f"The Batch account name '{call.id.name}' is invalid: 3 to 24 lower-case letters and digits.",
        )
    if call.creating:
        for other in call.resources.store.of_type(_ACCOUNTS):
            if other.name == call.id.name and other.body["location"] == resource.body["location"]:
                raise conflict(
                    "AccountAlreadyExists",
                    f"The Batch account name '{call.id.name}' is already taken in {resource.body['location']}.",
                )
    if "SystemAssigned" in (kind := resource.body.get("identity", {}).get("type", "")) and "UserAssigned" in kind:
        raise bad_request(
            "InvalidPropertyValue", "A Batch account has a system-assigned or user-assigned identities, not both."
        )
    # https://learn.microsoft.com/azure/batch/public-network-access
    for endpoint, access in (resource.properties.get("networkProfile") or {}).items():
        if refused := unfit(access.get("ipRules") or [], _MOST_RULES):
            raise bad_request("InvalidPropertyValue", f"networkProfile.{endpoint}.ipRules: {refused}.")
    storage = (resource.properties.get("autoStorage") or {}).get("storageAccountId")
    if storage:
        call.referenced(storage, resource.id)
    _encryption_checked(call, resource)


def _encryption_checked(call: Call, resource: Resource) -> None:
    """A customer's key is for a new account; the way back to Microsoft's is open.

    https://learn.microsoft.com/azure/batch/batch-customer-managed-key#frequently-asked-questions
    """
    encryption = resource.properties["encryption"]
    if encryption.get("keySource") != "Microsoft.KeyVault":
        return
    if call.existing is not None and call.existing.properties["encryption"]["keySource"] != "Microsoft.KeyVault":
        raise bad_request("InvalidPropertyValue", "Customer-managed keys are only supported for new Batch accounts.")
    key = str((encryption.get("keyVaultProperties") or {}).get("keyIdentifier", ""))
    if not key:
        # https://github.com/Azure/azure-cli/issues/24007
        raise bad_request(
            "MissingRequiredProperty",
            "A required property was not specified in the request body: properties.encryption.keyVaultProperties",
        )
    assigned = assigned_identities(resource, call.existing)
    if len(assigned) > 1:
        # The request has no place to say which one reads the key (inferred).
        raise bad_request("InvalidPropertyValue", "A Batch account that has a customer-managed key has one identity.")

    def words(unusable: KeyUnusable) -> ArmError:
        return bad_request(
            "InvalidKeyVaultProperties",
            f"The Batch account '{call.id.name}' cannot use the customer-managed key '{key}': {unusable} The identity "
            "needs Get, Unwrap Key and Wrap Key, and the key vault soft delete and purge protection.",
        )

    require_key(call, resource, key, assigned[0] if assigned else None, words)


def _account(call: Call, resource: Resource) -> None:
    properties, location = resource.properties, resource.body["location"]
    properties["accountEndpoint"] = f"{resource.name}.{location}.batch.azure.com"
    properties.setdefault("nodeManagementEndpoint", f"{uuid.uuid4()}.{location}.service.batch.azure.com")
    properties.setdefault("privateEndpointConnections", [])
    assert call.id.subscription_id is not None
    granted = limits(call.resources.world.directory.core_quotas(call.id.subscription_id))
    # A pool beyond them is made all the same, and gets no nodes:
    # https://learn.microsoft.com/troubleshoot/azure/hpc/batch/azure-batch-pool-resizing-failure
    properties["dedicatedCoreQuotaPerVMFamilyEnforced"] = True
    properties["dedicatedCoreQuotaPerVMFamily"] = [
        {"name": family, "coreQuota": granted[family]} for family in FAMILIES
    ]
    resource.internal.setdefault(
        "keys", {name: base64.b64encode(secrets.token_bytes(64)).decode() for name in ("primary", "secondary")}
    )


async def _list_keys(call: Call, resource: Resource) -> Answer:
    if "SharedKey" not in resource.properties["allowedAuthenticationModes"]:
        raise conflict(
            "SharedKeyAuthDisabled",
            f"Shared key authentication is not enabled for the Batch account '{resource.name}'.",
        )
    return Answer({"accountName": resource.name, **resource.internal["keys"]})


def _pool_checked(call: Call, resource: Resource) -> None:
    """azurerm makes another pool for another subnet; how Azure says it is (inferred)."""
    was, will = (
        str((one.properties.get("networkConfiguration") or {}).get("subnetId", "")).lower() if one else ""
        for one in (call.existing, resource)
    )
    if call.existing is not None and was != will:
        raise bad_request("InvalidRequestBody", f"The subnet of pool {resource.id} cannot be changed.")


def _pool(call: Call, resource: Resource) -> None:
    resource.properties.setdefault("allocationState", "Steady")
    resource.properties.setdefault("currentDedicatedNodes", 0)
    resource.properties.setdefault("currentLowPriorityNodes", 0)


BATCH: tuple[ResourceType, ...] = (
    ResourceType(
        _ACCOUNTS,
        first_api_version="2015-12-01",
        create_status=200,
        identity=True,
        defaults={
            "poolAllocationMode": "BatchService",
            "publicNetworkAccess": "Enabled",
            "allowedAuthenticationModes": ["SharedKey", "AAD", "TaskAuthenticationToken"],
            "dedicatedCoreQuota": 100,
            "lowPriorityCoreQuota": 100,
            "poolQuota": 100,
            "activeJobAndJobScheduleQuota": 300,
            "encryption": {"keySource": "Microsoft.Batch"},
        },
        kept=("nodeManagementEndpoint", "privateEndpointConnections"),
        long_running=LongRunning(create=20, delete=30, put_status=202, running="Creating", headers=("Location",)),
        validate=_account_checked,
        on_put=_account,
        actions={"listKeys": _list_keys},
    ),
    ResourceType(
        f"{_ACCOUNTS}/pools",
        first_api_version="2017-09-01",
        place="child",
        location="none",
        create_status=200,
        etag_in_body=True,
        identity=True,
        validate=_pool_checked,
        on_put=_pool,
    ),
    ResourceType(
        f"{_ACCOUNTS}/applications",
        first_api_version="2015-12-01",
        place="child",
        location="none",
        create_status=200,
        etag_in_body=True,
    ),
)
