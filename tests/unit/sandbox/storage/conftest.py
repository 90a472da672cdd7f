from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient

from tests.unit.sandbox import harness
from toolkit.sandbox.storage.azurite import AzuriteProcess
from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.service import StorageService
from toolkit.sandbox.store import Store
from toolkit.sandbox.world import World

ACCOUNT = "stacct"
KEY = base64.b64encode(b"k" * 64).decode()
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"


@dataclass
class Gateway:
    """The storage service over a real Azurite, with one account (:data:`ACCOUNT`) that a test may configure."""

    world: World
    loop: harness.Loop
    azurite: AzuriteProcess
    blobs: AzuriteBlobs
    transport: Callable[[str], RequestsTransport]

    @property
    def tokens(self) -> harness.KnownTokens:
        return cast(harness.KnownTokens, self.world.tokens)

    @property
    def grants(self) -> harness.Grants:
        return cast(harness.Grants, self.world.access)

    def configure(self, name: str = ACCOUNT, **properties: Any) -> str:
        """(Re)write an account with these properties; answers its id."""
        account = harness.resource(
            "Microsoft.Storage/storageAccounts",
            name,
            {"allowSharedKeyAccess": False, "allowBlobPublicAccess": False, **properties},
            {"keys": [{"keyName": "key1", "value": KEY}]},
        )
        self.world.store.put(account)
        return account.id

    def client(
        self,
        credential: Any = None,
        vantage: str = "internet",
        scheme: str = "https",
        account: str = ACCOUNT,
        **options: Any,
    ) -> BlobServiceClient:
        return BlobServiceClient(
            f"{scheme}://{account}.blob.core.windows.net",
            credential=credential,
            transport=self.transport(vantage),
            retry_total=0,
            **options,
        )

    def principal(
        self, name: str, data_actions: tuple[str, ...] = (), actions: tuple[str, ...] = ()
    ) -> harness.FixedToken:
        """A credential whose principal holds these permissions on the resource group."""
        self.grants.data_actions |= {(name, harness.GROUP, action) for action in data_actions}
        self.grants.actions |= {(name, harness.GROUP, action) for action in actions}
        return harness.FixedToken(self.tokens.issue(name, "https://storage.azure.com"))

    def contributor(self) -> harness.FixedToken:
        """Storage Blob Data Contributor, action by action."""
        data = ("read", "write", "delete", "add/action", "move/action")
        own = ("read", "write", "delete")
        return self.principal(
            "contributor", tuple(f"{BLOBS}/{name}" for name in data), tuple(f"{CONTAINERS}/{name}" for name in own)
        )


@pytest.fixture(scope="session")
def azurite_command() -> list[str]:
    from toolkit.toolchain.node import azurite_command

    return list(azurite_command())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, azurite_command: list[str]) -> Iterator[Gateway]:
    yield from run_gateway(tmp_path_factory.mktemp("sandbox"), azurite_command)


def run_gateway(state_dir: Path, command: list[str]) -> Iterator[Gateway]:
    store = Store(state_dir / "state.sqlite3")
    azurite = AzuriteProcess(state_dir, command)
    blobs = AzuriteBlobs(azurite, store)
    loop = harness.Loop()
    try:
        loop.run(azurite.start())
        world = harness.world(state_dir, store, blobs)
        with harness.served(loop, StorageService(world, blobs)) as transport:
            gateway = Gateway(world, loop, azurite, blobs, transport)
            gateway.configure()
            yield gateway
    finally:
        loop.run(blobs.close())
        loop.run(azurite.stop())
        loop.close()
        store.close()
