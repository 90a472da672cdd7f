"""A vault behind Key Vault's data plane, and its officer who may do everything with secrets and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from azure.core import PipelineClient
from azure.core.rest import HttpRequest, HttpResponse

from tests.unit.sandbox import harness
from toolkit.sandbox.keyvault.service import KeyVaultService
from toolkit.sandbox.store import Store
from toolkit.sandbox.world import World

VAULT = "kvtest"
HOST = f"https://{VAULT}.vault.azure.net"
SECRETS = "Microsoft.KeyVault/vaults/secrets"
KEYS = "Microsoft.KeyVault/vaults/keys"
_COMMON = ("update/action", "delete", "recover/action", "purge/action")
OFFICER = (
    *(f"{SECRETS}/{action}" for action in ("getSecret/action", "setSecret/action", "readMetadata/action", *_COMMON)),
    *(f"{KEYS}/{action}" for action in ("read", "create/action", "rotate/action", *_COMMON)),
    "Microsoft.KeyVault/vaults/keyrotationpolicies/read",
    "Microsoft.KeyVault/vaults/keyrotationpolicies/write",
)


@dataclass
class Vault:
    world: World
    transport: Callable[[str], Any]

    def configure(self, **properties: Any) -> str:
        vault = harness.resource(
            "Microsoft.KeyVault/vaults",
            VAULT,
            {
                "tenantId": harness.TENANT,
                "enableRbacAuthorization": True,
                "softDeleteRetentionInDays": 7,
                **properties,
            },
        )
        vault.body["location"] = "westeurope"
        self.world.store.put(vault)
        return vault.id

    def token(self, name: str, *data_actions: str, audience: str = "https://vault.azure.net") -> str:
        grants = cast(harness.Grants, self.world.access)
        grants.data_actions |= {(name, harness.GROUP, action) for action in data_actions}
        return cast(harness.KnownTokens, self.world.tokens).issue(name, audience)

    def grant(self, name: str, where: str, *data_actions: str) -> None:
        """Allow actions on one object of the vault only."""
        scope = f"{self.configure()}/{where}"
        cast(harness.Grants, self.world.access).data_actions |= {(name, scope, action) for action in data_actions}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "officer",
        vantage: str = "internet",
        host: str = HOST,
    ) -> HttpResponse:
        headers = {}
        if token == "officer":
            token = self.token("officer", *OFFICER)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        with PipelineClient(host, transport=self.transport(vantage), policies=[]) as client:
            separator = "&" if "?" in path else "?"
            url = path if path.startswith("https:") else f"{host}/{path}{separator}api-version=7.6"
            return client.send_request(HttpRequest(method, url, json=body, headers=headers))


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    store = Store(":memory:")
    world = harness.world(tmp_path, store)
    loop = harness.Loop()
    with harness.served(loop, KeyVaultService(world)) as transport:
        vault = Vault(world, transport)
        vault.configure()
        yield vault
    loop.close()
    store.close()


def refusal(response: HttpResponse) -> tuple[int, str, str | None]:
    error = response.json()["error"]
    return response.status_code, error["code"], error.get("innererror", {}).get("code")
