"""Keys: where they come from, and what is said of those that cannot be used; no part of a key is ever said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.evidence.support import PRIVATE_KEYS, write_keys
from toolkit.errors import UsageError
from toolkit.evidence.signing import PASSPHRASE, payload_of, signing_key, verifying_key

COSIGN = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"


@pytest.fixture(autouse=True)
def _no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSPHRASE, raising=False)


def test_a_key_comes_from_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = write_keys(tmp_path, PRIVATE_KEYS["EC P-256"]())
    monkeypatch.setenv("THE_KEY", private.read_text())
    monkeypatch.setenv("THE_PUBLIC_KEY", public.read_text())
    assert signing_key(str(private)).id == signing_key("env:THE_KEY").id == verifying_key(str(public)).id
    assert verifying_key("env:THE_PUBLIC_KEY").signed(signing_key("env:THE_KEY").envelope(b"{}"))


def test_an_encrypted_key_is_opened_with_the_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = write_keys(tmp_path, PRIVATE_KEYS["Ed25519"](), "open sesame")
    with pytest.raises(UsageError, match="is encrypted") as caught:
        signing_key(str(private))
    assert caught.value.hint == f"set {PASSPHRASE}"
    monkeypatch.setenv(PASSPHRASE, "wrong")
    with pytest.raises(UsageError, match="cannot be opened with that passphrase"):
        signing_key(str(private))
    monkeypatch.setenv(PASSPHRASE, "open sesame")
    assert signing_key(str(private)).id == verifying_key(str(public)).id


@pytest.mark.parametrize("content", ["", "no key at all", COSIGN, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n"])
def test_what_is_no_private_key_is_one_clear_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "sign.pem"
    file.write_text(content)
    with pytest.raises(UsageError) as caught:
        signing_key(str(file))
    assert str(file) in caught.value.message
    assert caught.value.hint
    assert "c2VjcmV0" not in f"{caught.value.message}{caught.value.hint}"


def test_a_public_key_does_not_sign_and_a_private_one_is_not_asked_for(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, PRIVATE_KEYS["RSA"]())
    with pytest.raises(UsageError, match="holds no private key"):
        signing_key(str(public))
    with pytest.raises(UsageError, match="holds no public key"):
        verifying_key(str(private))


@pytest.mark.parametrize("source", ["/no/such/file", "env:NOT_SET_ANYWHERE"])
def test_a_key_that_is_not_there(source: str) -> None:
    for load in (signing_key, verifying_key):
        with pytest.raises(UsageError) as caught:
            load(source)
        assert source in caught.value.message


@pytest.mark.parametrize(
    "envelope", [{}, {"payloadType": "text/plain", "payload": "", "signatures": []},
                 {"payloadType": "application/vnd.in-toto+json", "payload": "%", "signatures": []}]
)  # fmt: skip
def test_what_is_no_envelope(envelope: dict[str, object]) -> None:
    from toolkit.errors import ToolkitError

    with pytest.raises(ToolkitError, match="no DSSE envelope"):
        payload_of(envelope)
