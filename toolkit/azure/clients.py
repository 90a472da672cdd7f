"""The SDK clients of somebody who stands somewhere: one :class:`Actor`, one method per client.

Each client is new and is closed by its ``with`` block; credentials keep the tokens. Import costs are paid where a
client is made (azure-mgmt-datafactory takes 0.3 s).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential

from toolkit.azure.pipeline import RETRY, TIMEOUTS, USER_AGENT, RestClient
from toolkit.environment import Vantage

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.datafactory import DataFactoryManagementClient
    from azure.mgmt.storage import StorageManagementClient
    from azure.storage.blob import BlobServiceClient

ARM = "https://management.azure.com"
# https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
VAULT_SCOPE = "https://vault.azure.net/.default"
VAULT_API_VERSION = "7.4"

# azure-storage-blob has a retry policy of its own: 15 s before the first retry unless told otherwise.
_BLOB_RETRY: Mapping[str, Any] = {
    "retry_total": 2,
    "retry_connect": 1,
    "retry_read": 1,
    "initial_backoff": 1,
    "increment_base": 2,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """``identity`` (for people) with ``credential`` (None: anonymous) at ``vantage``."""

    identity: str
    vantage: Vantage
    credential: TokenCredential | None
    subscription_id: str

    def blobs(self, account_url: str, *, key: AzureNamedKeyCredential | None = None) -> BlobServiceClient:
        """The blob service of an account; with ``key``, signed with that instead of the identity's token."""
        from azure.storage.blob import BlobServiceClient

        credential: Any = key or self.credential
        return BlobServiceClient(
            account_url,
            credential,
            user_agent=USER_AGENT,
            **_BLOB_RETRY,
            **TIMEOUTS,
            **self.vantage.client_options,
        )

    def vault(self, vault_uri: str) -> RestClient:
        """Key Vault's data plane (``VAULT_API_VERSION``)."""
        return RestClient(vault_uri, self.vantage, self.credential, VAULT_SCOPE)

    def web(self, url: str) -> RestClient:
        """A client without any credential."""
        return RestClient(url, self.vantage)

    def arm(self) -> RestClient:
        """Reads of any resource by its id, for the types that no SDK dependency covers."""
        return RestClient(ARM, self.vantage, self._token(), f"{ARM}/.default")

    def storage(self) -> StorageManagementClient:
        from azure.mgmt.storage import StorageManagementClient

        return StorageManagementClient(self._token(), self.subscription_id, **self._management())

    def authorization(self) -> AuthorizationManagementClient:
        from azure.mgmt.authorization import AuthorizationManagementClient

        return AuthorizationManagementClient(self._token(), self.subscription_id, **self._management())

    def data_factory(self) -> DataFactoryManagementClient:
        from azure.mgmt.datafactory import DataFactoryManagementClient

        return DataFactoryManagementClient(self._token(), self.subscription_id, **self._management())

    def _token(self) -> TokenCredential:
        if self.credential is None:
            raise ValueError(f"{self.identity} has no credential: the control plane has no anonymous access")
        return self.credential

    def _management(self) -> dict[str, Any]:
        return {"user_agent": USER_AGENT, **RETRY, **TIMEOUTS, **self.vantage.client_options}
