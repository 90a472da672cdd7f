"""The managed identity endpoints of machines and hosts, as azure-identity asks them."""

from __future__ import annotations

import httpx
import pytest
from azure.identity import (
    ClientAssertionCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
)

from tests.contract.entra.support import (
    ARM_SCOPE,
    GROUP,
    IDENTITY,
    add_identity,
    claims_of,
    github_assertion,
    refusal,
    trust,
)
from tests.unit.sandbox.front import TENANT, Front
from toolkit.sandbox.store import Resource

pytestmark = pytest.mark.contract


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
