"""What the tests of this folder ask Entra for, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from tests.unit.sandbox.front import SUBSCRIPTION, TENANT, Front
from toolkit.sandbox.store import Resource

ARM_SCOPE = "https://management.azure.com/.default"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ci"
SUBJECT = "repo:example-org/ml-platform:environment:local"


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
