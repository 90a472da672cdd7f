"""Azure DevOps' side of a service connection with workload identity federation: the tokens of its jobs.

Two issuers are in use (https://github.com/microsoft/terraform-provider-azuredevops/issues/1361). Older connections show
``https://vstoken.dev.azure.com/ORGANIZATION_ID`` with the subject ``sc://ORGANIZATION/PROJECT/CONNECTION``, which is to
be retired
(https://devblogs.microsoft.com/devops/retirement-of-azure-devops-issuer-in-workload-identity-federation-service-connections/);
those made since 2025 show a token of Entra's own, ``https://login.microsoftonline.com/TENANT/v2.0``, whose subject
(``/eid1/c/pub/t/…``) Azure DevOps generates.

A job asks as azure-identity's AzurePipelinesCredential does: POST to SYSTEM_OIDCREQUESTURI with SYSTEM_ACCESSTOKEN and
the connection's id (https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create).
"""

from __future__ import annotations

import re
import secrets
import time
import uuid

from toolkit.sandbox.entra.directory import secret_hash
from toolkit.sandbox.entra.keys import SigningKey
from toolkit.sandbox.store import Store

REQUEST_URI = "https://dev.azure.com/sandbox/_apis/distributedtask/hubs/build/plans/1/jobs/1/oidctoken"
REQUEST_SECONDS = 6 * 3600
TOKEN_SECONDS = 600
AUDIENCE = "api://AzureADTokenExchange"
_REQUEST = "azure-devops-request"
_OWN = re.compile(r"https://vstoken\.dev\.azure\.com/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ENTRA = re.compile(
    r"https://login\.microsoftonline\.com/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/v2\.0", re.IGNORECASE
)


class AzureDevOps:
    """Signs for both issuers: its own with its key, Entra's with Entra's."""

    def __init__(self, key: SigningKey, entra_key: SigningKey, store: Store) -> None:
        self.key = key
        self._entra_key = entra_key
        self._store = store

    def key_of(self, issuer: str) -> SigningKey | None:
        """None for an issuer of somebody else's."""
        if _OWN.fullmatch(issuer):
            return self.key
        return self._entra_key if _ENTRA.fullmatch(issuer) else None

    def open_request(self, connection_id: str, issuer: str, subject: str) -> str:
        """The access token of one job that may use one service connection.

        It grants nothing by itself: a federated credential must name issuer and subject.
        """
        for key, document in self._store.documents(_REQUEST):
            if document["expires"] < time.time():
                self._store.delete_document(_REQUEST, key)
        token = secrets.token_urlsafe(32)
        document = {
            "connection_id": connection_id.lower(),
            "issuer": issuer,
            "subject": subject,
            "expires": time.time() + REQUEST_SECONDS,
        }
        self._store.put_document(_REQUEST, secret_hash(token), document)
        return token

    def id_token(self, access_token: str, connection_id: str) -> str | None:
        """The job's token; None for a job that is unknown or over, or may not use the connection."""
        document = self._store.document(_REQUEST, secret_hash(access_token))
        if document is None or document["expires"] < time.time() or document["connection_id"] != connection_id.lower():
            return None
        key = self.key_of(document["issuer"])
        if key is None:
            return None
        now = int(time.time())
        return key.sign(
            {
                "jti": str(uuid.uuid4()),
                "sub": document["subject"],
                "aud": AUDIENCE,
                "iss": document["issuer"],
                "iat": now,
                "nbf": now - 5,
                "exp": now + TOKEN_SECONDS,
            }
        )
