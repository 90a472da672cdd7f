"""RSA keys that sign the sandbox's tokens, kept in the state folder so that tokens outlive a restart."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from toolkit.files import write_atomically

ALGORITHM = "RS256"


class SigningKey:
    """One issuer's RS256 key: signs, verifies, and shows its public half as a JSON Web Key."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            write_atomically(
                path,
                made.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ),
            )
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._private = key
        self._public = key.public_key()
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:20]).decode().rstrip("=")

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._private, algorithm=ALGORITHM, headers={"kid": self.key_id, "x5t": self.key_id})

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token that this key signed, whatever its audience; raises ``jwt.InvalidTokenError``."""
        claims: dict[str, Any] = jwt.decode(
            token,
            self._public,
            algorithms=[ALGORITHM],
            leeway=5,
            options={"verify_aud": False, "verify_iat": False},
        )
        return claims

    def jwks(self) -> dict[str, Any]:
        """The JSON Web Key Set (RFC 7517) with this one key."""
        key: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self._public, as_dict=True)
        key.pop("key_ops", None)
        return {"keys": [{**key, "use": "sig", "alg": ALGORITHM, "kid": self.key_id, "x5t": self.key_id}]}
