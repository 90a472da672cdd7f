"""What a destroy left behind, asked of the sandbox with real clients."""

from __future__ import annotations

from typing import Any

from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient

from tests.e2e.conftest import Toolkit
from toolkit.azure.arm import ARM, arm_client
from toolkit.azure.credentials import runner_credential
from toolkit.environment import Connection, connect, load_environment
from toolkit.project import Project
from toolkit.terraform.state import read_backend


def connected(toolkit: Toolkit, env: str) -> Connection:
    return connect(load_environment(env, Project(toolkit.project)))


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
    return [vault["name"] for vault in listed(connection, "/providers/Microsoft.KeyVault/deletedVaults", "2026-02-01")]


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


def assert_that_nothing_is_left(toolkit: Toolkit, env: str, group: str) -> None:
    """No resource, lock or role in the platform's group, and no lease on the state."""
    connection = connected(toolkit, env)
    assert resources(connection, group) == []
    assert locks_and_roles(connection, group) == []
    assert lease_of_the_state(connection) == "available"
