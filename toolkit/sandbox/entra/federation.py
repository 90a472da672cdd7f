"""Workload identity federation: GitHub Actions' token issuer, and the check of an assertion against what ARM holds.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation and
https://docs.github.com/actions/reference/security/oidc
"""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

import jwt

from toolkit.records import Json
from toolkit.sandbox.entra import errors
from toolkit.sandbox.entra.directory import Account, secret_hash
from toolkit.sandbox.entra.keys import SigningKey
from toolkit.sandbox.store import Store

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GITHUB_REQUEST_URL = "https://pipelines.actions.githubusercontent.com/sandbox/idtoken?api-version=2.0"
_REQUEST_SECONDS = 6 * 3600  # a job's longest run on GitHub's own runners
_TOKEN_SECONDS = 300
_FEDERATED_CREDENTIALS = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
_REQUEST = "github-token-request"


class GitHubActions:
    """GitHub's OpenID Connect provider, for jobs that the control API announces."""

    def __init__(self, key: SigningKey, store: Store) -> None:
        self.key = key
        self._store = store

    def open_request(self, subject: str) -> str:
        """A request token for one job's subject, as the runner gets it in ACTIONS_ID_TOKEN_REQUEST_TOKEN.

        It grants nothing by itself: a federated credential must name the subject.
        """
        for key, document in self._store.documents(_REQUEST):
            if document["expires"] < time.time():
                self._store.delete_document(_REQUEST, key)
        token = secrets.token_urlsafe(32)
        self._store.put_document(
            _REQUEST, secret_hash(token), {"subject": subject, "expires": time.time() + _REQUEST_SECONDS}
        )
        return token

    def id_token(self, request_token: str, audience: str | None) -> str | None:
        """The job's id token; None for a request token that is unknown or too old."""
        document = self._store.document(_REQUEST, secret_hash(request_token))
        if document is None or document["expires"] < time.time():
            return None
        return self.key.sign(github_claims(document["subject"], audience))


def github_claims(subject: str, audience: str | None) -> Json:
    """The claims of a job whose subject is given; the repository and the ref or environment are read from it."""
    repository = subject.split(":")[1] if subject.startswith("repo:") and subject.count(":") >= 2 else "owner/name"
    owner = repository.split("/")[0]
    now = int(time.time())
    claims: Json = {
        "jti": str(uuid.uuid4()),
        "sub": subject,
        "aud": audience or f"https://github.com/{owner}",
        "iss": GITHUB_ISSUER,
        "iat": now,
        "nbf": now - 5,
        "exp": now + _TOKEN_SECONDS,
        "repository": repository,
        "repository_owner": owner,
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "event_name": "push",
        "runner_environment": "github-hosted",
    }
    _, _, context = subject.partition(f"repo:{repository}:")
    if context.startswith("environment:"):
        claims["environment"] = context.removeprefix("environment:")
    elif context.startswith("ref:"):
        claims["ref"] = context.removeprefix("ref:")
    elif context == "pull_request":
        claims["event_name"] = "pull_request"
    return claims


class Federation:
    """Decides whether an assertion of another issuer stands for an application of ours."""

    def __init__(self, store: Store, github: GitHubActions) -> None:
        self._store = store
        self._keys = {GITHUB_ISSUER: github.key}

    def check(self, account: Account, assertion: str) -> None:
        """Return when a federated credential of the account matches and the issuer signed; raise EntraError otherwise.

        Entra compares issuer, subject and audience literally, with case:
        https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations. A slash at the
        issuer's end counts too: https://github.com/MicrosoftDocs/azure-docs/issues/97699
        """
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError as error:
            raise errors.malformed_assertion(str(error)) from None
        issuer = str(claims.get("iss", ""))
        self._match(account, claims)
        key = self._keys.get(issuer)
        if key is None:
            known = ", ".join(self._keys)
            raise errors.assertion_not_signed(issuer, f"the sandbox holds keys of these issuers only: {known}.")
        try:
            key.verify(assertion)
        except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
            raise errors.assertion_out_of_time(claims.get("nbf"), claims.get("exp")) from None
        except jwt.InvalidTokenError as error:
            raise errors.assertion_not_signed(issuer, f"{error}.") from None

    def _match(self, account: Account, claims: dict[str, Any]) -> None:
        issuer, subject, audience = (str(claims.get(name, "")) for name in ("iss", "sub", "aud"))
        candidates = [r.properties for r in self._store.under(account.resource_id or "/none", _FEDERATED_CREDENTIALS)]
        # The order in which a mismatch is reported is inferred; each number is documented.
        candidates = [c for c in candidates if c.get("issuer") == issuer]
        if not candidates:
            raise errors.no_federated_identity(700211, "issuer", issuer)
        candidates = [c for c in candidates if c.get("subject") == subject]
        if not candidates:
            raise errors.no_federated_identity(700213, "subject", subject)
        if not any(audience in c.get("audiences", []) for c in candidates):
            raise errors.no_federated_identity(700212, "audience", audience)
