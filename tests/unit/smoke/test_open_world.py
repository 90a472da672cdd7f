"""A world that allows everything: every denial that is asked of a data plane turns red, says so, and has a hint."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.rest import HttpRequest

from tests.unit.smoke.support import ManualClock, connection
from toolkit.azure.pipeline import RestClient
from toolkit.smoke.checks import batch, function, keyvault, registry, storage_doors, storage_roles, workspace_data
from toolkit.smoke.context import Run
from toolkit.smoke.run import run

ASKED = (storage_roles, storage_doors, keyvault, registry, workspace_data, batch, function)
DENIALS = [check for module in ASKED for check in module.CHECKS if check.expectation == "denial"]

_PROVIDERS = "/subscriptions/s/resourceGroups/g/providers"
OUTPUTS: Mapping[str, Any] = {
    "features": {"function_app": True, "batch": True},
    "probe_identities": {"reader": {"client_id": "1"}},
    "location": "westeurope",
    "key_vault_uri": "https://vault.vault.azure.net/",
    "container_registry_id": f"{_PROVIDERS}/Microsoft.ContainerRegistry/registries/registry",
    "container_registry_login_server": "registry.azurecr.io",
    "machine_learning_workspace_id": f"{_PROVIDERS}/Microsoft.MachineLearningServices/workspaces/workspace",
    "batch_account_id": f"{_PROVIDERS}/Microsoft.Batch/batchAccounts/batch",
    "function_app_id": f"{_PROVIDERS}/Microsoft.Web/sites/app",
    "function_app_url": "https://app.azurewebsites.net",
    "function_storage_account_name": "host",
    "function_storage_containers": {"packages": "id"},
    "storage_account_name": "stone",
    "storage_blob_endpoint": "https://stone.blob.core.windows.net/",
    "smoke_container_name": "smoke",
    "storage_containers": {"smoke": "id", "other": "id"},
    "lake_storage_account_name": "lake",
    "lake_containers": {"raw": "id"},
    "pointer_storage_account_name": "pointers",
    "pointer_storage_containers": {"globals": "id"},
    "private_endpoints": {
        "one": {"target_id": "one", "fqdns": ["stone.blob.core.windows.net", "stone.queue.core.windows.net"]},
        "lake": {"target_id": "lake", "fqdns": ["lake.blob.core.windows.net", "lake.dfs.core.windows.net"]},
        "pointers": {"target_id": "pointers", "fqdns": ["pointers.blob.core.windows.net"]},
        "host": {"target_id": "host", "fqdns": ["host.blob.core.windows.net"]},
        "batch": {
            "target_id": f"{_PROVIDERS}/Microsoft.Batch/batchAccounts/batch",
            "fqdns": ["batch.westeurope.batch.azure.com"],
        },
    },
}


class Answer:
    """200, whatever was asked."""

    status_code = 200

    def raise_for_status(self) -> None:
        """Nothing to raise."""

    def json(self) -> dict[str, Any]:
        return {"properties": {"publishingUserName": "$app", "publishingPassword": "p"}}


class Token:
    """A token of the right shape; nobody looks at it here."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        part = base64.urlsafe_b64encode(json.dumps({"oid": "1"}).encode()).rstrip(b"=").decode()
        return AccessToken(f"{part}.{part}.{part}", 4_000_000_000)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[HttpRequest]:
    sent: list[HttpRequest] = []

    def allow(_: RestClient, request: HttpRequest) -> Answer:
        sent.append(request)
        return Answer()

    monkeypatch.setattr(RestClient, "send_request", allow)
    monkeypatch.setattr(
        Run, "credential", lambda self, identity, vantage=None: None if identity == "anonymous" else Token()
    )
    return sent


@pytest.mark.parametrize("name", [one.id for one in DENIALS])
def test_a_denial_turns_red_where_all_is_allowed(name: str, asked: list[HttpRequest]) -> None:
    (check,) = (one for one in DENIALS if one.id == name)
    (result,) = run(connection("internet", "vnet"), OUTPUTS, [check], patience=0, clock=ManualClock()).results
    assert result.outcome == "FAIL"
    asked_before = 1 if name == "function-password-denied" else 0  # for the password
    assert result.reason.count("was allowed") == len(asked) - asked_before > 0
    assert (result.cause, bool(result.hint)) == ("allowed", True)
    assert not result.facts.get("refused")


def test_nothing_that_is_asked_could_do_harm_where_it_is_allowed(asked: list[HttpRequest]) -> None:
    """Whatever deletes or replaces is about something that does not exist, or under a condition that never holds."""
    run(connection("internet", "vnet"), OUTPUTS, DENIALS, patience=0, clock=ManualClock())
    existing = [f"/{name}" for name in ("smoke", "other", "raw", "globals", "packages")]
    for request in asked:
        path = request.url.partition("?")[0].split(".net")[-1]
        if request.method not in ("GET", "HEAD", "POST") and path in existing:
            assert request.headers["If-Unmodified-Since"].startswith("Thu, 01 Jan 1970"), request
