"""Microsoft.DataFactory: factories and what is published in them. Every PUT answers 200, on create too
(https://learn.microsoft.com/rest/api/datafactory/).

Managed private endpoints arrive on their target as Pending and are approved there
(https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint).

Error codes and sentences of what ``validate`` refuses are (inferred) where no source is named beside them.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm import private_link
from toolkit.sandbox.arm.customer_keys import require_key
from toolkit.sandbox.arm.errors import ArmError, bad_request, conflict
from toolkit.sandbox.arm.resource_type import Answer, Call, LongRunning, ResourceType
from toolkit.sandbox.arm.types.datafactory_runs import (
    PIPELINE_RUNS,
    create_run,
    query_pipeline_runs,
    query_trigger_runs,
)
from toolkit.sandbox.arm.types.datafactory_triggers import (
    TRIGGER_ACTIONS,
    TRIGGER_RUNS,
    keep_state,
    require_stopped,
    require_trigger,
)
from toolkit.sandbox.customer_keys import KeyUnusable
from toolkit.sandbox.internal import connection_id, keep_connection, keep_target_hosts
from toolkit.sandbox.store import Resource

FACTORIES = "Microsoft.DataFactory/factories"
_FIRST = "2017-09-01-preview"
_MANAGED_ENDPOINTS = f"{FACTORIES}/managedVirtualNetworks/managedPrivateEndpoints"
# The managed endpoint lives in a subscription of Microsoft's; only the end of its id is known to customers.
_MICROSOFT_SCOPE = (
    "/subscriptions/00000000-0000-0000-0000-0000000adf00/resourceGroups/vnet-managed"
    f"/providers/{private_link.PRIVATE_ENDPOINTS}"
)


def _factory_checked(call: Call, resource: Resource) -> None:
    if call.creating:
        for factory in call.resources.store.of_type(FACTORIES):
            if factory.name.lower() == call.id.name.lower():
                raise conflict(
                    "DataFactoryNameInUse",
                    f"The specified resource name '{call.id.name}' is already in use. Resource names must be "
                    "globally unique.",
                )
    _encryption_checked(call, resource)


def _encryption_checked(call: Call, resource: Resource) -> None:
    """A customer's key is for a factory in which nothing is yet, and is never given up.

    https://learn.microsoft.com/azure/data-factory/enable-customer-managed-key
    """
    encryption = resource.properties.get("encryption") or {}
    before = (call.existing.properties.get("encryption") or {}) if call.existing is not None else {}
    if before and not encryption:
        # A PUT that says nothing of it, as the studio's: it stays (inferred).
        resource.properties["encryption"] = before
        return
    if not encryption:
        return
    if call.existing is not None and not before and call.resources.store.under(call.existing.id):
        # https://github.com/Azure/Azure-DataFactory/issues/251
        raise bad_request(
            "AddCMKToExistingFactoriesWithEntities",
            "Update factory failed. You cannot add CMK settings for factories with existing entities",
        )
    key = f"{str(encryption.get('vaultBaseUrl', '')).rstrip('/')}/keys/{encryption.get('keyName', '')}"
    if version := encryption.get("keyVersion"):
        key = f"{key}/{version}"
    identity = (encryption.get("identity") or {}).get("userAssignedIdentity") or None

    def words(unusable: KeyUnusable) -> ArmError:
        return bad_request(
            "CustomerManagedKeyNotAccessible",
            f"The factory '{call.id.name}' cannot use the customer-managed key '{key}': {unusable} The identity needs "
            "the permissions Get, Unwrap Key and Wrap Key, and the key vault Soft Delete and Do Not Purge.",
        )

    require_key(call, resource, key, identity, words)


def _factory(call: Call, resource: Resource) -> None:
    now = datetime.now(UTC).isoformat()
    resource.properties.setdefault("createTime", now)
    resource.properties["version"] = "2018-06-01"


def _managed_network(call: Call, resource: Resource) -> None:
    resource.properties.setdefault("vNetId", str(uuid.uuid4()))
    resource.properties.setdefault("alias", resource.name)


def _managed_endpoint_checked(call: Call, resource: Resource) -> None:
    sent = resource.properties
    target, _, group = private_link.target_of(
        call, str(sent.get("privateLinkResourceId", "")), str(sent.get("groupId", ""))
    )
    if call.existing is not None:
        standing = call.existing.properties
        if (
            standing["privateLinkResourceId"].lower() != target.id.lower()
            or standing["groupId"].lower() != group.lower()
        ):
            raise bad_request(
                "BadRequest",
                "The target of a managed private endpoint cannot be changed: delete it and create it again.",
            )


def _managed_endpoint(call: Call, resource: Resource) -> None:
    properties = resource.properties
    if call.existing is None:
        target, row, group = private_link.target_of(call, properties["privateLinkResourceId"], properties["groupId"])
        endpoint_id = f"{_MICROSOFT_SCOPE}/{call.id.names[0]}.{resource.name}"
        link = private_link.connect(
            call, target.id, group, endpoint_id, "Pending", "", {"managedEndpoint": resource.id}
        )
        keep_connection(resource, link)
        properties["connectionState"] = {"actionsRequired": "None", "description": "", "status": "Pending"}
        hosts = [name for names in private_link.names_of(target, row, group) for name in names]
        keep_target_hosts(resource, hosts)
        # An empty list is filled, too: https://github.com/hashicorp/terraform-provider-azurerm/issues/15640
        properties["fqdns"] = properties.get("fqdns") or hosts
    properties["isReserved"] = False


def follow_connection(call: Call, managed_endpoint_id: str, state: Json) -> None:
    """The target decided. After an approval the factory does not look again: what is rejected later still shows
    Approved, and the connection on the target says what is true.

    https://learn.microsoft.com/azure/data-factory/security-and-access-control-troubleshoot-guide
    """
    endpoint = call.resources.store.get(managed_endpoint_id)
    if endpoint is None or endpoint.properties["connectionState"]["status"] == "Approved":
        return
    endpoint.properties["connectionState"] = {
        "status": state["status"],
        "description": state.get("description", ""),
        "actionsRequired": "None",
    }
    call.resources.touch(endpoint)


def _managed_endpoint_gone(call: Call, resource: Resource) -> None:
    connection = call.resources.store.get(connection_id(resource))
    if connection is not None:
        call.resources.store.delete(connection.id)
        private_link.refresh_target(call, connection.id.rsplit("/", 2)[0])


# -- integration runtimes ----------------------------------------------------------------------------------------------


def _runtime_checked(call: Call, resource: Resource) -> None:
    sent = resource.properties
    if sent.get("type") not in ("Managed", "SelfHosted"):
        raise bad_request("BadRequest", f"Invalid integration runtime type '{sent.get('type')}'.")
    network = (sent.get("managedVirtualNetwork") or {}).get("referenceName")
    if call.existing is not None:
        standing = (call.existing.properties.get("managedVirtualNetwork") or {}).get("referenceName")
        if standing != network:
            raise bad_request(
                "BadRequest", "The managed virtual network of an integration runtime cannot be changed: replace it."
            )
    if network is not None:
        _refers(call, "managedVirtualNetworks", network)
    if sent["type"] == "Managed":
        resource.properties.setdefault("state", "Initial")


def _refers(call: Call, kind: str, name: str) -> None:
    """What a factory's entity names must be in the factory already, as its service demands on publish."""
    factory_id = call.id.id.split(f"/{call.id.types[1]}/")[0]
    if call.resources.store.get(f"{factory_id}/{kind}/{name}") is None:
        raise bad_request(
            "BadRequest", f"The document creation or update failed because of invalid reference '{name}'."
        )


async def _runtime_status(call: Call, resource: Resource) -> Answer:
    factory = call.resources.store.get(call.id.parent_id)
    assert factory is not None
    managed = resource.properties["type"] == "Managed"
    details: Json = {"createTime": factory.properties["createTime"], "nodes": [], "otherErrors": []}
    return Answer(
        {
            "name": resource.name,
            "properties": {
                "type": resource.properties["type"],
                "dataFactoryName": factory.name,
                "state": resource.internal.get("state", "Online" if managed else "NeedRegistration"),
                "typeProperties": details,
            },
        }
    )


def _runtime_state(state: str) -> Any:
    async def change(call: Call, resource: Resource) -> Answer:
        resource.internal["state"] = state
        call.resources.store.put(resource)
        return await _runtime_status(call, resource)

    return change


# -- entities that name each other -------------------------------------------------------------------------------------

_REFERENCES = {
    "LinkedServiceReference": "linkedservices",
    "DatasetReference": "datasets",
    "PipelineReference": "pipelines",
    "IntegrationRuntimeReference": "integrationRuntimes",
    "CredentialReference": "credentials",
    "TriggerReference": "triggers",
}
_AUTO_RESOLVE = "AutoResolveIntegrationRuntime"  # exists in every factory


def _references_checked(call: Call, resource: Resource) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            kind, name = (
                _REFERENCES.get(value.get("type", "") if isinstance(value.get("type"), str) else ""),
                value.get("referenceName"),
            )
            own = kind is not None and kind.lower() == call.id.types[-1].lower() and name == call.id.name
            if kind is not None and isinstance(name, str) and name != _AUTO_RESOLVE and not own:
                _refers(call, kind, name)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(resource.properties)


def _unreferenced(call: Call, resource: Resource) -> None:
    """A referenced entity cannot be removed (HTTP 400, "The document cannot be deleted since it is referenced by
    …")."""
    kind = call.id.types[-1].lower()
    factory_id = call.id.id.split(f"/{call.id.types[1]}/")[0]

    def names(value: Any) -> bool:
        if isinstance(value, dict):
            reference = _REFERENCES.get(value["type"], "").lower() if isinstance(value.get("type"), str) else ""
            if reference == kind and value.get("referenceName") == resource.name:
                return True
            return any(names(inner) for inner in value.values())
        return isinstance(value, list) and any(names(inner) for inner in value)

    for other in call.resources.store.under(factory_id):
        if other.id.lower() != resource.id.lower() and names(other.properties):
            raise bad_request("BadRequest", f"The document cannot be deleted since it is referenced by {other.name}.")


def _trigger_checked(call: Call, resource: Resource) -> None:
    require_trigger(call, resource)
    _references_checked(call, resource)


def _trigger_unused(call: Call, resource: Resource) -> None:
    require_stopped(call, resource)
    _unreferenced(call, resource)


def _entity(kind: str, **options: Any) -> ResourceType:
    return ResourceType(
        f"{FACTORIES}/{kind}",
        first_api_version=_FIRST,
        place="child",
        location="none",
        create_status=200,
        provisioning_state=False,
        etag_in_body=True,
        **{"methods": frozenset({"GET", "PUT", "DELETE"}), **options},
    )


DATAFACTORY: tuple[ResourceType, ...] = (
    ResourceType(
        FACTORIES,
        first_api_version=_FIRST,
        create_status=200,
        identity=True,
        defaults={"publicNetworkAccess": "Enabled"},
        kept=("createTime", "privateEndpointConnections"),
        validate=_factory_checked,
        on_put=_factory,
        actions={"queryPipelineRuns": query_pipeline_runs, "queryTriggerRuns": query_trigger_runs},
        # https://learn.microsoft.com/azure/role-based-access-control/permissions/analytics#microsoftdatafactory
        reading=frozenset({"queryPipelineRuns", "queryTriggerRuns"}),
    ),
    _entity(
        "managedVirtualNetworks",
        # It goes with its factory: https://learn.microsoft.com/rest/api/datafactory/managed-virtual-networks
        methods=frozenset({"GET", "PUT"}),
        kept=("vNetId",),
        on_put=_managed_network,
    ),
    ResourceType(
        _MANAGED_ENDPOINTS,
        first_api_version=_FIRST,
        place="child",
        location="none",
        create_status=200,
        etag_in_body=True,
        methods=frozenset({"GET", "PUT", "DELETE"}),
        kept=("connectionState",),
        # A GET of one that is not there: https://github.com/hashicorp/terraform-provider-azurerm/pull/12618 shows the
        # status; code and sentence are (inferred).
        missing=("BadRequest", "The document could not be retrieved because it doesn't exist: {name}."),
        missing_status=400,
        long_running=LongRunning(create=60, delete=10, put_status=200, running="Provisioning", headers=()),
        validate=_managed_endpoint_checked,
        on_put=_managed_endpoint,
        on_delete=_managed_endpoint_gone,
    ),
    _entity(
        "integrationRuntimes",
        kept=("state",),
        validate=_runtime_checked,
        before_delete=_unreferenced,
        actions={"getStatus": _runtime_status, "start": _runtime_state("Started"), "stop": _runtime_state("Stopped")},
    ),
    _entity("linkedservices", validate=_references_checked, before_delete=_unreferenced),
    _entity("datasets", validate=_references_checked, before_delete=_unreferenced),
    _entity("dataflows", validate=_references_checked),
    _entity("pipelines", validate=_references_checked, before_delete=_unreferenced, actions={"createRun": create_run}),
    PIPELINE_RUNS,
    _entity("credentials", validate=_references_checked, before_delete=_unreferenced),
    _entity("globalParameters"),
    _entity(
        "triggers",
        validate=_trigger_checked,
        on_put=keep_state,
        before_delete=_trigger_unused,
        actions=TRIGGER_ACTIONS,
    ),
    TRIGGER_RUNS,
)
