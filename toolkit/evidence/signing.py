"""Signatures: DSSE envelopes, made and verified by securesystemslib with a key from a PEM file, offline.

* The envelope: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md
* Of RSA the scheme is PKCS #1 v1.5 with SHA-256, since that is the one that ``cosign --key`` verifies
  (https://github.com/sigstore/sigstore/blob/main/pkg/signature/verifier.go, LoadVerifier).
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

# https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PASSPHRASE = "TOOLKIT_SIGN_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
_FROM_ENVIRONMENT = "env:"
_MAKE_ONE = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out sign.pem makes one"
_RSA_SCHEME = "rsa-pkcs1v15-sha256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. ``id`` names its public half: a hash of it, which no secret follows from."""

    _signer: Signer

    @property
    def id(self) -> str:
        return str(self._signer.public_key.keyid)

    def envelope(self, payload: bytes) -> dict[str, Any]:
        """A signed DSSE envelope around an in-toto statement."""
        from securesystemslib.dsse import Envelope

        envelope = Envelope(payload, PAYLOAD_TYPE, {})
        envelope.sign(self._signer)
        document: dict[str, Any] = envelope.to_dict()
        return document


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key, and where it was read."""

    source: str
    _key: Key

    @property
    def id(self) -> str:
        return str(self._key.keyid)

    def signed(self, envelope: dict[str, Any]) -> bool:
        """Whether one of the envelope's signatures is this key's. Other signers write other key ids, or none."""
        from securesystemslib.dsse import Envelope
        from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
        from securesystemslib.signer import Signature

        whole = Envelope(payload_of(envelope), envelope["payloadType"], {})
        for one in envelope["signatures"]:
            try:
                signature = Signature(self.id, base64.b64decode(one["sig"], validate=True).hex())
                self._key.verify_signature(signature, whole.pae())
            except (UnverifiedSignatureError, VerificationError, ValueError, KeyError, TypeError):
                continue
            return True
        return False


def payload_of(envelope: dict[str, Any]) -> bytes:
    """The bytes that were signed. Raises ToolkitError when this is no DSSE envelope."""
    try:
        if envelope["payloadType"] != PAYLOAD_TYPE or not isinstance(envelope["signatures"], list):
            raise ValueError(f"payloadType is {envelope['payloadType']!r}")
        return base64.b64decode(envelope["payload"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise ToolkitError(
            f"this is no DSSE envelope of an in-toto statement: {error}", hint="docs/evidence.md describes it"
        ) from error


def signing_key(source: str) -> SigningKey:
    """The private key in the PEM file ``source``, or in the variable NAME for ``env:NAME``.

    An encrypted one is opened with TOOLKIT_SIGN_KEY_PASSPHRASE. Raises UsageError, in which no part of a key stands.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner, SSlibKey

    text, passphrase = _read(source, "--sign-key"), os.environ.get(PASSPHRASE)
    if b"SIGSTORE" in text or b"COSIGN" in text:
        raise UsageError(
            f"--sign-key {source} is a key file of cosign's own format",
            hint="sign with a PEM file that both can read: cosign import-key-pair --key sign.pem takes ours",
        )
    try:
        private = load_pem_private_key(text, passphrase.encode() if passphrase else None)
        scheme = _RSA_SCHEME if isinstance(private, RSAPrivateKey) else None
        public = SSlibKey.from_crypto(private.public_key(), scheme=scheme)
        return SigningKey(CryptoSigner(private, public))
    except TypeError as error:  # a passphrase is missing, or there is one too many
        needed = "is encrypted" if not passphrase else "is not encrypted"
        hint = f"set {PASSPHRASE}" if not passphrase else f"unset {PASSPHRASE}"
        raise UsageError(f"--sign-key {source} {needed}", hint=hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        wrong = "it cannot be opened with that passphrase, or it is no PEM file" if passphrase else "it is no PEM file"
        raise UsageError(
            f"--sign-key {source} holds no private key that can sign: {wrong} with an EC, Ed25519 or RSA key",
            hint=_MAKE_ONE,
        ) from error


def verifying_key(source: str) -> VerifyingKey:
    """The public key in the PEM file ``source``, or in the variable NAME for ``env:NAME``. Raises UsageError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        public = load_pem_public_key(_read(source, "--key"))
        scheme = _RSA_SCHEME if isinstance(public, RSAPublicKey) else None
        return VerifyingKey(source, SSlibKey.from_crypto(public, scheme=scheme))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"--key {source} holds no public key in PEM",
            hint="openssl pkey -in sign.pem -pubout -out sign.pub writes the one of a private key",
        ) from error


def _read(source: str, option: str) -> bytes:
    if source.startswith(_FROM_ENVIRONMENT):
        name = source.removeprefix(_FROM_ENVIRONMENT)
        if not os.environ.get(name):
            raise UsageError(f"{option} {source}: the variable {name} is not set", hint="it holds the key's PEM text")
        return os.environ[name].encode()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(
            f"{option} {source}: {error.strerror or error}", hint=f"a PEM file, or env:NAME for a variable; {_MAKE_ONE}"
        ) from error


def as_bytes(document: dict[str, Any]) -> bytes:
    """The bytes of a statement, as they are written and signed."""
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
