"""Ways of breaking an applied platform, and the checks that must see each; for test_smoke.py."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.credentials import AzureNamedKeyCredential

from tests.contract.smoke_platform import ROLES_API_VERSION, Platform
from toolkit.azure.api_versions import DIAGNOSTICS_API_VERSION, api_version
from toolkit.azure.arm import arm_client
from toolkit.azure.clients import Actor
from toolkit.azure.credentials import runner_credential
from toolkit.firewall.journal import Journal
from toolkit.firewall.model import Lease, Owner
from toolkit.processes import ProcessId
from toolkit.terraform.state import read_backend

BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
KEY_VAULT_SECRETS_OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
KEY_VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
DNS_API_VERSION = "2020-06-01"


def storage(platform: Platform, **properties: Any) -> AbstractContextManager[None]:
    changes = {f"properties.{name}": value for name, value in properties.items()}
    return platform.changed(platform.outputs["storage_account_id"], changes)


def open_firewall(platform: Platform, output: str) -> AbstractContextManager[None]:
    return platform.changed(platform.outputs[output], {"properties.networkAcls.defaultAction": "Allow"})


@contextmanager
def public_container(platform: Platform) -> Iterator[None]:
    """With an account key: Set Container ACL knows no Entra token."""
    account = platform.outputs["storage_account_id"]
    with storage(platform, allowBlobPublicAccess=True, allowSharedKeyAccess=True):
        keys = platform.call("POST", f"{account}/listKeys", api_version(account))["keys"]
        key = AzureNamedKeyCredential(platform.outputs["storage_account_name"], keys[0]["value"])
        inside = Actor("key", platform.connection.vantages["vnet"], None, "")
        with inside.blobs(platform.outputs["storage_blob_endpoint"], key=key) as service:
            container = service.get_container_client(platform.outputs["smoke_container_name"])
            container.set_container_access_policy({}, public_access="container")
            try:
                yield
            finally:
                container.set_container_access_policy({}, public_access=None)


@contextmanager
def public_container_by_arm(platform: Platform, access: str = "Container") -> Iterator[None]:
    container = platform.outputs["storage_containers"][platform.outputs["smoke_container_name"]]
    with (
        storage(platform, allowBlobPublicAccess=True),
        platform.changed(container, {"properties.publicAccess": access}),
    ):
        yield


def open_vault(platform: Platform) -> AbstractContextManager[None]:
    changes = {"properties.publicNetworkAccess": "Enabled", "properties.networkAcls.defaultAction": "Allow"}
    return platform.changed(platform.outputs["key_vault_id"], changes)


def zone(platform: Platform) -> str:
    return str(platform.outputs["private_dns_zones"]["privatelink.blob.core.windows.net"])


def no_record(platform: Platform) -> AbstractContextManager[None]:
    return platform.deleted(f"{zone(platform)}/A/{platform.outputs['storage_account_name']}", DNS_API_VERSION)


def no_record_of(platform: Platform, zone_name: str) -> AbstractContextManager[None]:
    """One of the A records that the outputs name, in one of the platform's zones, is deleted."""
    zone_id = platform.outputs["private_dns_zones"][zone_name]
    records = platform.call("GET", f"{zone_id}/A", DNS_API_VERSION)["value"]
    hosts = {host for one in platform.outputs["private_endpoints"].values() for host in one["fqdns"]}
    suffix = zone_name.removeprefix("privatelink.")
    found = next(one["id"] for one in records if f"{one['name']}.{suffix}" in hosts)
    return platform.deleted(found, DNS_API_VERSION)


def record_of_another_endpoint(platform: Platform) -> AbstractContextManager[None]:
    """The lake's name at the vault's address: inside the network, and nobody answers there."""
    zones = platform.outputs["private_dns_zones"]
    vault = platform.call("GET", f"{zones['privatelink.vaultcore.azure.net']}/A", DNS_API_VERSION)["value"][0]
    record = f"{zone(platform)}/A/{platform.outputs['lake_storage_account_name']}"
    return platform.changed(record, {"properties.aRecords": vault["properties"]["aRecords"]}, DNS_API_VERSION)


def no_link(platform: Platform) -> AbstractContextManager[None]:
    links = platform.call("GET", f"{zone(platform)}/virtualNetworkLinks", DNS_API_VERSION)["value"]
    assert len(links) == 1
    return platform.deleted(links[0]["id"], DNS_API_VERSION)


def linked_service_outside(platform: Platform) -> AbstractContextManager[None]:
    factory = platform.outputs["data_factory_id"]
    services = platform.call("GET", f"{factory}/linkedservices", api_version(factory))["value"]
    return platform.changed(services[0]["id"], {"properties.connectVia": None})


def workspace(platform: Platform, **properties: Any) -> AbstractContextManager[None]:
    changes = {f"properties.{name}": value for name, value in properties.items()}
    return platform.changed(platform.outputs["machine_learning_workspace_id"], changes)


def no_outbound_rule(platform: Platform) -> AbstractContextManager[None]:
    workspace = platform.outputs["machine_learning_workspace_id"]
    return platform.deleted(f"{workspace}/outboundRules/default-blob", api_version(workspace))


def running_nodes(platform: Platform) -> AbstractContextManager[None]:
    parent = platform.outputs["machine_learning_workspace_id"]
    computes = platform.call("GET", f"{parent}/computes", api_version(parent))["value"]
    return platform.changed(computes[0]["id"], {"properties.properties.scaleSettings.minNodeCount": 1})


def no_versioning(platform: Platform) -> AbstractContextManager[None]:
    service = f"{platform.outputs['storage_account_id']}/blobServices/default"
    return platform.changed(service, {"properties.isVersioningEnabled": False})


def no_diagnostics(platform: Platform) -> AbstractContextManager[None]:
    path = f"{platform.outputs['key_vault_id']}/providers/Microsoft.Insights/diagnosticSettings"
    settings = platform.call("GET", path, DIAGNOSTICS_API_VERSION)["value"]
    return platform.deleted(settings[0]["id"], DIAGNOSTICS_API_VERSION)


def alert(platform: Platform, **properties: Any) -> AbstractContextManager[None]:
    changes = {f"properties.{name}": value for name, value in properties.items()}
    return platform.changed(platform.outputs["metric_alerts"]["failed-pipelines"], changes)


def reader_writes(platform: Platform) -> AbstractContextManager[None]:
    container = platform.outputs["storage_containers"][platform.outputs["smoke_container_name"]]
    return platform.granted(platform.probe("reader"), BLOB_DATA_CONTRIBUTOR, container)


def broad_role(platform: Platform) -> AbstractContextManager[None]:
    subscription = f"/subscriptions/{platform.connection.environment.subscription_id}"
    return platform.granted(platform.outputs["data_factory_principal_id"], CONTRIBUTOR, subscription)


def data_role_on_the_subscription(platform: Platform) -> AbstractContextManager[None]:
    subscription = f"/subscriptions/{platform.connection.environment.subscription_id}"
    return platform.granted(platform.outputs["data_factory_principal_id"], BLOB_DATA_CONTRIBUTOR, subscription)


@contextmanager
def custom_role_of_everything(platform: Platform) -> Iterator[None]:
    subscription = f"/subscriptions/{platform.connection.environment.subscription_id}"
    guid = str(uuid.uuid4())
    role = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    properties = {
        "roleName": "Harmless",
        "description": "Looks like nothing.",
        "type": "CustomRole",
        "permissions": [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}],
        "assignableScopes": [subscription],
    }
    platform.call("PUT", role, ROLES_API_VERSION, {"properties": properties})
    try:
        with platform.granted(platform.outputs["identities"]["ci"]["principal_id"], guid, subscription):
            yield
    finally:
        platform.call("DELETE", role, ROLES_API_VERSION)


def nobody_reads(platform: Platform, role: str, output: str) -> AbstractContextManager[None]:
    return platform.granted(platform.probe("nobody"), role, platform.outputs[output])


def web_activity_outside(platform: Platform) -> AbstractContextManager[None]:
    pipeline = platform.outputs["data_factory_pipelines"]["network-probe"]
    activities = platform.call("GET", pipeline, api_version(pipeline))["properties"]["activities"]
    del activities[0]["typeProperties"]["connectVia"]
    return platform.changed(pipeline, {"properties.activities": activities})


@contextmanager
def trigger_started(platform: Platform) -> Iterator[None]:
    trigger = platform.outputs["data_factory_triggers"]["daily"]["id"]
    platform.call("POST", f"{trigger}/start", api_version(trigger))
    try:
        yield
    finally:
        platform.call("POST", f"{trigger}/stop", api_version(trigger))


@contextmanager
def a_lease(platform: Platform, **changes: Any) -> Iterator[None]:
    """Written down, as somebody on another machine left it."""
    somebody = Owner("somebody", "another machine", ProcessId(0, ""))
    lease = replace(Lease.new(somebody, timedelta(minutes=30), datetime.now(UTC)), **changes)
    with arm_client(platform.connection) as client:
        journal = Journal(client, platform.outputs["resource_group_id"])
        journal.write(lease)
        try:
            yield
        finally:
            journal.forget(lease)


def state_account(platform: Platform) -> str:
    return read_backend(platform.connection.environment).account_id


def state(platform: Platform, **properties: Any) -> AbstractContextManager[None]:
    return platform.changed(
        state_account(platform), {f"properties.{name}": value for name, value in properties.items()}
    )


@contextmanager
def public_states(platform: Platform) -> Iterator[None]:
    container = read_backend(platform.connection.environment).container_id
    with (
        state(platform, allowBlobPublicAccess=True),
        platform.changed(container, {"properties.publicAccess": "Container"}),
    ):
        yield


@contextmanager
def no_state(platform: Platform) -> Iterator[None]:
    backend = read_backend(platform.connection.environment)
    place = platform.connection.runner
    engineer = Actor("engineer", place, runner_credential(platform.connection), "")
    with engineer.blobs(f"https://{backend.storage_account_name}.blob.core.windows.net") as service:
        blob = service.get_blob_client(backend.container_name, backend.key)
        content = blob.download_blob().readall()
        blob.delete_blob()
        try:
            yield
        finally:
            blob.upload_blob(content)


POOL_ADDRESSES = "properties.networkConfiguration.publicIPAddressConfiguration"
PASSWORDS = "basicPublishingCredentialsPolicies"


# what breaks -> (how, {the check that must see it: a word of its reason})
MUTATIONS: dict[str, tuple[Callable[[Platform], AbstractContextManager[None]], dict[str, str]]] = {
    "storage firewall open": (
        lambda p: open_firewall(p, "storage_account_id"),
        {"storage-internet-write-denied": "was allowed", "posture-storage": "defaultAction"},
    ),
    "lake firewall open": (
        lambda p: open_firewall(p, "lake_storage_account_id"),
        {
            "storage-internet-lake-denied": "AuthorizationPermissionMismatch",
            "storage-internet-dfs-denied": "dlsmlplocal094da.dfs.core.windows.net from outside was allowed",
            "posture-storage": "defaultAction",
        },
    ),
    "pointers open to Data Factory's addresses": (
        lambda p: open_firewall(p, "pointer_storage_account_id"),
        {"adf-autoresolve-denied": "pointers was reached through the Auto-resolve runtime"},
    ),
    "function storage open": (
        lambda p: open_firewall(p, "function_storage_account_id"),
        {
            f"storage-internet-{kind}-denied": f"stfnmlplocal094da.{kind}.core.windows.net"
            for kind in ("blob", "dfs", "file", "queue", "table")
        },
    ),
    "pointers' firewall open": (
        lambda p: open_firewall(p, "pointer_storage_account_id"),
        {
            "storage-internet-pointers-denied": "AuthorizationPermissionMismatch",
            "posture-storage": "defaultAction",
        },
    ),
    "writer may write pointers": (
        lambda p: p.granted(p.probe("writer"), BLOB_DATA_CONTRIBUTOR, p.outputs["pointer_storage_account_id"]),
        {
            "storage-pointers-writer-denied": "was allowed",
            "storage-adf-managed-pointers": "was allowed",
            "rbac-probes-minimal": "writer has a role",
        },
    ),
    "function storage with old tls": (
        lambda p: p.changed(p.outputs["function_storage_account_id"], {"properties.minimumTlsVersion": "TLS1_0"}),
        {"posture-storage": "minimumTlsVersion"},
    ),
    "shared keys on": (
        lambda p: storage(p, allowSharedKeyAccess=True),
        {
            "storage-shared-key-denied": "AuthenticationFailed",
            "storage-account-sas-denied": "AuthenticationFailed",
            "storage-service-sas-denied": "AuthenticationFailed",
            "posture-storage": "allowSharedKeyAccess",
        },
    ),
    "shared keys of the lake on": (
        lambda p: p.changed(p.outputs["lake_storage_account_id"], {"properties.allowSharedKeyAccess": True}),
        {"storage-shared-key-denied": "dlsmlplocal094da.dfs", "storage-service-sas-denied": "dlsmlplocal094da.blob"},
    ),
    "anonymous access to blobs alone": (
        lambda p: public_container_by_arm(p, "Blob"),
        {"storage-anonymous-denied": "reading from stmlplocal094da.blob.core.windows.net/smoke without a token"},
    ),
    "anonymous access": (
        public_container,
        {"storage-anonymous-denied": "was allowed", "posture-storage": "allowBlobPublicAccess"},
    ),
    "anonymous access through Azure Resource Manager": (
        public_container_by_arm,
        {"storage-anonymous-denied": "was allowed", "posture-storage": "allowBlobPublicAccess"},
    ),
    "state account open": (
        lambda p: p.changed(state_account(p), {"properties.networkAcls.defaultAction": "Allow"}),
        {"state-managed-denied": "was allowed: it got as far as AuthorizationPermissionMismatch"},
    ),
    "state account with keys": (
        lambda p: state(p, allowSharedKeyAccess=True),
        {"state-shared-key-denied": "was allowed: it got as far as AuthenticationFailed"},
    ),
    "states for everybody": (
        public_states,
        {"state-anonymous-denied": "listing the states without a token was allowed"},
    ),
    "states over plain http": (
        lambda p: state(p, supportsHttpsTrafficOnly=False),
        {"state-plain-http-denied": "was allowed"},
    ),
    "writer reads the states": (
        lambda p: p.granted(p.probe("writer"), BLOB_DATA_READER, state_account(p)),
        {"state-writer-denied": "reading the state as writer was allowed"},
    ),
    "nobody reads the states": (
        lambda p: p.granted(p.probe("nobody"), BLOB_DATA_READER, state_account(p)),
        {"state-nobody-denied": "listing the states as nobody was allowed"},
    ),
    "state gone": (no_state, {"state-readable": "404"}),
    "plain http": (
        lambda p: storage(p, supportsHttpsTrafficOnly=False),
        {"storage-plain-http-denied": "was allowed", "posture-storage": "supportsHttpsTrafficOnly"},
    ),
    "plain http at the pointers": (
        lambda p: p.changed(p.outputs["pointer_storage_account_id"], {"properties.supportsHttpsTrafficOnly": False}),
        {"storage-plain-http-denied": "stcpmlplocal094da"},
    ),
    "old tls": (lambda p: storage(p, minimumTlsVersion="TLS1_0"), {"posture-storage": "minimumTlsVersion"}),
    "storage closed to temporary rules": (
        lambda p: storage(p, publicNetworkAccess="Disabled"),
        {"posture-storage": "publicNetworkAccess"},
    ),
    "writer without its role": (
        lambda p: p.revoked(p.probe("writer"), BLOB_DATA_CONTRIBUTOR),
        {
            "storage-vnet-write": "AuthorizationPermissionMismatch",
            "storage-vnet-read": "AuthorizationPermissionMismatch",
            "storage-adf-managed-write": "AuthorizationPermissionMismatch",
            "storage-aml-managed-write": "AuthorizationPermissionMismatch",
            "rbac-assignments": "does not exist",
        },
    ),
    "reader without its role": (
        lambda p: p.revoked(p.probe("reader"), BLOB_DATA_READER),
        {"storage-vnet-read": "AuthorizationPermissionMismatch", "rbac-assignments": "does not exist"},
    ),
    "reader may write": (
        reader_writes,
        {
            "storage-reader-write-denied": "was allowed",
            "storage-reader-change-denied": "setting a blob's tier was allowed: it got as far as BlobNotFound",
            "rbac-probes-minimal": "reader has a role",
        },
    ),
    "reader may tag": (
        lambda p: p.granted(
            p.probe("reader"), BLOB_DATA_OWNER, p.outputs["storage_containers"][p.outputs["smoke_container_name"]]
        ),
        {"storage-reader-change-denied": "setting a blob's tags was allowed"},
    ),
    "reader reads the lake": (
        lambda p: p.granted(p.probe("reader"), BLOB_DATA_READER, p.outputs["lake_containers"]["raw"]),
        {"storage-reader-elsewhere-denied": "dlsmlplocal094da.dfs.core.windows.net/raw was allowed"},
    ),
    "writer on the whole account": (
        lambda p: p.granted(p.probe("writer"), BLOB_DATA_CONTRIBUTOR, p.outputs["storage_account_id"]),
        {
            "storage-writer-containers-denied": "adftrain was allowed: it got as far as ConditionNotMet",
            "storage-delegation-key-denied": "stmlplocal094da.blob.core.windows.net was allowed",
        },
    ),
    "nobody may read blobs": (
        lambda p: nobody_reads(p, BLOB_DATA_READER, "storage_account_id"),
        {
            "storage-nobody-read-denied": "was allowed",
            "storage-nobody-accounts-denied": "listing the containers of stmlplocal094da",
            "rbac-probes-minimal": "nobody has a role",
        },
    ),
    "nobody may write the lake": (
        lambda p: p.granted(p.probe("nobody"), BLOB_DATA_CONTRIBUTOR, p.outputs["lake_containers"]["curated"]),
        {
            "storage-nobody-write-denied": "writing to dlsmlplocal094da.dfs.core.windows.net/curated was allowed",
            "storage-nobody-accounts-denied": "dlsmlplocal094da.blob.core.windows.net/curated was allowed",
        },
    ),
    "no DNS record": (
        no_record,
        {"dns-storage-private": "does not resolve"},
    ),
    "zone not linked": (
        no_link,
        {"dns-storage-private": "outside the network's"},
    ),
    "vault open": (
        open_vault,
        {"keyvault-internet-denied": "was allowed", "posture-key-vault": "publicNetworkAccess"},
    ),
    "vault reader without its role": (
        lambda p: p.revoked(p.probe("reader"), KEY_VAULT_READER),
        {"keyvault-vnet-list": "ForbiddenByRbac", "rbac-assignments": "does not exist"},
    ),
    "vault reader may read values": (
        lambda p: p.granted(p.probe("reader"), KEY_VAULT_SECRETS_USER, p.outputs["key_vault_id"]),
        {
            "keyvault-reader-value-denied": "was allowed: it got as far as SecretNotFound",
            "rbac-probes-minimal": "reader has a role",
        },
    ),
    "nobody may list secrets": (
        lambda p: nobody_reads(p, KEY_VAULT_READER, "key_vault_id"),
        {
            "keyvault-nobody-denied": "was allowed",
            "keyvault-nobody-keys-denied": "listing keys was allowed",
            "rbac-probes-minimal": "nobody has a role",
        },
    ),
    "factory without the identity that Batch knows": (
        lambda p: p.changed(p.outputs["data_factory_id"], {"identity": {"type": "SystemAssigned"}}),
        {"adf-identity": "the identity factory (id-mlp-local-094da-factory)"},
    ),
    "function app without its identity": (
        lambda p: p.changed(p.outputs["function_app_id"], {"identity": {"type": "None"}}),
        {"posture-function-app": "the identity function (id-mlp-local-094da-function)"},
    ),
    "linked service outside": (linked_service_outside, {"adf-linked-services-private": "Auto-resolve"}),
    "factory open": (
        lambda p: p.changed(p.outputs["data_factory_id"], {"properties.publicNetworkAccess": "Enabled"}),
        {"posture-data-factory": "publicNetworkAccess"},
    ),
    "workspace open": (
        lambda p: workspace(p, publicNetworkAccess="Enabled"),
        {"workspace-private": "publicNetworkAccess", "workspace-internet-denied": "was allowed"},
    ),
    "workspace with keys": (
        lambda p: workspace(p, systemDatastoresAuthMode="AccessKey"),
        {"workspace-identity-datastores": "systemDatastoresAuthMode"},
    ),
    "no way to the default storage account": (
        no_outbound_rule,
        {"workspace-outbound-endpoints": "storage account's blobs"},
    ),
    "nodes always running": (running_nodes, {"workspace-compute-scales-to-zero": "keeps 1 nodes"}),
    "registry with an admin user": (
        lambda p: p.changed(p.outputs["container_registry_id"], {"properties.adminUserEnabled": True}),
        {"posture-container-registry": "adminUserEnabled", "registry-admin-denied": "password was allowed"},
    ),
    "registry with anonymous pull": (
        lambda p: p.changed(p.outputs["container_registry_id"], {"properties.anonymousPullEnabled": True}),
        {"posture-container-registry": "anonymousPullEnabled", "registry-anonymous-denied": "was allowed"},
    ),
    "registry open": (
        lambda p: p.changed(
            p.outputs["container_registry_id"],
            {
                "properties.publicNetworkAccess": "Enabled",
                "properties.policies.exportPolicy.status": "enabled",
                "properties.networkRuleSet.defaultAction": "Allow",
            },
        ),
        {"registry-internet-denied": "was allowed: it got as far as UNAUTHORIZED"},
    ),
    "nobody may pull": (
        lambda p: nobody_reads(p, ACR_PULL, "container_registry_id"),
        {"registry-nobody-denied": "was allowed"},
    ),
    "no DNS record of the registry": (
        lambda p: no_record_of(p, "privatelink.azurecr.io"),
        {"dns-registry-private": "does not resolve"},
    ),
    "registry for tokens of its own alone": (
        lambda p: p.changed(
            p.outputs["container_registry_id"],
            {"properties.policies.azureADAuthenticationAsArmPolicy.status": "disabled"},
        ),
        {"registry-vnet-catalog": "UNAUTHORIZED"},
    ),
    "no DNS record of the Batch account": (
        lambda p: no_record_of(p, "privatelink.batch.azure.com"),
        {"dns-batch-private": "does not resolve"},
    ),
    "no DNS record of the function app": (
        lambda p: no_record_of(p, "privatelink.azurewebsites.net"),
        {"dns-function-private": "does not resolve"},
    ),
    "function app switched off": (
        lambda p: p.changed(p.outputs["function_app_id"], {"properties.enabled": False}),
        {"function-vnet-reached": "403"},
    ),
    "no DNS record of the function's storage": (
        lambda p: p.deleted(f"{zone(p)}/A/{p.outputs['function_storage_account_name']}", DNS_API_VERSION),
        {"dns-function-storage-private": "does not resolve"},
    ),
    "DNS record of another endpoint": (
        record_of_another_endpoint,
        {"dns-lake-private": "which is not the address of its private endpoint (10.40."},
    ),
    "no DNS record of the workspace": (
        lambda p: no_record_of(p, "privatelink.api.azureml.ms"),
        {"dns-workspace-private": "does not resolve"},
    ),
    "workspace shown to nobody": (
        lambda p: nobody_reads(p, READER, "machine_learning_workspace_id"),
        {"workspace-nobody-denied": "was allowed"},
    ),
    "Batch account shown to nobody": (
        lambda p: nobody_reads(p, READER, "batch_account_id"),
        {"batch-nobody-denied": "listing pools of the Batch account was allowed"},
    ),
    "Batch account open": (
        lambda p: p.changed(
            p.outputs["batch_account_id"],
            {
                "properties.publicNetworkAccess": "Enabled",
                "properties.networkProfile": {"accountAccess": {"defaultAction": "Allow"}},
            },
        ),
        {
            "batch-internet-denied": "was allowed: it got as far as PermissionDenied",
            "posture-batch-account": "everybody",
        },
    ),
    "function app open": (
        lambda p: p.changed(p.outputs["function_app_id"], {"properties.publicNetworkAccess": "Enabled"}),
        {"function-internet-denied": "scm.azurewebsites.net from outside was allowed"},
    ),
    "vault reader may write": (
        lambda p: p.granted(p.probe("reader"), KEY_VAULT_SECRETS_OFFICER, p.outputs["key_vault_id"]),
        {"keyvault-reader-change-denied": "writing a secret was allowed: it got as far as BadParameter"},
    ),
    "no versioning": (no_versioning, {"posture-blob-recovery": "isVersioningEnabled"}),
    "no diagnostics": (no_diagnostics, {"posture-diagnostics": "the key vault sends no logs"}),
    "alert off": (lambda p: alert(p, enabled=False), {"posture-alerts": "failed-pipelines is off"}),
    "alert unheard": (lambda p: alert(p, actions=[]), {"posture-alerts": "failed-pipelines tells nobody"}),
    "alert without a receiver": (
        lambda p: p.changed(p.outputs["action_group_id"], {"properties.emailReceivers": []}),
        {"posture-alert-receivers": "failed-pipelines reaches nobody: the action group has no receiver"},
    ),
    "budget unheard": (
        lambda p: p.changed(p.outputs["budget_id"], {"properties.notifications": {}}),
        {"posture-alerts": "the budget tells nobody"},
    ),
    "a lease that expired": (
        lambda p: a_lease(p, expires=datetime.now(UTC) - timedelta(minutes=1)),
        {"posture-leases-closed": "of somebody is left: it expired"},
    ),
    "a lease whose process is gone": (
        lambda p: a_lease(p, owner=Owner("me", socket.gethostname(), ProcessId(2**22 - 1, "never"))),
        {"posture-leases-closed": "of me is left: its process 4194303 is gone"},
    ),
    "a lease whose closing was cut off": (
        lambda p: a_lease(p, written="closing"),
        {"posture-leases-closed": "of somebody is left: its closing was cut off"},
    ),
    "an address that nobody meant": (
        lambda p: storage(p, **{"networkAcls.ipRules": [{"action": "Allow", "value": "198.51.100.9"}]}),
        {"posture-leases-closed": "stmlplocal094da lets 198.51.100.9 in", "network-exceptions": "198.51.100.9"},
    ),
    "an address in the vault's rules": (
        lambda p: p.changed(
            p.outputs["key_vault_id"], {"properties.networkAcls.ipRules": [{"value": "198.51.100.9/32"}]}
        ),
        {"posture-leases-closed": "key vault kv-mlplocal-094da lets 198.51.100.9 in"},
    ),
    "an address in the registry's rules": (
        lambda p: p.changed(
            p.outputs["container_registry_id"],
            {"properties.networkRuleSet.ipRules": [{"action": "Allow", "value": "198.51.100.9"}]},
        ),
        {"posture-leases-closed": "container registry crmlplocal094da lets 198.51.100.9 in"},
    ),
    "web activity outside": (
        web_activity_outside,
        {"adf-pipelines-private": "network-probe/Probe connects via the Auto"},
    ),
    "factory without its role on the training data": (
        lambda p: p.revoked(p.outputs["data_factory_principal_id"], BLOB_DATA_CONTRIBUTOR, "/containers/adftrain"),
        {"adf-managed-reads-pointers": "training from its managed network: the identity has no data role"},
    ),
    "pipeline emptied": (
        lambda p: p.changed(p.outputs["data_factory_pipelines"]["network-probe"], {"properties.activities": []}),
        {"adf-pipelines-private": "the pipeline network-probe does nothing"},
    ),
    "cluster gone": (
        lambda p: p.deleted(
            p.outputs["machine_learning_computes"]["cpu-cluster"],
            api_version(p.outputs["machine_learning_workspace_id"]),
        ),
        {"workspace-compute-scales-to-zero": "the cluster cpu-cluster is missing"},
    ),
    "trigger started by hand": (trigger_started, {"adf-triggers": "trigger daily is Started, not Stopped"}),
    "batch with keys": (
        lambda p: p.changed(
            p.outputs["batch_account_id"], {"properties.allowedAuthenticationModes": ["AAD", "SharedKey"]}
        ),
        {"posture-batch-account": "takes shared keys", "batch-shared-key-denied": "got as far as AuthenticationFailed"},
    ),
    "batch nodes with public addresses": (
        lambda p: p.changed(p.outputs["batch_pool_id"], {f"{POOL_ADDRESSES}.provision": "BatchManaged"}),
        {"posture-batch-account": "have public addresses", "batch-vnet-pool": "get public addresses"},
    ),
    "function app with a password": (
        lambda p: p.changed(f"{p.outputs['function_app_id']}/{PASSWORDS}/scm", {"properties.allow": True}),
        {
            "posture-function-app": "published to with a password (scm)",
            "function-password-denied": "with the app's password was allowed",
        },
    ),
    "a broad role": (broad_role, {"rbac-no-broad-roles": "the data factory has Contributor on /subscriptions/"}),
    "a data role on the subscription": (
        data_role_on_the_subscription,
        {"rbac-no-broad-roles": "the data factory has Storage Blob Data Contributor on /subscriptions/"},
    ),
    "a custom role of everything": (
        custom_role_of_everything,
        {"rbac-no-broad-roles": "the identity ci has Harmless on /subscriptions/"},
    ),
}


# What follows cannot be put right, so it comes last: a rejected connection stays rejected, a new identity has a new id.


def reject(platform: Platform, target: str, endpoints: Mapping[str, Any]) -> None:
    """The connections on ``target`` that come from ``endpoints``, by the end of their ids."""
    version = api_version(target)
    found = platform.call("GET", f"{target}/privateEndpointConnections", version)["value"]
    names = [one["id"].split("/")[-1].casefold() for one in endpoints.values()]
    ours = [c for c in found for n in names if c["properties"]["privateEndpoint"]["id"].casefold().endswith(n)]
    assert ours
    for one in ours:
        state = {"privateLinkServiceConnectionState": {"status": "Rejected", "description": "test"}}
        platform.call("PUT", one["id"], version, {"properties": state})


def reject_managed_endpoint(platform: Platform) -> None:
    managed = platform.outputs["data_factory_managed_private_endpoints"]
    for account in ("storage_account_id", "pointer_storage_account_id"):
        reject(platform, platform.outputs[account], managed)


def reject_private_endpoint(platform: Platform) -> None:
    reject(platform, platform.outputs["key_vault_id"], platform.outputs["private_endpoints"])


def remove_identity(platform: Platform) -> None:
    factory = platform.outputs["data_factory_id"]
    body = platform.call("GET", factory, api_version(factory))
    platform.call("PUT", factory, api_version(factory), {**body, "identity": {"type": "None"}})


def remove_runtime(platform: Platform) -> None:
    """What names it goes before it, and of each kind first what names others of its kind."""
    factory = platform.outputs["data_factory_id"]
    for kind, first in {"triggers": "", "pipelines": "train-and-deploy", "linkedservices": "ls_batch"}.items():
        found = platform.call("GET", f"{factory}/{kind}", api_version(factory))["value"]
        for one in sorted(found, key=lambda one: one["name"] != first):
            platform.call("DELETE", one["id"], api_version(factory))
    name = platform.outputs["data_factory_integration_runtime_name"]
    platform.call("DELETE", f"{factory}/integrationRuntimes/{name}", api_version(factory))


def delete_container(platform: Platform) -> None:
    container = platform.outputs["storage_containers"][platform.outputs["smoke_container_name"]]
    platform.call("DELETE", container, api_version(container))


BREAKAGES: dict[str, tuple[Callable[[Platform], None], dict[str, str]]] = {
    "managed endpoint rejected": (
        reject_managed_endpoint,
        {"adf-endpoints-approved": "Rejected on its target"},
    ),
    "private endpoint rejected": (
        reject_private_endpoint,
        {"posture-private-endpoints": "Rejected", "keyvault-vnet-list": "is Rejected"},
    ),
    "factory without identity": (remove_identity, {"adf-identity": "the factory's identity is None"}),
    "runtime gone": (
        remove_runtime,
        {"adf-runtime-ready": "does not exist", "adf-linked-services-private": "no linked service"},
    ),
    "container deleted": (delete_container, {"posture-blob-recovery": "the container smoke of stmlplocal"}),
}
