"""Apply, destroy, apply: nothing that a destroy leaves behind is in the way, with and without purge protection.

The tests run in the order in which they stand here, on one project: `dev@sandbox`, whose vault can be purged, and
`local`, whose data is changed to protect its vault.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient

from tests.e2e.conftest import Toolkit
from toolkit.azure.arm import ARM, arm_client
from toolkit.azure.credentials import runner_credential
from toolkit.environment import Connection, load_environment
from toolkit.project import Project
from toolkit.terraform.state import read_backend

pytestmark = pytest.mark.e2e

PURGED, PROTECTED = "dev@sandbox", "local"


def connected(toolkit: Toolkit, env: str) -> Connection:
    return load_environment(env, Project(toolkit.project)).connect()


def listed(connection: Connection, path: str, version: str) -> list[dict[str, Any]]:
    """A list of ARM's, below the subscription."""
    url = f"{ARM}/subscriptions/{connection.environment.subscription_id}{path}?api-version={version}"
    with arm_client(connection) as client:
        response = client.send_request(HttpRequest("GET", url))
        response.raise_for_status()
        found: list[dict[str, Any]] = response.json()["value"]
        return found


def resources(connection: Connection, group: str) -> list[dict[str, Any]]:
    return listed(connection, f"/resourceGroups/{group}/resources", "2021-04-01")


def deleted_vaults(connection: Connection) -> list[str]:
    return [vault["name"] for vault in listed(connection, "/providers/Microsoft.KeyVault/deletedVaults", "2025-05-01")]


def locks_and_roles(connection: Connection, group: str) -> list[dict[str, Any]]:
    """Locks in the platform's group, and role assignments on what the platform made."""
    inside = f"/resourceGroups/{group}/providers/"
    locks = listed(connection, f"{inside}Microsoft.Authorization/locks", "2020-05-01")
    roles = listed(connection, f"{inside}Microsoft.Authorization/roleAssignments", "2022-04-01")
    return [*locks, *(role for role in roles if inside.lower() in role["properties"]["scope"].lower())]


def lease_of_the_state(connection: Connection) -> str:
    backend = read_backend(connection.environment)
    options = connection.runner.client_options
    with BlobServiceClient(backend.account_url, runner_credential(connection), **options) as service:
        blob = service.get_blob_client(backend.container_name, backend.key)
        return str(blob.get_blob_properties().lease.state)


def protect_the_vault(toolkit: Toolkit) -> None:
    """Purge protection in this project's `local`, and the retention that it asks for."""
    variables = toolkit.project / "envs" / "local" / "terraform.tfvars"
    protected = "key_vault = {\n  retention_days   = 90\n  purge_protection = true\n}"
    text, count = re.subn(r"key_vault = \{[^}]*\}", protected, variables.read_text())
    assert count == 1
    variables.write_text(text)


@pytest.fixture(scope="module", params=[PURGED, PROTECTED])
def env(request: pytest.FixtureRequest, toolkit: Toolkit) -> str:
    """An environment that is applied."""
    name: str = request.param
    if name == PROTECTED:
        protect_the_vault(toolkit)
    toolkit.ok("apply", name, "--no-smoke")
    return name


def test_destroy_leaves_nothing_but_a_vault_that_must_be_kept(toolkit: Toolkit, env: str) -> None:
    outputs = toolkit.ok("outputs", env, "--json").json
    steps = " ".join(toolkit.ok("destroy", env, "--json").json["steps"])
    connection = connected(toolkit, env)
    group, vault = outputs["resource_group_name"], outputs["key_vault_name"]
    assert resources(connection, group) == []
    assert locks_and_roles(connection, group) == []
    assert lease_of_the_state(connection) == "available"
    if env == PURGED:
        assert f"purge the soft-deleted key vault {vault}" in steps
        assert deleted_vaults(connection) == []
    else:
        assert f"the key vault {vault} has purge protection" in steps
        assert deleted_vaults(connection) == [vault]


def test_the_plan_says_what_happens_to_the_vault(toolkit: Toolkit, env: str) -> None:
    result = toolkit("plan", env, "--json")
    assert result.code == 2
    steps = [step for step in result.json["steps"] if "key vault" in step]
    assert len(steps) == (0 if env == PURGED else 1)
    assert all(step.startswith("recover the soft-deleted key vault") for step in steps)


@pytest.mark.parametrize("env", [PROTECTED], indirect=True)
def test_a_recovery_that_is_killed_is_gone_on_with(toolkit: Toolkit, env: str) -> None:
    process = toolkit.start("apply", env, "--no-smoke")
    assert process.stdout is not None
    with process.stdout as lines:
        seen = any("taken into the state" in line or "terraform plan" in line for line in _after_recovery(lines))
        process.kill()
    process.wait()
    assert seen, "the apply plans again after the recovery"
    assert deleted_vaults(connected(toolkit, env)) == []


def _after_recovery(lines: Any) -> Any:
    recovered = False
    for line in lines:
        if recovered:
            yield line
        recovered = recovered or "recovering the soft-deleted key vault" in line


def test_everything_is_made_again(toolkit: Toolkit, env: str) -> None:
    toolkit.ok("apply", env, "--no-smoke")
    assert deleted_vaults(connected(toolkit, env)) == []
    assert toolkit.ok("plan", env).out.startswith("No changes: ")
