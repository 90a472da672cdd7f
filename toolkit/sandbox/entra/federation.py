"""Workload identity federation: the check of an assertion against the credentials that ARM holds.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

from typing import Any

import jwt

from toolkit.sandbox.entra import errors
from toolkit.sandbox.entra.azure_devops import AzureDevOps
from toolkit.sandbox.entra.directory import Account
from toolkit.sandbox.entra.github import GITHUB_ISSUER, GitHubActions
from toolkit.sandbox.store import Store

_FEDERATED_CREDENTIALS = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"


class Federation:
    """Decides whether an assertion of another issuer stands for an application of ours."""

    def __init__(self, store: Store, github: GitHubActions, azure_devops: AzureDevOps) -> None:
        self._store = store
        self._github = github
        self._azure_devops = azure_devops

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
        key = self._github.key if issuer == GITHUB_ISSUER else self._azure_devops.key_of(issuer)
        if key is None:
            text = "the sandbox holds keys of GitHub's, Azure DevOps' and Entra's issuers only."
            raise errors.assertion_not_signed(issuer, text)
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
        trusted = [str(c.get("subject", "")) for c in candidates]
        candidates = [c for c in candidates if c.get("subject") == subject]
        if not candidates:
            if subject.lower() in [each.lower() for each in trusted]:
                raise errors.no_federated_identity(7002138, "subject", subject, errors.OTHER_CASE)
            raise errors.no_federated_identity(700213, "subject", subject)
        if not any(audience in c.get("audiences", []) for c in candidates):
            raise errors.no_federated_identity(700212, "audience", audience)
