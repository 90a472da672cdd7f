"""What the sandbox consists of: the services over one world, and the network that DNS answers from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from toolkit.records import Json
from toolkit.sandbox.chain import ORIGIN_KEY, Chain, Receive, Router, Send
from toolkit.sandbox.entra.directory import EntraDirectory
from toolkit.sandbox.entra.tokens import EntraTokens
from toolkit.sandbox.model import Origin
from toolkit.sandbox.ports import Listen
from toolkit.sandbox.store import Store
from toolkit.sandbox.world import Hosting, Service, World


class DnsListener(Protocol):
    """Opens a DNS server that answers as one origin sees names."""

    def __call__(self, origin: Origin, host: str) -> Listen: ...


async def _no_clock(seconds: float) -> None:
    """Of a sandbox without factories."""


class InnerPath:
    """The sandbox's request path for requests that begin inside of it, at a vantage."""

    def __init__(self, chain: Chain, router: Router) -> None:
        self._chain = chain
        self._router = router

    def serves(self, host: str) -> bool:
        return self._router.serves(host)

    async def __call__(self, origin: Origin, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await self._chain({**scope, ORIGIN_KEY: origin}, receive, send)


@dataclass(frozen=True, slots=True)
class Parts:
    """The services behind Entra, their DNS, what they add to ``/status``, and how to stop them."""

    services: Sequence[Service]
    dns_listener: DnsListener
    status: Callable[[], Json]
    close: Callable[[], Awaitable[None]]
    # Called once the request path stands, for services that send requests of their own.
    ready: Callable[[InnerPath], None] = lambda path: None
    # Puts the clock forward by which factories fire triggers and wait, and rules arrive.
    advance: Callable[[float], Awaitable[None]] = _no_clock
    attach: Callable[[Hosting], None] = lambda _: None  # once there are ports


Compose = Callable[[Path, Store, EntraDirectory, EntraTokens], Awaitable[Parts]]


def platform(azurite_command: list[str]) -> Compose:
    """The whole sandbox: Azurite, and every service over one world."""

    async def compose(state_dir: Path, store: Store, directory: EntraDirectory, tokens: EntraTokens) -> Parts:
        from toolkit.sandbox.storage.azurite import AzuriteProcess

        process = AzuriteProcess(state_dir, azurite_command)
        starting = asyncio.create_task(process.start())
        await asyncio.sleep(0)  # let Azurite start: the imports below take part of its 0.8 s

        from toolkit.sandbox.arm.access import RoleBasedAccess
        from toolkit.sandbox.arm.service import ArmService
        from toolkit.sandbox.batch.scheduling import Scheduler
        from toolkit.sandbox.batch.service import BatchService
        from toolkit.sandbox.datafactory.callbacks import CallbackService
        from toolkit.sandbox.datafactory.engine import FactoryEngine
        from toolkit.sandbox.entra.hosted import ResourceIdentities
        from toolkit.sandbox.keyvault.keys import StoredKeys
        from toolkit.sandbox.keyvault.secrets import StoredSecrets
        from toolkit.sandbox.keyvault.service import KeyVaultService
        from toolkit.sandbox.machine_learning.jobs import Jobs
        from toolkit.sandbox.machine_learning.run_tokens import RunTokens
        from toolkit.sandbox.machine_learning.service import MachineLearningService
        from toolkit.sandbox.network.dns import DnsServer, serve_dns
        from toolkit.sandbox.network.egress import EgressService
        from toolkit.sandbox.network.routing import PrivateNetwork
        from toolkit.sandbox.registry.service import RegistryService
        from toolkit.sandbox.storage.blobs import AzuriteBlobs
        from toolkit.sandbox.storage.datalake import DataLakeService
        from toolkit.sandbox.storage.service import StorageService
        from toolkit.sandbox.storage.unserved import KINDS, UnservedStorage
        from toolkit.sandbox.web.service import WebService
        from toolkit.sandbox.workloads.processes import Workloads

        blobs = AzuriteBlobs(process, store)
        network = PrivateNetwork(store)
        access, secrets, keys = RoleBasedAccess(store), StoredSecrets(store), StoredKeys(store)
        workloads, identities, run_tokens = Workloads(store), ResourceIdentities(directory, tokens), RunTokens()
        jobs = Jobs(store, workloads, state_dir / "jobs", directory, run_tokens)
        tasks = Scheduler(store, workloads, identities, state_dir / "batch")
        world = World(state_dir, store, directory, tokens, access, network, blobs, secrets, keys, jobs=jobs)
        factories = FactoryEngine(world, identities)
        world.factories = world.blob_events = factories
        services: tuple[Service, ...] = (
            *(ArmService(world), StorageService(world, blobs), KeyVaultService(world)),
            *(MachineLearningService(world, run_tokens), DataLakeService(world, blobs)),
            *(UnservedStorage(world, kind) for kind in KINDS),
            *(BatchService(world, tasks), CallbackService(factories), EgressService()),
            *(RegistryService(world), WebService(world)),
        )
        await starting
        dns_servers: list[DnsServer] = []

        def dns_listener(origin: Origin, host: str) -> Listen:
            async def listen(port: int) -> int:
                server = await serve_dns(origin, network, host, port)
                dns_servers.append(server)
                return server.port

            return listen

        async def close() -> None:
            await factories.close()
            await jobs.close()
            await tasks.close()
            for server in dns_servers:
                server.close()
            await blobs.close()
            await process.stop()

        async def advance(seconds: float) -> None:
            world.front_ends.advance(seconds)
            await factories.advance(seconds)

        def about() -> Json:
            return {"azurite_pid": process.pid, "resources": store.counts()}

        def attach(hosting: Hosting) -> None:
            jobs.attach(hosting)  # ends what a killed daemon left running, of tasks too
            tasks.attach(hosting)

        return Parts(services, dns_listener, about, close, factories.open, advance, attach)

    return compose
