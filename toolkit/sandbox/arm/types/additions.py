"""What no configuration of ours makes and a person may add below a service: users, copies, tokens, endpoints, captures.

As thin as it is safe: what Azure refuses of each, and otherwise what was sent. None of them carries data here.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from toolkit.sandbox.arm.errors import bad_request
from toolkit.sandbox.arm.resource_type import Call, ResourceType
from toolkit.sandbox.store import Resource

_ACCOUNTS = "Microsoft.Storage/storageAccounts"
_REGISTRIES = "Microsoft.ContainerRegistry/registries"
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_USER = re.compile(r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]|[a-z0-9]{3,64}")


def _parent(call: Call) -> Resource:
    found = call.resources.store.get(call.id.id.rsplit("/", 2)[0])
    assert found is not None  # the engine has answered 404 for a child of nothing
    return found


def _local_user_checked(call: Call, resource: Resource) -> None:
    """Local users need a hierarchical namespace; the code is (inferred).

    https://learn.microsoft.com/azure/storage/blobs/secure-file-transfer-protocol-support#sftp-permission-model
    """
    if not _USER.fullmatch(call.id.name):
        raise bad_request("InvalidUserName", f"The local user name {call.id.name} is invalid.")
    if not _parent(call).properties.get("isHnsEnabled"):
        raise bad_request(
            "LocalUserNotSupportedForNonHnsAccount", "Local users need an account with a hierarchical namespace."
        )


def _replication_checked(call: Call, resource: Resource) -> None:
    """https://learn.microsoft.com/azure/storage/blobs/object-replication-overview#prerequisites-and-caveats: no account
    with a hierarchical namespace, and only with versions and the change feed. Codes are (inferred)."""
    account, properties = _parent(call), resource.properties
    for name in ("sourceAccount", "destinationAccount"):
        if not properties.get(name):
            raise bad_request("InvalidRequestPropertyValue", f"The value of properties.{name} is invalid.")
    if account.properties.get("isHnsEnabled"):
        raise bad_request(
            "ObjectReplicationNotSupportedForHnsAccount", "Object replication does not take a hierarchical namespace."
        )
    service = call.resources.store.get(f"{account.id}/blobServices/default")
    if not (service and service.properties.get("isVersioningEnabled")):
        raise bad_request("VersioningNotEnabled", f"Versioning is not enabled for account {account.name}.")
    properties.setdefault("policyId", str(uuid.uuid4()))


def _token_checked(call: Call, resource: Resource) -> None:
    """A token has a scope map of its registry; the code is (inferred).

    https://learn.microsoft.com/azure/container-registry/container-registry-token-based-repository-permissions
    """
    scope_map = str(resource.properties.get("scopeMapId", ""))
    if not scope_map.casefold().startswith(f"{_parent(call).id}/scopeMaps/".casefold()):
        raise bad_request("InvalidScopeMap", f"The scope map '{scope_map}' is not one of the registry's.")
    if not scope_map.rsplit("/", 1)[-1].startswith("_repositories_") and not call.resources.store.get(scope_map):
        raise bad_request("InvalidScopeMap", f"The scope map '{scope_map}' does not exist.")
    resource.properties.setdefault("status", "enabled")


def _child(type_: str, first: str, **options: Any) -> ResourceType:
    return ResourceType(
        type_, first_api_version=first, place="child", **{"location": "none", "create_status": 200, **options}
    )


ADDITIONS: tuple[ResourceType, ...] = (
    _child(f"{_ACCOUNTS}/localUsers", "2021-08-01", provisioning_state=False, validate=_local_user_checked),
    _child(
        f"{_ACCOUNTS}/objectReplicationPolicies", "2019-06-01", provisioning_state=False, validate=_replication_checked
    ),
    _child(f"{_REGISTRIES}/scopeMaps", "2019-05-01-preview"),
    _child(f"{_REGISTRIES}/tokens", "2019-05-01-preview", validate=_token_checked),
    _child(f"{_REGISTRIES}/cacheRules", "2023-01-01-preview"),
    _child(f"{_REGISTRIES}/webhooks", "2017-10-01", location="region", write_only=("serviceUri", "customHeaders")),
    _child(f"{_REGISTRIES}/replications", "2017-10-01", location="region"),
    _child(f"{_REGISTRIES}/tasks", "2018-09-01", location="region"),
    _child(f"{_REGISTRIES}/agentPools", "2019-06-01-preview", location="region"),
    _child(f"{_REGISTRIES}/exportPipelines", "2019-12-01-preview", identity=True),
    _child(f"{_REGISTRIES}/importPipelines", "2019-12-01-preview", identity=True),
    _child(f"{_WORKSPACES}/onlineEndpoints", "2021-03-01-preview", location="region", identity=True),
    _child(f"{_WORKSPACES}/batchEndpoints", "2021-03-01-preview", location="region", identity=True),
    _child(f"{_WORKSPACES}/serverlessEndpoints", "2023-08-01-preview", location="region"),
    _child(f"{_WORKSPACES}/schedules", "2022-06-01-preview"),
    _child("Microsoft.DataFactory/factories/adfcdcs", "2018-06-01", provisioning_state=False, etag_in_body=True),
    _child("Microsoft.OperationalInsights/workspaces/dataExports", "2019-08-01-preview", provisioning_state=False),
    _child(
        "Microsoft.OperationalInsights/workspaces/linkedStorageAccounts",
        "2019-08-01-preview",
        provisioning_state=False,
    ),
)
