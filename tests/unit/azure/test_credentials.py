"""One credential choice: what each needs, and that a probe is signed in with a fresh GitHub token each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from azure.identity import (
    AzureCliCredential,
    AzurePipelinesCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from tests.unit.azure.web import Answer, serve
from toolkit.azure.credentials import PROBES_NEED, probe_credential, runner_credential
from toolkit.environment import Connection, Vantage
from toolkit.errors import ExitCode, UsageError

HERE = Vantage("here", {})


@dataclass
class FakeEnvironment:
    credential: str
    name: str = "dev"
    tenant_id: str = "de000000-0000-4000-8000-000000000001"
    client_id: str | None = None


@dataclass
class FakeConnection:
    """Only what credentials read of a Connection: the environment's choice and the process environment."""

    environment: FakeEnvironment
    settings: Mapping[str, str] = field(default_factory=dict)
    runner: Vantage = HERE

    def process_environment(self, vantage: Vantage | None = None) -> dict[str, str]:
        return dict(self.settings)


def connection(credential: str, client_id: str | None = None, **settings: str) -> Connection:
    return cast(Connection, FakeConnection(FakeEnvironment(credential, client_id=client_id), settings))


PIPELINE = {
    "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/x",
    "SYSTEM_ACCESSTOKEN": "t",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "s",
    "AZURESUBSCRIPTION_CLIENT_ID": "c",
}
GITHUB = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t", "ARM_CLIENT_ID": "c"}


@pytest.mark.parametrize(
    ("choice", "settings", "expected"),
    [
        ("azure-cli", {}, AzureCliCredential),
        ("client-secret", {"ARM_CLIENT_ID": "c", "ARM_CLIENT_SECRET": "s"}, ClientSecretCredential),
        ("github-oidc", GITHUB, ClientAssertionCredential),
        ("azure-devops-oidc", PIPELINE, AzurePipelinesCredential),
        ("managed-identity", {}, ManagedIdentityCredential),
    ],
)
def test_each_choice_is_its_own_credential(choice: str, settings: dict[str, str], expected: type) -> None:
    assert type(runner_credential(connection(choice, **settings))) is expected


@pytest.mark.parametrize(
    ("choice", "settings", "missing"),
    [
        ("client-secret", {"ARM_CLIENT_ID": "c"}, "ARM_CLIENT_SECRET or AZURE_CLIENT_SECRET"),
        ("github-oidc", {"ARM_CLIENT_ID": "c"}, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        ("azure-devops-oidc", {**PIPELINE, "SYSTEM_ACCESSTOKEN": ""}, "SYSTEM_ACCESSTOKEN"),
    ],
)
def test_what_is_missing_is_named_and_no_value_is_shown(choice: str, settings: dict[str, str], missing: str) -> None:
    with pytest.raises(UsageError, match=missing) as caught:
        runner_credential(connection(choice, **settings))
    assert caught.value.exit_code == ExitCode.USAGE


def test_no_probe_without_an_oidc_token() -> None:
    assert probe_credential(connection("azure-cli"), "client", HERE) is None


def test_a_probe_asks_for_a_fresh_assertion_with_the_documented_audience() -> None:
    with serve(Answer(200, {"value": "jwt-1"}), Answer(200, {"value": "jwt-2"})) as web:
        credential = probe_credential(
            connection(
                "client-secret",
                ACTIONS_ID_TOKEN_REQUEST_URL=f"{web.url}/oidc?api-version=2.0",
                ACTIONS_ID_TOKEN_REQUEST_TOKEN="request-token",
            ),
            "client",
            HERE,
        )
        assertion = cast(Any, credential)._func
        assert [assertion(), assertion()] == ["jwt-1", "jwt-2"]
    _, path, headers = web.requests[0]
    assert path == "/oidc?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange"
    assert headers["Authorization"] == "Bearer request-token"


DEVOPS = {
    "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/org/oidc",
    "SYSTEM_ACCESSTOKEN": "job-token",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "connection-id",
}


def test_a_probe_of_azure_pipelines_signs_in_with_the_jobs_service_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", DEVOPS["SYSTEM_OIDCREQUESTURI"])
    credential = probe_credential(connection("azure-devops-oidc", **DEVOPS), "probe", HERE)
    assert isinstance(credential, AzurePipelinesCredential)
    inner = cast(Any, credential)._client_assertion_credential._client
    assert inner._client_id == "probe"


@pytest.mark.parametrize("missing", DEVOPS)
def test_no_probe_of_azure_pipelines_without_each_of_what_the_job_hands_on(missing: str) -> None:
    some = {name: value for name, value in DEVOPS.items() if name != missing}
    assert probe_credential(connection("azure-devops-oidc", **some), "probe", HERE) is None
    assert missing in PROBES_NEED
