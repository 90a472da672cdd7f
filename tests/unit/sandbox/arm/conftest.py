"""An ARM service over a store in memory. Only what other processes provide is stood in for: tokens and Azurite."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from toolkit.sandbox.arm.access import RoleBasedAccess
from toolkit.sandbox.arm.operations import INSTANT, Profile
from toolkit.sandbox.arm.service import ArmService
from toolkit.sandbox.entra.directory import EntraDirectory
from toolkit.sandbox.keyvault.keys import StoredKeys
from toolkit.sandbox.keyvault.secrets import StoredSecrets
from toolkit.sandbox.model import Origin, Principal, vantage
from toolkit.sandbox.store import Resource, Store
from toolkit.sandbox.world import InvalidToken, World

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
SUB = f"/subscriptions/{SUBSCRIPTION}"
RG = f"{SUB}/resourceGroups/rg-test"
PLAIN = {"location": "westeurope"}

NAMESPACES = (
    "Microsoft.Network",
    "Microsoft.Storage",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.DataFactory",
    "Microsoft.MachineLearningServices",
    "Microsoft.OperationalInsights",
    "Microsoft.Insights",
    "Microsoft.ContainerRegistry",
    "Microsoft.Batch",
    "Microsoft.Web",
)
_VERSION = {
    "microsoft.authorization": "2022-04-01",
    "microsoft.resources": "2024-03-01",
    "microsoft.network": "2024-06-01",
    "microsoft.insights": "2021-05-01-preview",
    "microsoft.datafactory": "2018-06-01",
}


class BearerIsObjectId:
    """Tokens without cryptography: the bearer is the principal's object id. Real tokens have their own tests in
    entra/."""

    def __init__(self, directory: EntraDirectory) -> None:
        self._directory = directory

    def verify(self, authorization: str | None, audiences: tuple[str, ...]) -> Principal:
        object_id = (authorization or "").removeprefix("Bearer ")
        if not object_id:
            raise InvalidToken("there is no token")
        known = self._directory.principal(object_id)
        client_id = known.client_id if known else "cafe"
        return Principal(object_id, (known.tenant_id if known else "") or TENANT, "ServicePrincipal", client_id)


@dataclass
class RecordedBlobs:
    """Stands for Azurite: remembers which containers the control plane asked for."""

    containers: set[tuple[str, str]] = field(default_factory=set)
    public: dict[tuple[str, str], str] = field(default_factory=dict)

    async def create_container(self, account: str, container: str) -> None:
        self.containers.add((account, container))

    async def set_public_access(self, account: str, container: str, level: str) -> None:
        self.public[account, container] = level

    async def delete_container(self, account: str, container: str) -> None:
        self.containers.discard((account, container))

    async def rename_container(self, account: str, container: str, new: str) -> bool:
        if (account, container) not in self.containers:
            return False
        self.containers.symmetric_difference_update({(account, container), (account, new)})
        return True

    async def delete_account(self, account: str) -> None:
        self.containers = {entry for entry in self.containers if entry[0] != account}

    def container_access(self, account: Resource, container: str, letters: str, delegator: Principal | None) -> str:
        return f"sp={letters}&by={delegator.object_id if delegator else 'key'}"

    def holds(self, account: str) -> bool:
        return any(owner == account for owner, _ in self.containers)

    def rename_account(self, account: str, new: str) -> None:
        self.containers = {(new if owner == account else owner, name) for owner, name in self.containers}


@dataclass
class Arm:
    """A client of the service; every call is made as ``principal`` (the engineer, Owner, unless told otherwise)."""

    service: ArmService
    directory: EntraDirectory
    blobs: RecordedBlobs
    store: Store

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        principal: str | None = None,
        version: str | None = "",
        **headers: str,
    ) -> httpx.Response:
        provider = path.lower().rpartition("/providers/")[2].split("/")[0]
        if version == "":
            version = _VERSION.get(provider, "2026-02-01")
        separator = "&" if "?" in path else "?"
        url = f"https://management.azure.com{path}" + (f"{separator}api-version={version}" if version else "")
        bearer = principal if principal is not None else self.directory.engineer().object_id
        sent = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}

        async def send() -> httpx.Response:
            async def app(scope: Scope, receive: Receive, send: Send) -> None:
                response = await self.service.handle(Request(scope, receive), Origin(vantage("internet"), SUBSCRIPTION))
                await response(scope, receive, send)

            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=cast(Any, app))) as client:
                content = json.dumps(body) if body is not None else None
                return await client.request(method, url, content=content, headers=sent)

        return asyncio.run(send())

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The body of a request that must succeed."""
        response = self(method, path, body, **options)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str]:
        """Status and error code of a request that must fail."""
        response = self(method, path, body, **options)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()["error"]["code"]


@dataclass
class Clock:
    """Time that a test moves."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def build(store: Store, profile: Profile = INSTANT, clock: Clock | None = None) -> Arm:
    directory = EntraDirectory(store)
    directory.ensure_engineer("a secret of the test")
    directory.add_subscription(SUBSCRIPTION, TENANT, "test")
    blobs = RecordedBlobs()
    world = World(
        Path("/nowhere"),
        store,
        directory,
        BearerIsObjectId(directory),
        RoleBasedAccess(store),
        cast(Any, None),
        blobs,
        StoredSecrets(store),
        StoredKeys(store),
    )
    arm = Arm(ArmService(world, profile, clock or Clock()), directory, blobs, store)
    for namespace in NAMESPACES:
        arm.ok("POST", f"{SUB}/providers/{namespace}/register", version="2021-04-01")
    return arm


@pytest.fixture
def arm() -> Arm:
    made = build(Store(":memory:"))
    made.ok("PUT", RG, {"location": "westeurope"})
    return made
