"""Tokens of GitHub and Azure DevOps become the identities that trust them: azure-identity, unmodified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from azure.identity import (
    AzurePipelinesCredential,
    ClientAssertionCredential,
    DefaultAzureCredential,
    WorkloadIdentityCredential,
)

from tests.contract.entra.support import (
    ARM_SCOPE,
    IDENTITY,
    SUBJECT,
    claims_of,
    github_assertion,
    refusal,
    requested,
    trust,
)
from tests.unit.sandbox.front import TENANT, Front

pytestmark = pytest.mark.contract


def test_a_github_job_becomes_the_identity_that_trusts_it(front: Front, identity: str) -> None:
    trust(front)
    credential = ClientAssertionCredential(TENANT, identity, github_assertion(front), **front.options())
    claims = claims_of(credential.get_token(ARM_SCOPE).token)
    assert claims["appid"] == identity
    assert claims["xms_mirid"] == IDENTITY.lower()


def test_workload_identity_reads_the_token_from_a_file(front: Front, identity: str, tmp_path: Path) -> None:
    trust(front)
    file = tmp_path / "token"
    file.write_text(github_assertion(front)())
    credential = WorkloadIdentityCredential(
        tenant_id=TENANT, client_id=identity, token_file_path=str(file), **front.options()
    )
    assert claims_of(credential.get_token(ARM_SCOPE).token)["appid"] == identity


def test_default_azure_credential_federates(
    front: Front, identity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(front)
    file = tmp_path / "token"
    file.write_text(github_assertion(front)())
    for name, value in {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": identity,
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
        **front.vantages["internet"].settings,
    }.items():
        monkeypatch.setenv(name, value)
    assert claims_of(DefaultAzureCredential().get_token(ARM_SCOPE).token)["appid"] == identity


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"subject": SUBJECT.upper()}, 7002138),
        ({"subject": "repo:example-org/ml-platform:ref:refs/heads/main"}, 700213),
        ({"issuer": "https://vstoken.dev.azure.com/org"}, 700211),
        ({"issuer": "https://token.actions.githubusercontent.com/"}, 700211),
        ({"audiences": ["api://other"]}, 700212),
    ],
)
def test_a_credential_that_does_not_match_the_assertion(
    front: Front, identity: str, changes: dict[str, Any], number: int
) -> None:
    trust(front, **changes)
    credential = ClientAssertionCredential(TENANT, identity, github_assertion(front), **front.options())
    assert f"AADSTS{number}: No matching federated identity record found" in refusal(credential)


def test_an_identity_without_credentials_trusts_nobody(front: Front, identity: str) -> None:
    credential = ClientAssertionCredential(TENANT, identity, github_assertion(front), **front.options())
    assert "AADSTS700211" in refusal(credential)


def test_an_assertion_that_github_did_not_sign(front: Front, identity: str) -> None:
    trust(front)
    claims = claims_of(github_assertion(front)())
    forged = jwt.encode(claims, "k" * 32, algorithm="HS256")
    credential = ClientAssertionCredential(TENANT, identity, lambda: forged, **front.options())
    assert "AADSTS50013: Assertion failed signature validation" in refusal(credential)


def test_a_malformed_assertion(front: Front, identity: str) -> None:
    trust(front)
    credential = ClientAssertionCredential(TENANT, identity, lambda: "nonsense", **front.options())
    assert "AADSTS50027: JWT token is invalid or malformed" in refusal(credential)


def test_an_old_assertion(front: Front, identity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(front)
    monkeypatch.setattr("toolkit.sandbox.entra.github.TOKEN_SECONDS", -60)
    credential = ClientAssertionCredential(TENANT, identity, github_assertion(front), **front.options())
    assert "AADSTS700024: Client assertion is not within its valid time range" in refusal(credential)


def test_github_answers_only_its_own_request_tokens(front: Front) -> None:
    url = front.sandbox.federation_settings(SUBJECT)["ACTIONS_ID_TOKEN_REQUEST_URL"]
    with front.http() as client:
        assert client.get(url).status_code == 401
        assert client.get(url, headers={"Authorization": "bearer guess"}).status_code == 401


def test_githubs_tokens_check_against_its_published_keys(front: Front) -> None:
    token = github_assertion(front)()
    with front.http() as client:
        issuer = "https://token.actions.githubusercontent.com"
        metadata = client.get(f"{issuer}/.well-known/openid-configuration").json()
        keys = jwt.PyJWKSet.from_dict(client.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token, key, algorithms=["RS256"], audience="api://AzureADTokenExchange", issuer=metadata["issuer"]
    )
    assert claims["sub"] == SUBJECT
    assert (claims["repository"], claims["environment"]) == ("example-org/ml-platform", "local")


# What a new repository, an older one and a customised one send (https://docs.github.com/actions/reference/security/oidc).
JOBS = [
    ({}, "repo:octo/ml:environment:prod"),
    ({"immutable": True}, "repo:octo@55/ml@821:environment:prod"),
    ({"immutable": True, "context": "pull_request"}, "repo:octo@55/ml@821:pull_request"),
    ({"immutable": True, "context": "ref:refs/heads/main"}, "repo:octo@55/ml@821:ref:refs/heads/main"),
    ({"include_claim_keys": ["repository_owner_id", "context"]}, "repository_owner_id:55:environment:prod"),
    (
        {"immutable": True, "include_claim_keys": ["repo", "context", "job_workflow_ref"]},
        "repo:octo@55/ml@821:environment:prod:job_workflow_ref:octo/ml/.github/workflows/deploy.yml@refs/heads/main",
    ),
]


@pytest.mark.parametrize(("settings", "subject"), JOBS)
def test_github_mints_the_subject_that_the_repository_is_set_to(
    front: Front, identity: str, settings: dict[str, Any], subject: str
) -> None:
    job = {"repository": "octo/ml", "repository_id": "821", "repository_owner_id": "55", "context": "environment:prod"}
    assertion = requested(front, front.sandbox.job_settings({**job, **settings}))
    claims = claims_of(assertion())
    assert claims["sub"] == subject
    assert (claims["repository_id"], claims["repository_owner_id"]) == ("821", "55")
    assert (claims["repository"], claims["repository_owner"]) == ("octo/ml", "octo")
    assert ("environment" in claims) == ("environment:" in subject)
    credential = ClientAssertionCredential(TENANT, identity, assertion, **front.options())
    trust(front, subject="repo:octo/ml:environment:other")
    assert f"AADSTS700213: No matching federated identity record found for presented assertion subject '{subject}'" in (
        refusal(credential)
    )
    trust(front, subject=subject)
    assert claims_of(credential.get_token(ARM_SCOPE).token)["appid"] == identity


def test_a_token_has_all_of_githubs_claims(front: Front) -> None:
    claims = claims_of(github_assertion(front)())
    assert set(claims) == {
        *("aud", "exp", "iat", "iss", "jti", "nbf", "sub", "actor", "actor_id", "base_ref", "check_run_id"),
        *("environment", "event_name", "head_ref", "job_workflow_ref", "job_workflow_sha", "ref", "ref_protected"),
        *("ref_type", "repository", "repository_id", "repository_owner", "repository_owner_id"),
        *("repository_visibility", "run_attempt", "run_id", "run_number", "runner_environment", "sha"),
        *("workflow", "workflow_ref", "workflow_sha"),
    }


# -- Azure DevOps ------------------------------------------------------------------------------------------------------

CONNECTION = "c0000000-0000-4000-8000-000000000001"
ORGANIZATION = "0a000000-0000-4000-8000-000000000001"
# What an older service connection shows, and what one shows that was made since 2025
# (https://github.com/microsoft/terraform-provider-azuredevops/issues/1361).
CONNECTIONS = [
    (f"https://vstoken.dev.azure.com/{ORGANIZATION}", "sc://contoso/ml-platform/azure-dev"),
    (f"https://login.microsoftonline.com/{TENANT}/v2.0", "/eid1/c/pub/t/a1/a/b2/sc/c3/d4"),
]


def pipeline_credential(
    front: Front,
    identity: str,
    monkeypatch: pytest.MonkeyPatch,
    issuer: str,
    subject: str,
    connection: str = CONNECTION,
) -> AzurePipelinesCredential:
    settings = front.sandbox.service_connection_settings(CONNECTION, issuer, subject)
    monkeypatch.setenv("SYSTEM_OIDCREQUESTURI", settings["SYSTEM_OIDCREQUESTURI"])
    return AzurePipelinesCredential(
        tenant_id=TENANT,
        client_id=identity,
        service_connection_id=connection,
        system_access_token=settings["SYSTEM_ACCESSTOKEN"],
        **front.options(),
    )


@pytest.mark.parametrize(("issuer", "subject"), CONNECTIONS)
def test_a_service_connection_becomes_the_identity_that_trusts_it(
    front: Front, identity: str, monkeypatch: pytest.MonkeyPatch, issuer: str, subject: str
) -> None:
    trust(front, issuer=issuer, subject=subject)
    credential = pipeline_credential(front, identity, monkeypatch, issuer, subject)
    assert claims_of(credential.get_token(ARM_SCOPE).token)["appid"] == identity


@pytest.mark.parametrize(("issuer", "subject"), CONNECTIONS)
def test_another_service_connection_does_not(
    front: Front, identity: str, monkeypatch: pytest.MonkeyPatch, issuer: str, subject: str
) -> None:
    trust(front, issuer=issuer, subject=f"{subject}-other")
    assert "AADSTS700213" in refusal(pipeline_credential(front, identity, monkeypatch, issuer, subject))
    (other,) = [each for each, _ in CONNECTIONS if each != issuer]
    trust(front, issuer=other, subject=subject)
    assert "AADSTS700211" in refusal(pipeline_credential(front, identity, monkeypatch, issuer, subject))


def test_a_job_gets_no_token_for_a_connection_that_it_may_not_use(
    front: Front, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, subject = CONNECTIONS[0]
    trust(front, issuer=issuer, subject=subject)
    credential = pipeline_credential(front, identity, monkeypatch, issuer, subject, CONNECTION.replace("1", "2"))
    assert f"may not use the service connection '{CONNECTION.replace('1', '2')}'" in refusal(credential)


@pytest.mark.parametrize(("issuer", "subject"), CONNECTIONS)
def test_what_the_issuer_did_not_sign_is_refused(front: Front, identity: str, issuer: str, subject: str) -> None:
    trust(front, issuer=issuer, subject=subject)
    claims = {**claims_of(github_assertion(front)()), "iss": issuer, "sub": subject}
    forged = jwt.encode(claims, "k" * 32, algorithm="HS256")
    credential = ClientAssertionCredential(TENANT, identity, lambda: forged, **front.options())
    assert "AADSTS50013" in refusal(credential)
