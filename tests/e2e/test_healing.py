"""Whatever of the platform is deleted by hand, one ``apply`` leads back to green, or says what a person must do first.

Each resource in turn (``make test-full``), and a sample that stands for each kind of way back (``make test``).
The table of what was deleted and what brought it back is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from tests.e2e.conftest import Toolkit
from tests.e2e.leftovers import connected, listed
from toolkit.azure.arm import ARM, arm_client, until_done
from toolkit.environment import Connection
from toolkit.toolchain.terraform import ensure_terraform

pytestmark = pytest.mark.e2e

ENV = "local"

# One of each kind of way back; the rest of a kind is deleted in test-full.
SAMPLE = (
    'module.access.azapi_resource.this["ci_on_pointers"]',
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


def way_back(toolkit: Toolkit, connection: Connection, resource: Standing) -> Row:
    refused = delete(connection, resource)
    if refused:
        return Row(resource.address, refused, "-")
    result = toolkit("apply", ENV, "--json", "--yes")
    if result.code == 0:
        return Row(resource.address, "yes", "healed")
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
            applied.ok("apply", ENV)
            connection = connected(applied, ENV)
    assert rows
    assert [row for row in rows if row.back.startswith("FAILED")] == []
