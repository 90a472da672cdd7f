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
from toolkit.smoke.checks import storage_doors, storage_roles
from toolkit.smoke.context import Run
from toolkit.smoke.run import run

DENIALS = [*storage_roles.CHECKS, *storage_doors.CHECKS]

OUTPUTS: Mapping[str, Any] = {
    "features": {"function_app": False},
    "probe_identities": {"reader": {"client_id": "1"}},
    "storage_account_name": "stone",
    "storage_blob_endpoint": "https://stone.blob.core.windows.net/",
    "smoke_container_name": "smoke",
    "storage_containers": {"smoke": "id", "other": "id"},
    "lake_storage_account_name": "lake",
    "lake_containers": {"raw": "id"},
    "pointer_storage_account_name": "pointers",
    "pointer_storage_containers": {"globals": "id"},
    "private_endpoints": {
        "one": {"fqdns": ["stone.blob.core.windows.net", "stone.queue.core.windows.net"]},
        "lake": {"fqdns": ["lake.blob.core.windows.net", "lake.dfs.core.windows.net"]},
        "pointers": {"fqdns": ["pointers.blob.core.windows.net"]},
    },
}


class Answer:
    """200, whatever was asked."""

    status_code = 200

    def raise_for_status(self) -> None:
        """Nothing to raise."""

    def json(self) -> dict[str, Any]:
        return {}


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
    monkeypatch.setattr(Run, "credential", lambda self, identity, vantage: None if identity == "anonymous" else Token())
    return sent


@pytest.mark.parametrize("name", [one.id for one in DENIALS])
def test_a_denial_turns_red_where_all_is_allowed(name: str, asked: list[HttpRequest]) -> None:
    (check,) = (one for one in DENIALS if one.id == name)
    (result,) = run(connection("internet", "vnet"), OUTPUTS, [check], patience=0, clock=ManualClock()).results
    assert result.outcome == "FAIL"
    assert result.reason.count("was allowed") == len(asked) > 0
    assert result.hint
    assert list(result.facts["refused"]) == []


def test_nothing_that_is_asked_could_do_harm_where_it_is_allowed(asked: list[HttpRequest]) -> None:
    """Whatever deletes or replaces is about something that does not exist, or under a condition that never holds."""
    run(connection("internet", "vnet"), OUTPUTS, DENIALS, patience=0, clock=ManualClock())
    existing = [f"/{name}" for name in ("smoke", "other", "raw", "globals")]
    for request in asked:
        path = request.url.partition("?")[0].split(".net")[-1]
        if request.method not in ("GET", "HEAD", "POST") and path in existing:
            assert request.headers["If-Unmodified-Since"].startswith("Thu, 01 Jan 1970"), request
