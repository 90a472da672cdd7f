"""azure-identity, MSAL and PyJWT, unmodified and on production host names, against the sandbox's Entra."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    ClientAssertionCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    DefaultAzureCredential,
    DeviceCodeCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from tests.unit.sandbox.front import SUBSCRIPTION, TENANT, Front, running_front
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import InvalidToken

pytestmark = pytest.mark.contract

ARM_SCOPE = "https://management.azure.com/.default"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci"
SUBJECT = "repo:example-org/ml-platform:environment:local"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signing keys for all tests of this module: making two for each would take most of the time."""
    root = tmp_path_factory.mktemp("keys")
    with running_front(root / "sandbox") as front:
        return front.paths.root


@pytest.fixture
def front(tmp_path: Path, keys: Path) -> Iterator[Front]:
    (tmp_path / "sandbox").mkdir()
    for name in ("entra.key", "github.key"):
        shutil.copy(keys / name, tmp_path / "sandbox" / name)
    with running_front(tmp_path / "sandbox") as front:
        yield front


@pytest.fixture
def identity(front: Front) -> str:
    """The client id of a user-assigned identity that trusts one GitHub subject, in the store as ARM keeps it."""
    return add_identity(front, IDENTITY)


def add_identity(front: Front, resource_id: str) -> str:
    principal = front.directory.create_managed_identity(resource_id, TENANT)
    front.store.put(Resource(resource_id, "Microsoft.ManagedIdentity/userAssignedIdentities", {"id": resource_id}))
    return principal.client_id


def trust(front: Front, **changes: Any) -> None:
    credential_id = f"{IDENTITY}/federatedIdentityCredentials/github"
    properties = {
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": SUBJECT,
        "audiences": ["api://AzureADTokenExchange"],
        **changes,
    }
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
    front.store.put(Resource(credential_id, kind, {"id": credential_id, "properties": properties}))


def claims_of(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


def github_assertion(front: Front, subject: str = SUBJECT) -> Callable[[], str]:
    """What azure/login does on a GitHub runner: ask the request endpoint for an id token."""
    return requested(front, front.sandbox.federation_settings(subject))


def requested(front: Front, settings: dict[str, str]) -> Callable[[], str]:
    def ask() -> str:
        url = settings["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=api://AzureADTokenExchange"
        with front.http() as client:
            answer = client.get(url, headers={"Authorization": f"bearer {settings['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"})
        assert answer.status_code == 200, answer.text
        value: str = answer.json()["value"]
        return value

    return ask


def refusal(credential: TokenCredential, scope: str = ARM_SCOPE) -> str:
    with pytest.raises(ClientAuthenticationError) as caught:
        credential.get_token(scope)
    return str(caught.value)


def engineer(front: Front, **changes: str) -> ClientSecretCredential:
    values = {
        "tenant_id": TENANT,
        "client_id": front.sandbox.engineer_client_id,
        "client_secret": front.secret(),
        **changes,
    }
    return ClientSecretCredential(**values, **front.options())


# -- client secret -----------------------------------------------------------------------------------------------------


def test_the_engineers_token_says_who_it_is(front: Front) -> None:
    token = engineer(front).get_token(ARM_SCOPE).token
    claims = claims_of(token)
    assert claims["aud"] == "https://management.azure.com"
    assert claims["iss"] == f"https://sts.windows.net/{TENANT}/"
    assert claims["tid"] == TENANT
    assert claims["oid"] == claims["sub"] == front.sandbox.engineer_object_id
    assert claims["appid"] == front.sandbox.engineer_client_id
    assert claims["idtyp"] == "app"
    assert claims["exp"] - claims["iat"] == 3600
    principal = front.tokens.verify(f"Bearer {token}", ("https://management.azure.com/",))
    assert (principal.object_id, principal.tenant_id) == (front.sandbox.engineer_object_id, TENANT)


def test_the_signature_checks_against_the_published_keys(front: Front) -> None:
    token = engineer(front).get_token(ARM_SCOPE).token
    with front.http() as client:
        metadata = client.get(
            f"https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration"
        ).json()
        keys = jwt.PyJWKSet.from_dict(client.get(metadata["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["RS256"], audience="https://management.azure.com")["tid"] == TENANT


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("https://management.azure.com//.default", "https://management.azure.com/"),
        ("https://storage.azure.com/.default", "https://storage.azure.com"),
        ("https://acct.blob.core.windows.net/.default", "https://acct.blob.core.windows.net"),
        ("https://vault.azure.net/.default", "https://vault.azure.net"),
    ],
)
def test_the_scope_becomes_the_audience(front: Front, scope: str, audience: str) -> None:
    token = engineer(front).get_token(scope).token
    assert claims_of(token)["aud"] == audience
    front.tokens.verify(f"Bearer {token}", (audience.rstrip("/"),))
    with pytest.raises(InvalidToken, match="not for https://elsewhere"):
        front.tokens.verify(f"Bearer {token}", ("https://elsewhere",))


def test_a_wrong_secret(front: Front) -> None:
    message = refusal(engineer(front, client_secret="wrong"))
    assert "AADSTS7000215: Invalid client secret provided." in message
    assert front.secret() not in message


def test_an_unknown_application(front: Front) -> None:
    stranger = "99999999-0000-4000-8000-000000000000"
    assert f"AADSTS700016: Application with identifier '{stranger}'" in refusal(engineer(front, client_id=stranger))


def test_an_unknown_tenant(front: Front) -> None:
    stranger = "99999999-0000-4000-8000-000000000000"
    # MSAL reads the tenant's metadata first and says this when that is refused.
    assert "double check your tenant name or GUID" in refusal(engineer(front, tenant_id=stranger))
    answer = post_token(
        front, {"grant_type": "client_credentials", "client_id": "x", "scope": ARM_SCOPE}, tenant=stranger
    )
    assert answer.status_code == 400
    assert answer.json()["error_codes"] == [90002]


def test_an_unknown_resource(front: Front) -> None:
    assert "AADSTS500011: The resource principal named https://nowhere.example" in refusal(
        engineer(front), "https://nowhere.example/.default"
    )


def post_token(
    front: Front, form: dict[str, str], tenant: str = TENANT, path: str = "oauth2/v2.0/token"
) -> httpx.Response:
    with front.http() as client:
        return client.post(f"https://login.microsoftonline.com/{tenant}/{path}", data=form)


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({}, 400, "invalid_request", 900144),
        ({"grant_type": "client_credentials"}, 400, "invalid_request", 900144),
        ({"grant_type": "password", "client_id": "x"}, 400, "unsupported_grant_type", 70003),
        (
            {"grant_type": "client_credentials", "client_id": "ENGINEER", "scope": "openid"},
            400,
            "invalid_scope",
            1002012,
        ),
        (
            {"grant_type": "client_credentials", "client_id": "ENGINEER", "scope": ARM_SCOPE},
            401,
            "invalid_client",
            7000216,
        ),
    ],
)
def test_errors_have_entras_shape(front: Front, form: dict[str, str], status: int, error: str, number: int) -> None:
    form = {key: front.sandbox.engineer_client_id if value == "ENGINEER" else value for key, value in form.items()}
    answer = post_token(front, form)
    body = answer.json()
    assert (answer.status_code, body["error"], body["error_codes"]) == (status, error, [number])
    assert set(body) == {
        "error",
        "error_description",
        "error_codes",
        "timestamp",
        "trace_id",
        "correlation_id",
        "error_uri",
    }
    assert body["error_description"].startswith(f"AADSTS{number}: ")


def test_the_v1_endpoint_answers_in_strings(front: Front) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": front.sandbox.engineer_client_id,
        "client_secret": front.secret(),
        "resource": "https://management.core.windows.net/",
    }
    body = post_token(front, form, path="oauth2/token").json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", "3599")
    assert claims_of(body["access_token"])["aud"] == "https://management.core.windows.net/"


def test_signing_in_as_a_user_fails_by_name(front: Front) -> None:
    message = refusal(DeviceCodeCredential(tenant_id=TENANT, **front.options()))
    assert "AADSTS70003" in message
    assert "The sandbox has no users" in message


def test_tokens_of_strangers_are_refused(front: Front) -> None:
    token = engineer(front).get_token(ARM_SCOPE).token
    audience = ("https://management.azure.com",)
    for header in (None, "", "Basic abc", "Bearer ", "Bearer nonsense", f"Bearer {token[:-6]}AAAAAA"):
        with pytest.raises(InvalidToken):
            front.tokens.verify(header, audience)


def test_a_token_expires(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    account = front.directory.engineer()
    monkeypatch.setattr("toolkit.sandbox.entra.tokens.LIFETIME_SECONDS", -60)
    token = front.tokens.issue(account, TENANT, "https://management.azure.com", by="1")
    with pytest.raises(InvalidToken, match="the token has expired"):
        front.tokens.verify(f"Bearer {token}", ("https://management.azure.com",))


def test_the_store_does_not_hold_the_secret(front: Front) -> None:
    secret = front.secret().encode()
    files = [path for path in front.paths.root.rglob("*") if path.is_file() and path != front.paths.engineer_secret]
    assert front.paths.database in files
    assert [path.name for path in files if secret in path.read_bytes()] == []


# -- workload identity federation --------------------------------------------------------------------------------------


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


# -- managed identities ------------------------------------------------------------------------------------------------


def test_a_machine_in_the_network_has_a_managed_identity(front: Front, identity: str) -> None:
    for how in ({"client_id": identity}, {"identity_config": {"mi_res_id": IDENTITY}}, {}):
        credential = ManagedIdentityCredential(**how, **front.options("vnet"))
        assert claims_of(credential.get_token(ARM_SCOPE).token)["appid"] == identity


def test_a_machine_on_the_internet_has_none(front: Front, identity: str) -> None:
    credential = ManagedIdentityCredential(client_id=identity, **front.options("internet"))
    with pytest.raises(CredentialUnavailableError):
        credential.get_token(ARM_SCOPE)


def test_an_unknown_identity_on_a_machine(front: Front, identity: str) -> None:
    with front.http("vnet") as client:
        answer = client.get(imds(client_id="99999999-0000-4000-8000-000000000000"), headers={"Metadata": "true"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "invalid_request", "error_description": "Identity not found"},
    )


def test_a_machine_with_two_identities_must_be_told_which(front: Front, identity: str) -> None:
    add_identity(front, IDENTITY + "2")
    with front.http("vnet") as client:
        answer = client.get(imds(), headers={"Metadata": "true"})
    assert answer.status_code == 400
    assert answer.json()["error_description"].startswith("Multiple user assigned identities exist")


def test_imds_wants_its_header(front: Front, identity: str) -> None:
    with front.http("vnet") as client:
        answer = client.get(imds())
    assert answer.json() == {"error": "bad_request_102", "error_description": "Required metadata header not specified"}


def imds(**parameters: str) -> str:
    query = httpx.QueryParams({"api-version": "2018-02-01", "resource": "https://management.azure.com/", **parameters})
    return f"http://169.254.169.254/metadata/identity/oauth2/token?{query}"


@pytest.fixture
def site(front: Front, identity: str) -> str:
    """A function app with a system-assigned identity and a user-assigned one, beside an identity of others."""
    add_identity(front, IDENTITY + "-of-others")
    site_id = f"{GROUP}/providers/Microsoft.Web/sites/app"
    body = {
        "id": site_id,
        "identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
    }
    front.store.put(Resource(site_id, "Microsoft.Web/sites", body))
    return front.directory.create_managed_identity(site_id, TENANT).client_id


def test_an_app_has_its_own_identities_only(
    front: Front, identity: str, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in front.sandbox.identity_settings(f"{GROUP}/providers/Microsoft.Web/sites/app").items():
        monkeypatch.setenv(name, value)
    options = front.options("vnet")
    assert claims_of(ManagedIdentityCredential(**options).get_token(ARM_SCOPE).token)["appid"] == site
    named = ManagedIdentityCredential(client_id=identity, **options).get_token(ARM_SCOPE).token
    assert claims_of(named)["appid"] == identity
    other = front.directory.account_of_resource(IDENTITY + "-of-others")
    assert other is not None
    assert "Identity not found" in refusal(ManagedIdentityCredential(client_id=other.client_id, **options))


def test_an_app_needs_its_header(front: Front, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = front.sandbox.identity_settings(f"{GROUP}/providers/Microsoft.Web/sites/app")
    monkeypatch.setenv("IDENTITY_ENDPOINT", settings["IDENTITY_ENDPOINT"])
    monkeypatch.setenv("IDENTITY_HEADER", "guess")
    assert "identity header" in refusal(ManagedIdentityCredential(**front.options("vnet")))


def test_a_compute_of_machine_learning(front: Front, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = front.sandbox.identity_settings(f"{GROUP}/providers/Microsoft.Web/sites/app")
    monkeypatch.setenv("MSI_ENDPOINT", settings["IDENTITY_ENDPOINT"].replace("/msi/token", "/MSI/auth"))
    monkeypatch.setenv("MSI_SECRET", settings["IDENTITY_HEADER"])
    token = ManagedIdentityCredential(**front.options("vnet")).get_token(ARM_SCOPE).token
    assert claims_of(token)["appid"] == site


def test_a_deleted_identity_is_gone(front: Front, identity: str) -> None:
    trust(front)
    front.directory.delete_managed_identity(IDENTITY)
    credential = ClientAssertionCredential(TENANT, identity, github_assertion(front), **front.options())
    assert "AADSTS700016" in refusal(credential)
    again = front.directory.create_managed_identity(IDENTITY, TENANT)
    assert again.client_id != identity
    assert front.directory.create_managed_identity(IDENTITY.upper(), TENANT) == again
