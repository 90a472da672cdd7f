"""Access tokens: what they say, and their verification for the other services (``world.Tokens``).

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference (version 1.0 tokens, which
Azure's own resources take).
"""

from __future__ import annotations

import secrets
import time
import uuid

import jwt

from toolkit.sandbox.entra.directory import Account
from toolkit.sandbox.entra.keys import SigningKey
from toolkit.sandbox.model import Principal
from toolkit.sandbox.world import InvalidToken

LIFETIME_SECONDS = 3600
_CACHE_SIZE = 2048


def issuer(tenant_id: str) -> str:
    """The ``iss`` of version 1.0 tokens."""
    return f"https://sts.windows.net/{tenant_id}/"


class EntraTokens:
    """Issues and verifies the access tokens of every tenant."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self.lifetime = LIFETIME_SECONDS  # as a token lifetime policy of the tenant sets it
        self._verified: dict[str, tuple[Principal, str, float]] = {}

    def issue(self, account: Account, tenant_id: str, audience: str, *, by: str) -> str:
        """A token for an application. ``by`` is how it proved itself: "1" a secret, "2" a certificate or assertion."""
        now = int(time.time())
        return self._key.sign(
            {
                "aud": audience,
                "iss": issuer(tenant_id),
                "iat": now,
                "nbf": now,
                "exp": now + self.lifetime,
                "aio": secrets.token_urlsafe(24),
                "appid": account.client_id,
                "appidacr": by,
                "idp": issuer(tenant_id),
                "idtyp": "app",
                "oid": account.object_id,
                "sub": account.object_id,
                "tid": tenant_id,
                "uti": secrets.token_urlsafe(16),
                "ver": "1.0",
                **({"xms_mirid": account.resource_id} if account.resource_id else {}),
                "app_displayname": account.display_name,
                "jti": str(uuid.uuid4()),
            }
        )

    def verify(self, authorization: str | None, audiences: tuple[str, ...]) -> Principal:
        """The principal of an ``Authorization: Bearer …`` header.

        An audience counts with and without a trailing slash, as Azure's resources have it. Raises InvalidToken.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise InvalidToken("the request carries no bearer token")
        token = token.strip()
        known = self._verified.get(token)
        if known is None or known[2] <= time.time():
            known = self._check(token)
        principal, audience, _ = known
        if not any(audience == wanted.rstrip("/").lower() for wanted in audiences):
            raise InvalidToken(f"the token is for the audience '{audience}', not for {' or '.join(audiences)}")
        return principal

    def _check(self, token: str) -> tuple[Principal, str, float]:
        self._verified.pop(token, None)
        try:
            claims = self._key.verify(token)
        except jwt.ExpiredSignatureError:
            raise InvalidToken("the token has expired") from None
        except jwt.InvalidTokenError as error:
            raise InvalidToken(f"the token is not one of this sandbox: {error}") from None
        principal = Principal(
            claims["oid"], claims["tid"], "ServicePrincipal", claims["appid"], claims.get("app_displayname", "")
        )
        while len(self._verified) >= _CACHE_SIZE:
            del self._verified[next(iter(self._verified))]
        checked = (principal, str(claims["aud"]).rstrip("/").lower(), float(claims["exp"]))
        self._verified[token] = checked
        return checked
