"""azure-identity, MSAL and PyJWT, unmodified and on production host names, against the sandbox's Entra."""

from __future__ import annotations

import httpx
import jwt
import pytest
from azure.identity import (
    DeviceCodeCredential,
)

from tests.contract.entra.support import (
    ARM_SCOPE,
    claims_of,
    engineer,
    refusal,
)
from tests.unit.sandbox.front import TENANT, Front
from toolkit.sandbox.world import InvalidToken

pytestmark = pytest.mark.contract


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
    monkeypatch.setattr(front.tokens, "lifetime", -60)
    token = front.tokens.issue(account, TENANT, "https://management.azure.com", by="1")
    with pytest.raises(InvalidToken, match="the token has expired"):
        front.tokens.verify(f"Bearer {token}", ("https://management.azure.com",))


def test_the_store_does_not_hold_the_secret(front: Front) -> None:
    secret = front.secret().encode()
    files = [path for path in front.paths.root.rglob("*") if path.is_file() and path != front.paths.engineer_secret]
    assert front.paths.database in files
    assert [path.name for path in files if secret in path.read_bytes()] == []
