"""A platform that encrypts with keys of its own: applied, rotated, robbed of its keys, destroyed and made again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.rest import HttpRequest

from docs.generate import rbac
from tests.conftest import copy_project
from tests.contract.smoke_platform import Platform, applied_platform, toolkit
from toolkit.azure.clients import VAULT_API_VERSION, Actor
from toolkit.azure.credentials import runner_credential
from toolkit.records import Json

pytestmark = pytest.mark.contract

KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
USED, VALID = "posture-customer-managed-keys", "keyvault-keys-valid"
ON = 'customer_managed_keys = { enabled = true, rotate_after = "P1Y" }\n'


def data(project: Path, change: Callable[[str], str]) -> None:
    file = project / "envs" / "local" / "terraform.tfvars"
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")


def with_keys(text: str) -> str:
    protected = re.sub(r"retention_days\s*= 7\n(\s*purge_protection\s*=) false", r"retention_days = 90\n\1 true", text)
    assert protected != text
    return protected + ON


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    project = copy_project(tmp_path_factory.mktemp("keys"))
    data(project, with_keys)
    with applied_platform(project) as platform:
        yield platform


class Vault:
    """The vault's data plane, for somebody inside the network who may do everything with its keys."""

    def __init__(self, platform: Platform) -> None:
        place = platform.connection.vantages["vnet"]
        environment = platform.connection.environment
        self.actor = Actor("runner", place, runner_credential(platform.connection, place), environment.subscription_id)
        self.uri = platform.outputs["key_vault_uri"].rstrip("/")

    def __call__(self, method: str, path: str, body: Json | None = None) -> Json:
        with self.actor.vault(self.uri) as pipeline:
            request = HttpRequest(method, f"{self.uri}/{path}", params={"api-version": VAULT_API_VERSION}, json=body)
            response = pipeline.send_request(request)
            response.raise_for_status()
            answer: Json = response.json()
            return answer


@pytest.fixture(scope="module")
def vault(platform: Platform) -> Iterator[Vault]:
    engineer = runner_credential(platform.connection).get_token("https://management.azure.com/.default").token
    with platform.granted(object_id(engineer), KEY_VAULT_ADMINISTRATOR, platform.outputs["key_vault_id"]):
        yield Vault(platform)


def object_id(token: str) -> str:
    import base64

    body = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["oid"])


def outcomes(platform: Platform) -> dict[str, str]:
    return {check: one.outcome for check, one in platform.smoke(USED, VALID).items()}


def test_everything_is_encrypted_and_a_second_apply_changes_nothing(platform: Platform) -> None:
    assert outcomes(platform) == {USED: "PASS", VALID: "PASS"}
    services = platform.outputs["customer_managed_keys"]
    assert set(services) == {"storage", "container_registry", "data_factory", "machine_learning_workspace", "batch"}
    assert len(platform.smoke(USED)[USED].facts) >= 7
    assert toolkit(platform.project, "plan", "local").returncode == 0


def test_the_documented_roles_are_those_that_were_applied(platform: Platform) -> None:
    roles = {
        name: row
        for name, row in platform.outputs["role_assignments"].items()
        if row["role"] == "Key Vault Crypto Service Encryption User"
    }
    names = rbac.identity_names(platform.connection.environment, platform.outputs)
    assert rbac.matrix(roles, names, rbac.scope_names(platform.outputs), {}) in rbac.KEYS


@contextmanager
def key(vault: Vault, name: str, attributes: Json, after: Json) -> Iterator[None]:
    vault("PATCH", f"keys/{name}", {"attributes": attributes})
    try:
        yield
    finally:
        vault("PATCH", f"keys/{name}", {"attributes": after})


@contextmanager
def no_rotation(vault: Vault) -> Iterator[None]:
    before = vault("GET", "keys/storage/rotationpolicy")
    vault("PUT", "keys/storage/rotationpolicy", {"lifetimeActions": [], "attributes": {}})
    try:
        yield
    finally:
        vault("PUT", "keys/storage/rotationpolicy", before)


FAR = int(time.time()) + 10 * 365 * 24 * 3600
SOON = int(time.time()) + 3 * 24 * 3600
BREAKAGES: dict[str, tuple[Callable[[Platform, Vault], AbstractContextManager[None]], str, str]] = {
    "a key is disabled": (lambda p, v: key(v, "storage", {"enabled": False}, {"enabled": True}), VALID, "is disabled"),
    "a key expires": (lambda p, v: key(v, "batch", {"exp": SOON}, {"exp": FAR}), VALID, "expires in"),
    "a key has expired": (lambda p, v: key(v, "batch", {"exp": 1}, {"exp": FAR}), VALID, "has expired"),
    "a key rotates no more": (lambda p, v: no_rotation(v), VALID, "rotates after no time, not P1Y"),
    "the lake has Microsoft's key": (
        lambda p, v: p.changed(
            p.outputs["lake_storage_account_id"],
            {"properties.encryption.keySource": "Microsoft.Storage", "properties.encryption.keyvaultproperties": None},
        ),
        USED,
        "is encrypted with a key of Microsoft's",
    ),
    "the account has another service's key": (
        lambda p, v: p.changed(
            p.outputs["storage_account_id"], {"properties.encryption.keyvaultproperties.keyname": "container-registry"}
        ),
        USED,
        "keys/container-registry, not with",
    ),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_breakage_turns_its_check_red(platform: Platform, vault: Vault, name: str) -> None:
    breakage, check, words = BREAKAGES[name]
    with breakage(platform, vault):
        found = platform.smoke(check)[check]
        assert found.outcome == "FAIL"
        assert words in found.reason
    assert platform.smoke(check)[check].outcome == "PASS"


def test_nobody_reads_a_blob_while_the_key_is_disabled(platform: Platform, vault: Vault) -> None:
    with key(vault, "storage", {"enabled": False}, {"enabled": True}):
        found = platform.smoke("storage-vnet-read")["storage-vnet-read"]
        assert found.outcome == "FAIL"
        assert "KeyVaultEncryptionKeyNotFound" in str(found.facts)
    assert platform.smoke("storage-vnet-read")["storage-vnet-read"].outcome == "PASS"


def test_a_new_version_reaches_the_workspace_with_the_next_apply(platform: Platform, vault: Vault) -> None:
    vault("POST", "keys/machine-learning-workspace/rotate")
    planned = toolkit(platform.project, "plan", "local", "--json")
    changes = json.loads(planned.stdout)["changes"]
    assert [(one["address"], one["action"]) for one in changes] == [
        ("module.machine_learning_workspace.azapi_resource.this", "update")
    ]
    assert toolkit(platform.project, "apply", "local", "--no-smoke", "--yes").returncode == 0
    assert toolkit(platform.project, "plan", "local").returncode == 0


def test_giving_the_keys_up_is_refused_and_names_each_resource(platform: Platform) -> None:
    data(platform.project, lambda text: text.replace(ON, ""))
    try:
        refused = toolkit(platform.project, "apply", "local", "--no-smoke", "--yes")
    finally:
        data(platform.project, lambda text: text + ON)
    assert refused.returncode == 4
    assert "Azure refuses these changes of what stands" in refused.stderr
    for module in ("container_registry", "data_factory", "machine_learning_workspace"):
        assert f"module.{module}.azapi_resource.this: " in refused.stderr
    assert toolkit(platform.project, "plan", "local").returncode == 0


def test_a_key_that_somebody_deleted_is_named_with_the_way_back(platform: Platform, vault: Vault) -> None:
    vault("DELETE", "keys/data-factory")
    try:
        refused = toolkit(platform.project, "plan", "local")
    finally:
        vault("POST", "deletedkeys/data-factory/recover")
    assert refused.returncode == 1
    assert "a customer-managed key is not in its key vault any more" in refused.stderr
    assert "az keyvault key recover" in refused.stderr
    assert toolkit(platform.project, "plan", "local").returncode == 0


def test_a_plan_of_pull_requests_needs_no_right_on_the_keys(platform: Platform) -> None:
    """They are read through Azure Resource Manager, as Reader."""
    body = platform.call("GET", platform.outputs["customer_managed_keys"]["storage"]["key_id"], "2026-02-01")
    assert body["properties"]["keyUriWithVersion"]


@pytest.mark.slow
def test_destroyed_and_made_again_with_the_same_keys(platform: Platform, vault: Vault) -> None:
    before = vault("GET", "keys/storage")["key"]
    destroyed = toolkit(platform.project, "destroy", "local", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    applied: Any = toolkit(platform.project, "apply", "local", "--no-smoke", "--yes", "--json")
    assert applied.returncode == 0, applied.stderr
    platform.outputs = json.loads(applied.stdout)["platform_outputs"]
    assert outcomes(platform) == {USED: "PASS", VALID: "PASS"}
    after = platform.call("GET", platform.outputs["customer_managed_keys"]["storage"]["key_id"], "2026-02-01")
    assert after["properties"]["keyUriWithVersion"] == before["kid"]
