"""Secrets are taken out wherever they stand, and nothing else is."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.masking import MASK, masked, masked_document, secrets_of, shown_url

ACCOUNT_KEY = base64.b64encode(bytes(range(64))).decode()
BUS_KEY = base64.b64encode(bytes(range(100, 132))).decode()
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJvLTEifQ.c2lnbmF0dXJl-_x"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\nCCqGSM49AwEHBG0wawIBAQ==\n-----END PRIVATE KEY-----"
# What a secret looks like where it stands -> the part that nobody may read.
SIGNATURE = "dGhlIHNpZ25hdHVyZQ"
PLANTED = {
    f"DefaultEndpointsProtocol=https;AccountName=st;AccountKey={ACCOUNT_KEY};EndpointSuffix=x": ACCOUNT_KEY,
    f"Endpoint=sb://x;SharedAccessKeyName=Root;SharedAccessKey={BUS_KEY}": BUS_KEY,
    f"https://st.blob.core.windows.net/c/b?sv=2023-11-03&sp=r&sig={SIGNATURE}%3D%3D&se=2026": SIGNATURE,
    f"Authorization: Bearer {TOKEN}": TOKEN,
    f"the token {TOKEN} was refused": TOKEN.rpartition(".")[0],
    f'{{"access_token": "{TOKEN}", "expires_in": 3599}}': TOKEN,
    "Authorization: SharedKey st:c2lnbmF0dXJlc2lnbmF0dXJl=": "c2lnbmF0dXJlc2lnbmF0dXJl",
    "https://x.azurewebsites.net/api/predict?code=Zm9vYmFyZm9vYmFy": "Zm9vYmFyZm9vYmFy",
    "Server=tcp:x;User ID=sa;Password=hunter2hunter2;Encrypt=True": "hunter2hunter2",
    '"adminPassword": "correct \\"horse"': "horse",
    "client_secret=Ab3~longsecretvalue&grant_type=client_credentials": "Ab3~longsecretvalue",
    "the secret is abc8Q~abcdefghijklmnopqrstuvwxyz0123456.": "abc8Q~abcdefghijklmnopqrstuvwxyz",
    "git clone https://x-access-token:ghs_abcdefghijklmnopqrstuvwxyz0123456789@github.com/o/r": "ghs_abcdefghijklmnop",
    "https://user:swordfish@proxy.example/": "swordfish",
    f"key file:\n{PEM}\nend": "MIGHAgEAMBMGByqGSM49AgEG",
    PEM[:60]: "MIGHAgEA",  # cut off
    "A" * 52 + "JQQJ99" + "B" * 26: "A" * 52,
}
# Facts that evidence is for: ids, hosts, codes, hashes, names that only speak of secrets.
PLAIN = (
    "10ca1000-0000-4000-8000-000000000002",
    "https://st.blob.core.windows.net/smoke/toolkit-smoke/20260101T000000Z-0011/storage-vnet-write-ab12cd34",
    '"code": "AuthorizationPermissionMismatch", "message": "This request is not authorized"',
    "HTTP 403 KeyBasedAuthenticationNotPermitted",
    "0123456789abcdef0123456789abcdef01234567",
    f"sha256:{'0' * 64}",
    "/subscriptions/x/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv/secrets/name",
    "shared keys are refused; the account's key is not used",
    "docs/checks.md#storage-shared-key-denied",
)


@pytest.mark.parametrize("text", PLANTED)
def test_a_secret_is_masked_by_its_shape(text: str) -> None:
    assert PLANTED[text] not in masked(text)
    assert MASK in masked(text)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="@:"), max_size=20)
NAMES = st.sampled_from(
    [
        *("adminPassword", "primaryConnectionString", "primaryKey", "client_secret", "accountKey", "sasToken"),
        *("AZURE_CLIENT_SECRET", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "APPLICATIONINSIGHTS_CONNECTION_STRING"),
    ]
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)


@given(
    st.sampled_from(sorted(PLANTED)),
    st.recursive(WORDS | st.integers() | st.none() | st.booleans(), nested, max_leaves=8),
    WORDS,
    WORDS,
)
def test_a_secret_is_masked_wherever_it_stands(secret: str, around: Any, before: str, after: str) -> None:
    """As a value, inside a text (between spaces: where a word begins and ends is not ours to guess), and as a key."""
    document = {"x": [around, {before: f"{before} {secret} {after}"}], "y": secret, secret: 1}
    assert PLANTED[secret] not in json.dumps(masked_document(document), ensure_ascii=False)


@given(NAMES, st.text("abcdefghijklmnopqrstuvwxyz0123456789 ", min_size=6, max_size=30), WORDS)
def test_a_secret_is_masked_by_the_name_that_it_stands_under(name: str, secret: str, other: str) -> None:
    found = masked_document([{"properties": {name: secret, "other": other}}])
    assert found[0]["properties"][name] == MASK


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=30), WORDS, WORDS)
def test_a_secret_that_is_known_is_masked_by_value(secret: str, before: str, after: str) -> None:
    assert secret not in masked(f"{before}{secret}{after}", [secret])
    assert secret not in json.dumps(masked_document({"x": [f"{before}{secret}"], secret: 1}, [secret]))


def test_flags_and_ids_that_speak_of_secrets_stay() -> None:
    document = {
        "allowSharedKeyAccess": False,
        "keyVaultSecretName": "probe",
        "secretUri": "https://kv.vault.azure.net/secrets/x",
        "publicNetworkAccess": "Disabled",
        "secrets": [{"name": "a"}],
        "primaryKey": None,
    }
    assert masked_document(document) == document


def test_what_the_process_was_given_is_known() -> None:
    given_ = {
        "AZURE_CLIENT_SECRET": "s3cret-value",
        "PATH": "/usr/bin",
        "ARM_OIDC_REQUEST_TOKEN": "longer-s3cret-value",
    }
    assert secrets_of(given_) == ("longer-s3cret-value", "s3cret-value")
    assert os.environ.get("PATH", "") not in secrets_of(dict(os.environ))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/c?restype=container&comp=list&sig=x%3D", "https://h/c?restype=container&comp=list&sig=***"),
        ("https://h/api?code=k&api-version=2023-01-01", "https://h/api?code=***&api-version=2023-01-01"),
        ("https://h/x?skoid=1&unheard-of=secret", "https://h/x?skoid=***&unheard-of=***"),
        ("https://user:pass@h/x", "https://h/x"),
        ("https://h/x?$filter=atScope()", "https://h/x?$filter=atScope()"),
        ("https://h/x", "https://h/x"),
    ],
)
def test_a_request_shows_only_what_cannot_be_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown
