"""A healthy platform is all green, twice; every way of breaking it that is listed here turns a named check red."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential

from tests.conftest import copy_project
from tests.contract.smoke_platform import Platform, toolkit
from toolkit.azure.clients import Actor
from toolkit.environment import Connection, connect, load_environment
from toolkit.project import Project
from toolkit.sandbox import client
from toolkit.smoke.checks.common import DIAGNOSTICS_API_VERSION, api_version
from toolkit.smoke.context import BLOB_PREFIX
from toolkit.smoke.engine import run
from toolkit.smoke.registry import CHECKS

pytestmark = pytest.mark.contract

BLOB_DATA_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
KEY_VAULT_READER = "21090545-7ca7-4776-b22c-e363652d74d2"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
DNS_API_VERSION = "2020-06-01"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    project = copy_project(tmp_path_factory.mktemp("smoke"))
    try:
        applied = toolkit(project, "apply", "local", "--no-smoke", "--json")
        assert applied.returncode == 0, applied.stderr
        connection = connect(load_environment("local", Project(project)))
        platform = Platform(project, connection, json.loads(applied.stdout)["platform_outputs"])
        yield platform
        platform.close()
    finally:
        client.stop(project)


def test_a_healthy_platform_is_all_green_twice_and_nothing_is_left_behind(platform: Platform) -> None:
    for _ in range(2):
        result = run(platform.connection, platform.outputs, CHECKS)
        assert [(one.check.id, one.reason) for one in result.results if one.outcome != "PASS"] == []
        assert [one.check.id for one in result.results] == [check.id for check in CHECKS]
    assert blobs(platform) == []


def test_denials_carry_azures_own_codes(platform: Platform) -> None:
    found = platform.smoke(*(check.id for check in CHECKS if check.id.endswith("-denied")))
    assert {name: (one.evidence["status"], one.evidence["code"]) for name, one in found.items()} == {
        "storage-reader-write-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-nobody-read-denied": (403, "AuthorizationPermissionMismatch"),
        "storage-internet-write-denied": (403, "AuthorizationFailure"),
        "storage-internet-lake-denied": (403, "AuthorizationFailure"),
        "storage-shared-key-denied": (403, "KeyBasedAuthenticationNotPermitted"),
        "storage-anonymous-denied": (401, "NoAuthenticationInformation"),
        "storage-plain-http-denied": (400, "AccountRequiresHttps"),
        "keyvault-reader-value-denied": (403, "ForbiddenByRbac"),
        "keyvault-nobody-denied": (403, "ForbiddenByRbac"),
        "keyvault-internet-denied": (403, "ForbiddenByConnection"),
    }


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


def open_vault(platform: Platform) -> AbstractContextManager[None]:
    changes = {"properties.publicNetworkAccess": "Enabled", "properties.networkAcls.defaultAction": "Allow"}
    return platform.changed(platform.outputs["key_vault_id"], changes)


def zone(platform: Platform) -> str:
    return str(platform.outputs["private_dns_zones"]["privatelink.blob.core.windows.net"])


def no_record(platform: Platform) -> AbstractContextManager[None]:
    return platform.deleted(f"{zone(platform)}/A/{platform.outputs['storage_account_name']}", DNS_API_VERSION)


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


@contextmanager
def lock_gone(platform: Platform) -> Iterator[None]:
    """`local` has no locks: one that Terraform made, and that somebody lifted."""
    lock = f"{platform.outputs['storage_account_id']}/providers/Microsoft.Authorization/locks/do-not-delete"
    standing = platform.outputs["locks"]
    platform.outputs["locks"] = {**standing, "storage": lock}
    try:
        yield
    finally:
        platform.outputs["locks"] = standing


def reader_writes(platform: Platform) -> AbstractContextManager[None]:
    container = platform.outputs["storage_containers"][platform.outputs["smoke_container_name"]]
    return platform.granted(platform.probe("reader"), BLOB_DATA_CONTRIBUTOR, container)


def broad_role(platform: Platform) -> AbstractContextManager[None]:
    subscription = f"/subscriptions/{platform.connection.environment.subscription_id}"
    return platform.granted(platform.outputs["data_factory_principal_id"], CONTRIBUTOR, subscription)


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
        {"storage-internet-lake-denied": "AuthorizationPermissionMismatch", "posture-storage": "defaultAction"},
    ),
    "shared keys on": (
        lambda p: storage(p, allowSharedKeyAccess=True),
        {"storage-shared-key-denied": "AuthenticationFailed", "posture-storage": "allowSharedKeyAccess"},
    ),
    "anonymous access": (
        public_container,
        {"storage-anonymous-denied": "was allowed", "posture-storage": "allowBlobPublicAccess"},
    ),
    "plain http": (
        lambda p: storage(p, supportsHttpsTrafficOnly=False),
        {"storage-plain-http-denied": "another reason", "posture-storage": "supportsHttpsTrafficOnly"},
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
            "rbac-assignments": "does not exist",
        },
    ),
    "reader without its role": (
        lambda p: p.revoked(p.probe("reader"), BLOB_DATA_READER),
        {"storage-vnet-read": "AuthorizationPermissionMismatch", "rbac-assignments": "does not exist"},
    ),
    "reader may write": (
        reader_writes,
        {"storage-reader-write-denied": "was allowed", "rbac-probes-minimal": "reader has a role"},
    ),
    "nobody may read blobs": (
        lambda p: nobody_reads(p, BLOB_DATA_READER, "storage_account_id"),
        {"storage-nobody-read-denied": "was allowed", "rbac-probes-minimal": "nobody has a role"},
    ),
    "no DNS record": (
        no_record,
        {"dns-storage-private": "does not resolve", "storage-vnet-write": "the host name does not resolve"},
    ),
    "zone not linked": (
        no_link,
        {"dns-storage-private": "outside the network's", "storage-vnet-write": "resolves to a public address"},
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
        {"keyvault-reader-value-denied": "another reason", "rbac-probes-minimal": "reader has a role"},
    ),
    "nobody may list secrets": (
        lambda p: nobody_reads(p, KEY_VAULT_READER, "key_vault_id"),
        {"keyvault-nobody-denied": "was allowed", "rbac-probes-minimal": "nobody has a role"},
    ),
    "linked service outside": (linked_service_outside, {"adf-linked-services-private": "Auto-resolve"}),
    "factory open": (
        lambda p: p.changed(p.outputs["data_factory_id"], {"properties.publicNetworkAccess": "Enabled"}),
        {"posture-data-factory": "publicNetworkAccess"},
    ),
    "workspace open": (
        lambda p: workspace(p, publicNetworkAccess="Enabled"),
        {"workspace-private": "publicNetworkAccess"},
    ),
    "workspace with keys": (
        lambda p: workspace(p, systemDatastoresAuthMode="AccessKey"),
        {"workspace-identity-datastores": "systemDatastoresAuthMode"},
    ),
    "nodes always running": (running_nodes, {"workspace-compute-scales-to-zero": "keeps 1 nodes"}),
    "registry with an admin user": (
        lambda p: p.changed(p.outputs["container_registry_id"], {"properties.adminUserEnabled": True}),
        {"posture-container-registry": "adminUserEnabled"},
    ),
    "no versioning": (no_versioning, {"posture-blob-recovery": "isVersioningEnabled"}),
    "no diagnostics": (no_diagnostics, {"posture-diagnostics": "the key vault sends no logs"}),
    "alert off": (lambda p: alert(p, enabled=False), {"posture-alerts": "failed-pipelines is off"}),
    "alert unheard": (lambda p: alert(p, actions=[]), {"posture-alerts": "failed-pipelines tells nobody"}),
    "budget unheard": (
        lambda p: p.changed(p.outputs["budget_id"], {"properties.notifications": {}}),
        {"posture-alerts": "the budget tells nobody"},
    ),
    "lock lifted": (lock_gone, {"posture-locks": "404"}),
    "web activity outside": (
        web_activity_outside,
        {"adf-pipelines-private": "network-probe/Probe connects via the Auto"},
    ),
    "trigger started by hand": (trigger_started, {"adf-triggers": "trigger daily is Started, not Stopped"}),
    "batch with keys": (
        lambda p: p.changed(
            p.outputs["batch_account_id"], {"properties.allowedAuthenticationModes": ["AAD", "SharedKey"]}
        ),
        {"posture-batch-account": "takes shared keys"},
    ),
    "batch nodes with public addresses": (
        lambda p: p.changed(p.outputs["batch_pool_id"], {f"{POOL_ADDRESSES}.provision": "BatchManaged"}),
        {"posture-batch-account": "have public addresses"},
    ),
    "function app with a password": (
        lambda p: p.changed(f"{p.outputs['function_app_id']}/{PASSWORDS}/scm", {"properties.allow": True}),
        {"posture-function-app": "published to with a password (scm)"},
    ),
    "a broad role": (broad_role, {"rbac-no-broad-roles": "has Contributor on /subscriptions/"}),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_turns_its_checks_red_and_putting_it_right_green(platform: Platform, name: str) -> None:
    mutate, expected = MUTATIONS[name]
    with mutate(platform):
        found = platform.smoke(*expected)
    assert {check: one.outcome for check, one in found.items()} == dict.fromkeys(expected, "FAIL")
    assert {check: word in found[check].reason for check, word in expected.items()} == dict.fromkeys(expected, True), {
        check: one.reason for check, one in found.items()
    }
    assert {check: one.reason for check, one in platform.smoke(*expected).items() if one.outcome != "PASS"} == {}


def test_a_refusal_for_dns_says_so(platform: Platform) -> None:
    with no_link(platform):
        found = platform.smoke("storage-vnet-write")["storage-vnet-write"]
    assert found.evidence["denial"] == "private-dns"
    assert "link the private DNS zone" in (found.hint or "")


def test_a_laptop_skips_what_it_cannot_do_and_the_run_is_red(platform: Platform) -> None:
    place = platform.connection
    alone = Connection(
        place.environment,
        {"internet": place.vantages["internet"]},
        None,
        {k: v for k, v in place.credential_settings.items() if not k.startswith("ACTIONS_")},
    )
    result = run(alone, platform.outputs, CHECKS, patience=0)
    skipped = {one.check.id: one.requirement for one in result.results if one.outcome == "SKIP"}
    assert skipped["storage-vnet-write"] == "vantage:vnet"
    assert skipped["storage-internet-write-denied"] == "identity:writer"
    assert [one for one in result.results if one.outcome == "FAIL"] == []
    assert result.count("PASS") >= 15
    assert not result.green


def test_leftovers_of_a_killed_run_are_swept_and_fresh_ones_are_not(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the sweep is moved instead of the blob's."""
    from toolkit.smoke.checks import storage as module

    container = platform.outputs["smoke_container_name"]
    writer = platform.actor("writer", "vnet")
    with writer.blobs(platform.outputs["storage_blob_endpoint"]) as service:
        service.get_blob_client(container, f"{BLOB_PREFIX}killed/blob").upload_blob(b"left")
    assert platform.smoke("storage-vnet-write")["storage-vnet-write"].evidence["swept"] == 0
    assert blobs(platform) == [f"{BLOB_PREFIX}killed/blob"]

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(hours=2)

    monkeypatch.setattr(module, "datetime", Later)
    assert platform.smoke("storage-vnet-write")["storage-vnet-write"].evidence["swept"] >= 1
    assert blobs(platform) == []


def test_the_command(platform: Platform, tmp_path: Path) -> None:
    junit = tmp_path / "reports" / "smoke.xml"
    done = toolkit(platform.project, "smoke", "local", "--json", "--category", "keyvault", "--junit", str(junit))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["green"] is True
    assert [one["outcome"] for one in document["checks"]] == ["PASS"] * 4
    assert len(ET.parse(junit).findall(".//testcase")) == 4
    folder = max((platform.project / ".toolkit" / "local" / "evidence").iterdir())
    assert {"smoke.json", "smoke.junit.xml", "smoke.md"} <= {path.name for path in folder.iterdir()}
    secret = platform.connection.credential_settings["AZURE_CLIENT_SECRET"]
    assert not [path for path in folder.iterdir() if secret in path.read_text()]


def test_the_command_fails_when_the_platform_is_broken(platform: Platform) -> None:
    with open_firewall(platform, "storage_account_id"):
        done = toolkit(
            platform.project, "smoke", "local", "--check", "storage-internet-write-denied", "--patience", "0"
        )
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    assert "docs/checks.md#storage-internet-write-denied" in done.stdout


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_cleans_up(platform: Platform, signum: int) -> None:
    """The check waits, because the firewall is open: its blob of every attempt must be gone when it is interrupted."""
    arguments = ["smoke", "local", "--check", "storage-internet-write-denied", "--patience", "1"]
    with open_firewall(platform, "storage_account_id"):
        process = subprocess.Popen(
            [sys.executable, "-m", "toolkit", *arguments],
            env={**os.environ, "TOOLKIT_PROJECT": str(platform.project)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stderr is not None
        for line in process.stderr:
            if "waiting up to" in line:
                process.send_signal(signum)
                break
        rest = process.stderr.read()
        code = process.wait()
        watchdog.cancel()
    assert (code, rest.splitlines()[-1:]) == (130, ["interrupted"])
    assert blobs(platform) == []


def blobs(platform: Platform) -> list[str]:
    writer = platform.actor("writer", "vnet")
    with writer.blobs(platform.outputs["storage_blob_endpoint"]) as service:
        container = service.get_container_client(platform.outputs["smoke_container_name"])
        return [blob.name for blob in container.list_blobs(name_starts_with=BLOB_PREFIX)]


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
    reject(platform, platform.outputs["storage_account_id"], managed)


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


BREAKAGES: dict[str, tuple[Callable[[Platform], None], dict[str, str]]] = {
    "managed endpoint rejected": (
        reject_managed_endpoint,
        {"adf-endpoints-approved": "Rejected on its target", "storage-adf-managed-write": "AuthorizationFailure"},
    ),
    "private endpoint rejected": (
        reject_private_endpoint,
        {"posture-private-endpoints": "Rejected", "keyvault-vnet-list": "HTTP"},
    ),
    "factory without identity": (remove_identity, {"adf-identity": "the factory's identity is None"}),
    "runtime gone": (
        remove_runtime,
        {"adf-runtime-ready": "does not exist", "adf-linked-services-private": "no linked service"},
    ),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_breakage_turns_its_checks_red(platform: Platform, name: str) -> None:
    breakage, expected = BREAKAGES[name]
    assert {one.outcome for one in platform.smoke(*expected).values()} == {"PASS"}
    breakage(platform)
    found = platform.smoke(*expected)
    assert {check: one.outcome for check, one in found.items()} == dict.fromkeys(expected, "FAIL")
    assert {check: word in found[check].reason for check, word in expected.items()} == dict.fromkeys(expected, True), {
        check: one.reason for check, one in found.items()
    }


def test_every_check_but_these_is_turned_red_by_a_breakage_above() -> None:
    seen = {check for _, checks in (*MUTATIONS.values(), *BREAKAGES.values()) for check in checks}
    assert {check.id for check in CHECKS} - seen == {
        *(f"dns-{name}-private" for name in ("lake", "vault", "registry", "workspace", "factory")),  # as -storage-
        "dns-public-outside",  # the sandbox has no way of putting a private address into public DNS
        "workspace-provisioned",  # nor of leaving a workspace half made
    }
