"""The SDK clients of somebody who stands somewhere: one :class:`Actor`, one method per client.

Each client is new and is closed by its ``with`` block; credentials keep the tokens. Import costs are paid where a
client is made (azure-mgmt-datafactory takes 0.3 s).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential

from toolkit.azure.arm import ARM
from toolkit.azure.pipeline import RETRY, TIMEOUTS, USER_AGENT, RestClient
from toolkit.environment import Vantage

if TYPE_CHECKING:
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.datafactory import DataFactoryManagementClient
    from azure.mgmt.storage import StorageManagementClient
    from azure.storage.blob import BlobServiceClient

# https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
VAULT_SCOPE = "https://vault.azure.net/.default"
VAULT_API_VERSION = "7.4"
# https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory
STORAGE_SCOPE = "https://storage.azure.com/.default"


@dataclass(frozen=True, slots=True)
class Actor:
    """``identity`` (for people) with ``credential`` (None: anonymous) at ``vantage``."""

    identity: str
    vantage: Vantage
    credential: TokenCredential | None
    subscription_id: str

    def blobs(self, account_url: str, *, key: AzureNamedKeyCredential | None = None) -> BlobServiceClient:
        """The blob service of an account; with ``key``, signed with that instead of the identity's token."""
        from azure.storage.blob import BlobServiceClient, ExponentialRetry

        credential: Any = key or self.credential
        # Its own policy would wait 15 s, and up to 3 s more at random, before the first of three retries.
        retry = ExponentialRetry(
            initial_backoff=0, increment_base=1, retry_total=2, random_jitter_range=0, retry_connect=1
        )
        return BlobServiceClient(
            account_url,
            credential,
            user_agent=USER_AGENT,
            retry_policy=retry,
            **TIMEOUTS,
            **self.vantage.client_options,
        )

    def vault(self, vault_uri: str) -> RestClient:
        """Key Vault's data plane (``VAULT_API_VERSION``)."""
        return RestClient(vault_uri, self.vantage, self.credential, VAULT_SCOPE)

    def web(self, url: str) -> RestClient:
        """A client without any credential."""
        return RestClient(url, self.vantage)

    def rest(self, scope: str | None = None) -> RestClient:
        """A client for whole addresses; it sends the identity's token for ``scope``, or none."""
        return RestClient("", self.vantage, self.credential, scope)

    def arm(self) -> RestClient:
        """Any resource by its id, for the types that no SDK dependency covers."""
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
