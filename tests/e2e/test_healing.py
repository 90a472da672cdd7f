"""Whatever of the platform is deleted by hand, one ``apply`` leads back to green, or says what a person must do first.

Each resource in turn (``make test-full``), and a sample that stands for each kind of way back (``make test``).
The table of what was deleted and what brought it back is printed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient

from tests.e2e.conftest import Toolkit
from tests.e2e.leftovers import connected, listed
from toolkit.azure.arm import ARM, arm_client, until_done
from toolkit.azure.credentials import runner_credential
from toolkit.environment import Connection
from toolkit.terraform.state import read_backend
from toolkit.toolchain.terraform import ensure_terraform

pytestmark = pytest.mark.e2e

ENV = "local"
LAKE = "module.lake.azapi_resource"

# It needs no container: an apply that leaves one out makes it again.
OTHER = 'module.key_vault.module.diagnostic_setting.azapi_resource.this["this"]'

# One of each kind of way back; the rest of a kind is deleted in test-full.
SAMPLE = (
    'module.access.azapi_resource.this["factory_on_pointers"]',
    "module.container_registry.azapi_resource.this",
    'module.data_factory.module.managed_private_endpoint["mpe-key-vault"].azapi_resource_action.this',
)


@dataclass(frozen=True)
class Standing:
    """One resource of the platform: its address in Terraform, its id, its type with the api-version."""

    address: str
    id: str
    type: str


@dataclass(frozen=True)
class Row:
    address: str
    deleted: str
    back: str

    def __str__(self) -> str:
        return f"| {self.address} | {self.deleted} | {self.back} |"


def standing(toolkit: Toolkit, connection: Connection) -> list[Standing]:
    """Everything that Terraform made, by its state."""
    work = toolkit.project / ".toolkit" / ENV / "work" / "platform"
    shown = subprocess.run(
        [*ensure_terraform().command, "show", "-json"],
        cwd=work,
        env={**os.environ, **connection.process_environment()},
        capture_output=True,
        text=True,
        check=True,
    )

    def within(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from module.get("resources", [])
        for child in module.get("child_modules", []):
            yield from within(child)

    found = []
    for item in within(json.loads(shown.stdout)["values"]["root_module"]):
        values = item["values"]
        made = item["type"] == "azapi_resource" or values.get("method") == "PUT"
        if item["mode"] == "managed" and made:
            id_ = values["id"] if item["type"] == "azapi_resource" else values["resource_id"]
            found.append(Standing(item["address"], id_, values["type"]))
    return found


def delete(connection: Connection, resource: Standing) -> str:
    """Delete it as somebody with an owner's rights would; what Azure says when it refuses, or ""."""
    version = resource.type.partition("@")[2]
    request = HttpRequest("DELETE", f"{ARM}{resource.id}?api-version={version}")
    try:
        with arm_client(connection) as client:
            until_done(client, request, f"the deletion of {resource.id}")
    except HttpResponseError as error:
        return f"refused: {error.error.code if error.error else error.status_code}"
    return ""


def restore_account(connection: Connection, said: str) -> None:
    """What somebody with the right to write accounts does with each command that apply says."""
    commands = re.findall(r"az rest --method put --url '(\S+)' --body '(\S+)'", said)
    assert commands, said
    with arm_client(connection) as client:
        for url, body in commands:
            until_done(client, HttpRequest("PUT", url, json=json.loads(body)), f"the recovery by {url}")


def restore(connection: Connection, said: str) -> str:
    """What somebody inside the network does with the command that apply says; the container's name."""
    words = re.search(r"restore --account-name (\S+) --name (\S+) --deleted-version (\S+) --auth-mode login", said)
    assert words, said
    account, name, version = words.groups()
    options = connection.vantages["vnet"].client_options
    url = f"https://{account}.blob.core.windows.net"
    with BlobServiceClient(url, runner_credential(connection), **options) as service:
        service.undelete_container(name, version)
    return name


def way_back(toolkit: Toolkit, connection: Connection, resource: Standing) -> Row:
    refused = delete(connection, resource)
    if refused:
        return Row(resource.address, refused, "-")
    result = toolkit("apply", ENV, "--json", "--yes")
    if result.code == 0:
        return Row(resource.address, "yes", "healed")
    if "az storage container restore" in result.err:
        restore(connection, result.err)
        result = toolkit("apply", ENV, "--json", "--yes")
        if result.code == 0:
            return Row(resource.address, "yes", "healed once a person had restored it")
    if "az rest --method put" in result.err:
        restore_account(connection, result.err)
        result = toolkit("apply", ENV, "--json", "--yes")
        if result.code == 0:
            return Row(resource.address, "yes", "healed once a person had restored it")
    return Row(resource.address, "yes", f"FAILED {result.code}: {result.err[-1500:]}")


@pytest.fixture(scope="module")
def applied(toolkit: Toolkit) -> Toolkit:
    toolkit.ok("apply", ENV)
    return toolkit


@pytest.mark.parametrize("address", SAMPLE)
def test_apply_heals_what_was_deleted_by_hand(applied: Toolkit, address: str) -> None:
    connection = connected(applied, ENV)
    found = {resource.address: resource for resource in standing(applied, connection)}
    row = way_back(applied, connection, found[address])
    assert (row.deleted, row.back) == ("yes", "healed"), row


@pytest.mark.slow
def test_apply_writes_records_again_that_were_deleted_by_hand(applied: Toolkit) -> None:
    """No resource of Terraform's: the zone group of the private endpoint wrote it."""
    connection = connected(applied, ENV)
    zone = "privatelink.vaultcore.azure.net"
    found = {resource.address: resource for resource in standing(applied, connection)}
    id_ = found[f'module.private_dns.azapi_resource.zone["{zone}"]'].id
    subscription = connection.environment.subscription_id
    records = listed(connection, id_.removeprefix(f"/subscriptions/{subscription}") + "/A", "2024-06-01")
    assert records
    for record in records:
        assert delete(connection, Standing(record["name"], record["id"], "@2024-06-01")) == ""
    planned = applied("plan", ENV, "--json")
    assert planned.code == 2, planned.err
    assert f"of {zone} is gone" in " ".join(planned.json["steps"])
    applied.ok("apply", ENV)
    assert applied.ok("plan", ENV).out.startswith("No changes: ")


BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


@pytest.fixture(scope="module")
def reading(applied: Toolkit) -> Connection:
    """Somebody who may read and write the blobs of every account: a role that nobody meant, as smoke would say."""
    connection = connected(applied, ENV)
    assert connection.operator is not None
    group = applied.ok("outputs", ENV, "--json").json["storage_account_id"].partition("/providers/")[0]
    roles = f"/subscriptions/{connection.environment.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
    properties = {
        "roleDefinitionId": f"{roles}/{BLOB_CONTRIBUTOR}",
        "principalId": connection.operator.object_id,
        "principalType": connection.operator.type,
    }
    url = f"{ARM}{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}?api-version=2022-04-01"
    with arm_client(connection) as client:
        client.send_request(HttpRequest("PUT", url, json={"properties": properties})).raise_for_status()
    return connection


def blobs_in(connection: Connection, container: Standing) -> list[str]:
    account, name = container.id.split("/storageAccounts/")[1].split("/blobServices/default/containers/")
    options = connection.vantages["vnet"].client_options
    url = f"https://{account}.blob.core.windows.net"
    with BlobServiceClient(url, runner_credential(connection), **options) as service:
        return [blob.name for blob in service.get_container_client(name).list_blobs()]


@pytest.mark.slow
def test_a_deleted_container_is_restored_by_a_person_and_not_made_empty(applied: Toolkit, reading: Connection) -> None:
    connection = reading
    found = {resource.address: resource for resource in standing(applied, connection)}
    container = found['module.pointer_storage.azapi_resource.container["ml-globals"]']
    other = found[OTHER]
    account, name = container.id.split("/storageAccounts/")[1].split("/blobServices/default/containers/")
    url = f"https://{account}.blob.core.windows.net"
    with BlobServiceClient(url, runner_credential(connection), **connection.vantages["vnet"].client_options) as service:
        service.get_blob_client(name, "kept").upload_blob(b"kept")
    assert delete(connection, container) == delete(connection, other) == ""

    planned = applied("plan", ENV, "--json")
    assert planned.code == 2, planned.err
    (step,) = [step for step in planned.json["steps"] if f"{account}/{name}" in step]
    assert "can be restored until" in step

    refused = applied("apply", ENV)
    assert refused.code == 1, refused.err
    assert refused.err.count(f"{account}/{name} was deleted on") == 1
    assert f"toolkit apply {ENV} --recreate-empty {account}/{name}" in refused.err
    assert [step for step in applied("plan", ENV, "--json").json["changes"] if step["address"] == OTHER] == []
    assert restore(connection, refused.err) == name
    applied.ok("apply", ENV, "--no-smoke")
    assert "kept" in blobs_in(connection, container)


@pytest.mark.slow
def test_a_deleted_container_is_made_anew_when_that_is_said(applied: Toolkit, reading: Connection) -> None:
    connection = reading
    found = {resource.address: resource for resource in standing(applied, connection)}
    container = found['module.pointer_storage.azapi_resource.container["ml-globals"]']
    assert delete(connection, container) == ""
    wrong = applied("apply", ENV, "--recreate-empty", "ml-global")
    assert wrong.code == 3
    assert "ml-globals" in wrong.err
    applied.ok("apply", ENV, "--recreate-empty", "ml-globals", "--no-smoke")
    assert blobs_in(connection, container) == []
    assert applied.ok("plan", ENV).out.startswith("No changes: ")


@pytest.mark.slow
def test_a_deleted_account_is_restored_by_a_person_and_not_made_empty(applied: Toolkit, reading: Connection) -> None:
    connection = reading
    found = {resource.address: resource for resource in standing(applied, connection)}
    container, account = found[f'{LAKE}.container["raw"]'], found[f"{LAKE}.this"]
    name = account.id.rsplit("/", 1)[-1]
    options = connection.vantages["vnet"].client_options
    url = f"https://{name}.blob.core.windows.net"
    with BlobServiceClient(url, runner_credential(connection), **options) as service:
        service.get_blob_client("raw", "kept").upload_blob(b"kept")
    assert delete(connection, account) == ""

    planned = applied("plan", ENV, "--json")
    assert planned.code == 2, planned.err
    (step,) = [step for step in planned.json["steps"] if f"storage account {name}" in step]
    assert "can be restored until" in step
    assert applied("apply", ENV, "--recreate-empty", "stnobody").code == 3

    refused = applied("apply", ENV)
    assert refused.code == 1, refused.err
    assert f"toolkit apply {ENV} --recreate-empty {name}" in refused.err
    restore_account(connection, refused.err)
    applied.ok("apply", ENV, "--no-smoke")
    assert "kept" in blobs_in(connection, container)
    assert applied.ok("plan", ENV).out.startswith("No changes: ")


@pytest.mark.slow
def test_a_deleted_state_account_is_not_made_anew(applied: Toolkit) -> None:
    """With it went all states: a new, empty one would end the days in which they can be had back."""
    connection = connected(applied, ENV)
    backend = read_backend(connection.environment)
    name = backend.storage_account_name
    group = f"/subscriptions/{connection.environment.subscription_id}/resourceGroups/{backend.resource_group_name}"
    id_ = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    assert delete(connection, Standing(name, id_, "@2023-05-01")) == ""
    refused = applied("bootstrap", ENV)
    assert refused.code == 4, refused.err
    assert f"the storage account {name} was deleted on" in refused.err
    assert f"toolkit bootstrap {ENV} --recreate-empty {name}" in refused.err
    restore_account(connection, refused.err)
    applied.ok("bootstrap", ENV)
    assert applied.ok("plan", ENV).out.startswith("No changes: ")


def test_a_custom_role_is_replaced_assignments_first(applied: Toolkit) -> None:
    """Azure deletes no role that is still assigned (RoleDefinitionHasAssignments)."""
    connection = connected(applied, ENV)
    address = 'azapi_resource.role_definition["storage_firewall_operator"]'
    done = subprocess.run(
        [*ensure_terraform().command, "apply", "-auto-approve", "-json", f"-replace={address}"],
        cwd=applied.project / ".toolkit" / ENV / "work" / "bootstrap",
        env={**os.environ, **connection.process_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    ended = [event["hook"] for event in events if event["type"] == "apply_complete"]
    deleted = [hook["resource"]["addr"] for hook in ended if hook["action"] == "delete"]
    assert len(deleted) > 1
    assert deleted[-1] == address


@pytest.mark.slow
def test_apply_leads_back_when_the_resource_group_was_deleted(applied: Toolkit) -> None:
    """With it go the vault and the workspace, which Azure keeps, and the roles of the bootstrap in it."""
    connection = connected(applied, ENV)
    accounts = [
        each for each in standing(applied, connection) if each.type.startswith("Microsoft.Storage/storageAccounts@")
    ]
    group = applied.ok("outputs", ENV, "--json").json["resource_group_name"]
    id_ = f"/subscriptions/{connection.environment.subscription_id}/resourceGroups/{group}"
    assert delete(connection, Standing(group, id_, "@2024-03-01")) == ""

    planned = applied("plan", ENV, "--json")
    assert planned.code == 2, planned.err
    steps = "\n".join(planned.json["steps"])
    assert f"the resource group {group} is gone" in steps
    assert "was deleted outside of Terraform: what Azure keeps of it is purged" in steps
    assert "recover the soft-deleted key vault" in steps

    healed = applied("apply", ENV)
    assert healed.code == 1, healed.err
    assert healed.err.count("can be restored until") == len(accounts) > 1
    assert "the bootstrap makes it again" in healed.err
    restore_account(connection, healed.err)
    healed = applied.ok("apply", ENV, "--no-smoke")
    assert "Azure kept a deleted workspace under the name" in healed.err
    assert applied.ok("plan", ENV).out.startswith("No changes: ")


@pytest.mark.slow
def test_apply_heals_each_resource(applied: Toolkit, capsys: pytest.CaptureFixture[str]) -> None:
    connection = connected(applied, ENV)
    rows: list[Row] = []
    only = os.environ.get("HEAL_ONLY", "")
    for resource in standing(applied, connection):
        if only not in resource.address:
            continue
        rows.append(way_back(applied, connection, resource))
        with capsys.disabled():
            print(rows[-1], flush=True)
        if rows[-1].back.startswith("FAILED"):
            applied.ok("sandbox", "reset", "--yes")
            applied.ok("apply", ENV, "--no-smoke")
            connection = connected(applied, ENV)
    assert rows
    assert [row for row in rows if row.back.startswith("FAILED")] == []
