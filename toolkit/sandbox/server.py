"""The sandbox's daemon: ``python -m toolkit.sandbox.server --state DIR --azurite '["node", "…/main.js"]'``.

Opens the state, composes the services, opens the ports, announces itself in ``sandbox.json`` once everything answers,
and closes all in order.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from toolkit.errors import ExitCode, ToolkitError
from toolkit.files import try_lock
from toolkit.processes import identify
from toolkit.records import Json
from toolkit.sandbox.arm.operations import Profile, store_profile
from toolkit.sandbox.chain import AccessLog, Router, build_chain
from toolkit.sandbox.client import proxy_settings
from toolkit.sandbox.composition import Compose, InnerPath, platform
from toolkit.sandbox.conditions import every_condition, keep
from toolkit.sandbox.control.api import ControlApi
from toolkit.sandbox.entra.azure_devops import AzureDevOps
from toolkit.sandbox.entra.ci_runs import CiRuns
from toolkit.sandbox.entra.directory import EntraDirectory
from toolkit.sandbox.entra.federation import Federation
from toolkit.sandbox.entra.github import GitHubActions
from toolkit.sandbox.entra.identities import ML_ENDPOINT, ManagedIdentityEndpoints
from toolkit.sandbox.entra.keys import SigningKey
from toolkit.sandbox.entra.service import EntraService
from toolkit.sandbox.entra.tokens import LIFETIME_SECONDS, EntraTokens
from toolkit.sandbox.faults import Fault, Faults
from toolkit.sandbox.model import VANTAGES, Origin
from toolkit.sandbox.ports import Ports
from toolkit.sandbox.proxy import HttpEngine, Proxy
from toolkit.sandbox.settings import (
    LOOPBACK,
    SandboxPaths,
    port_base,
    random_secret,
    read_announcement,
    write_announcement,
)
from toolkit.sandbox.store import Store
from toolkit.sandbox.tls import CertificateAuthority
from toolkit.waiting import wait_until

log = logging.getLogger("toolkit.sandbox")

_STATE_CHECK_SECONDS = 2.0
_CLAIM_SECONDS = 1.0


class SandboxDaemon:
    """The running sandbox. ``compose`` builds the services behind Entra; tests may pass a smaller one."""

    def __init__(self, paths: SandboxPaths, compose: Compose) -> None:
        self._paths = paths
        self._compose = compose
        self._stopping = asyncio.Event()
        self._opening = asyncio.Lock()
        self._vantages: dict[str, dict[str, dict[str, int]]] = {}
        self._announcement: Json = {}
        self._faults = Faults()
        self._started = time.time()

    async def run(self) -> None:
        """Start, announce, serve until asked to stop, close. Raises ToolkitError when it cannot start."""
        paths = self._paths
        async with contextlib.AsyncExitStack() as cleanup:
            self._cleanup = cleanup
            store = self._store = Store(paths.database)
            cleanup.callback(store.close)
            directory = self._directory = EntraDirectory(store)
            engineer = directory.ensure_engineer(random_secret(paths.engineer_secret))
            key = SigningKey(paths.entra_key)
            tokens = self._tokens = EntraTokens(key)
            self._parts = await self._compose(paths.root, store, directory, tokens)
            cleanup.push_async_callback(self._parts.close)

            github = GitHubActions(SigningKey(paths.github_key), store)
            azure_devops = AzureDevOps(SigningKey(paths.azure_devops_key), key, store)
            federation = Federation(store, github, azure_devops)
            identities = ManagedIdentityEndpoints(store, directory, tokens)
            ci_runs = CiRuns(store)
            entra = EntraService(directory, tokens, key, github, azure_devops, federation, identities, ci_runs)
            self._router = Router((entra, *self._parts.services))
            access_log = AccessLog(paths.request_log)
            cleanup.callback(access_log.close)
            token = random_secret(paths.control_token)
            control = ControlApi(self, directory, github, azure_devops, identities, ci_runs, token)
            chain = self._chain = build_chain(access_log, control, self._faults, self._router)
            self._parts.ready(InnerPath(chain, self._router))
            engine = HttpEngine(chain)
            cleanup.push_async_callback(engine.close)
            self._proxy = Proxy(engine, self._router, CertificateAuthority(paths, self._router.serves))
            cleanup.push_async_callback(self._proxy.close)

            self._ports = Ports(read_announcement(paths).get("ports", {}), port_base())
            control_port = await self._ports.open("control", lambda port: self._listen_control(engine, port))
            this = identify(os.getpid())
            assert this is not None
            self._announcement = {
                "pid": this.pid,
                "started": this.started,
                "control_port": control_port,
                "engineer": {"client_id": engineer.client_id, "object_id": engineer.object_id},
            }
            self._take_conditions()
            for subscription_id in directory.subscriptions():
                await self.open_subscription(subscription_id)
            self._parts.attach(_Hosting(self, paths, identities))
            self._announce()
            log.info("ready after %.2f s, control port %d", time.time() - self._started, control_port)
            await self._until_stopped()
            log.info("stopping")
            if paths.root.exists():
                write_announcement(paths, {"ports": self._ports.opened})

    # -- what the control API asks -----------------------------------------------------------------------------------

    def status(self) -> Json:
        return {
            **self._announcement,
            "subscriptions": self._vantages,
            "uptime_seconds": round(time.time() - self._started, 1),
            "memory_bytes": _memory_bytes(),
            "hosts": self._router.hosts,
            **self._parts.status(),
        }

    async def open_subscription(self, subscription_id: str) -> Mapping[str, Mapping[str, int]]:
        """The ports of a subscription's vantages, opened at the first call. ToolkitError when a fixed port is taken."""
        async with self._opening:
            if subscription_id not in self._vantages:
                opened: dict[str, dict[str, int]] = {}
                for vantage in VANTAGES:
                    origin, name = Origin(vantage, subscription_id), f"{subscription_id}/{vantage.name}"
                    opened[vantage.name] = {
                        "proxy_port": await self._ports.open(
                            f"{name}/proxy", self._proxy.listener(self._connections(origin), LOOPBACK)
                        ),
                        "dns_port": await self._ports.open(f"{name}/dns", self._parts.dns_listener(origin, LOOPBACK)),
                    }
                self._vantages[subscription_id] = opened
                if "pid" in read_announcement(self._paths):
                    self._announce()
            return self._vantages[subscription_id]

    def _connections(self, origin: Origin) -> Callable[[], Origin]:
        """The origin of each new connection of a vantage: its addresses take turns, as behind a NAT gateway."""
        turns = itertools.count()

        def of_next() -> Origin:
            standing = self._directory.standing(origin.subscription_id, origin.vantage.name)
            addresses = standing.addresses
            address = addresses[next(turns) % len(addresses)] if addresses else None
            return replace(origin, address=address, region=standing.region)

        return of_next

    def set_profile(self, name: str, scale: float) -> None:
        store_profile(self._store, Profile(name, scale))

    async def advance_clock(self, seconds: float) -> None:
        await self._parts.advance(seconds)

    def set_conditions(self, subscription_id: str, sent: Json) -> None:
        keep(self._store, subscription_id, sent)
        self._take_conditions()

    def _take_conditions(self) -> None:
        """What of them is not asked for with each request: how long tokens live, and what the time is."""
        every = every_condition(self._store)
        limited = [one.token_seconds for one in every if one.token_seconds is not None]
        self._tokens.lifetime = min(limited, default=LIFETIME_SECONDS)
        self._chain.clock_ahead = max((one.clock_seconds for one in every), key=abs, default=0.0)

    def order_faults(self, faults: Sequence[Fault]) -> None:
        self._faults.order(faults)

    def faults_happened(self) -> list[int]:
        return self._faults.happened

    def request_stop(self) -> None:
        """Stop once the answer to the request that asks for it is written (engine.close waits for running requests)."""
        self._stopping.set()

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _until_stopped(self) -> None:
        """Wait for a request to stop, or for the state folder to vanish: nobody could find this daemon then."""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _STATE_CHECK_SECONDS)
            if not self._paths.database.exists():
                log.error("the state folder %s is gone", self._paths.root)
                return

    async def _listen_control(self, engine: HttpEngine, port: int) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: engine.protocol(None), LOOPBACK, port)
        self._cleanup.callback(server.close)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def _announce(self) -> None:
        write_announcement(self._paths, {**self._announcement, "ports": self._ports.opened})


class _Hosting:
    """:class:`toolkit.sandbox.world.Hosting` of this daemon."""

    def __init__(self, daemon: SandboxDaemon, paths: SandboxPaths, identities: ManagedIdentityEndpoints) -> None:
        self._daemon = daemon
        self._paths = paths
        self._identities = identities
        identities.close_left()

    async def settings(self, subscription_id: str, vantage: str) -> Mapping[str, str]:
        opened = await self._daemon.open_subscription(subscription_id.lower())
        return proxy_settings(self._paths, opened[vantage]["proxy_port"])

    def identity(self, resource_id: str) -> Mapping[str, str]:
        return {"MSI_ENDPOINT": ML_ENDPOINT, "MSI_SECRET": self._identities.open_endpoint(resource_id, workload=True)}

    def forget(self, variables: Mapping[str, str]) -> None:
        if secret := variables.get("MSI_SECRET"):
            self._identities.close_endpoint(secret)


def _memory_bytes() -> int:
    """Resident memory now; the peak where the platform does not say (macOS)."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def serve(paths: SandboxPaths, compose: Compose) -> int:
    """Run a daemon on a state folder until SIGTERM, SIGINT or ``POST /stop``; the answer is the exit code."""
    paths.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths.logs.mkdir(exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    lock = _claim(paths)
    if lock is None:
        print(f"error: another daemon runs on {paths.root}", file=sys.stderr)
        return ExitCode.FAILED
    if previous := read_announcement(paths):
        write_announcement(paths, {"ports": previous.get("ports", {})})
    with lock:
        try:
            _run(SandboxDaemon(paths, compose))
        except ToolkitError as error:
            print(f"error: {error.message}\nhint: {error.hint or ''}", file=sys.stderr)
            return error.exit_code
    return ExitCode.DONE


def _claim(paths: SandboxPaths) -> IO[str] | None:
    """The daemon's lock, None when another daemon has it; a client that looks for one holds it for an instant."""
    return wait_until(lambda: try_lock(paths.daemon_lock), _CLAIM_SECONDS)


def event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where it imports, else asyncio's own loop, which does the same more slowly."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = new_event_loop
    return factory


def _run(daemon: SandboxDaemon) -> None:
    async def until_stopped() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.request_stop)
        await daemon.run()

    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        runner.run(until_stopped())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="toolkit.sandbox.server", description="The sandbox's daemon.")
    parser.add_argument("--state", type=Path, required=True, help="the state folder, <project>/.toolkit/sandbox")
    parser.add_argument(
        "--azurite", type=json.loads, required=True, help="the command that starts Azurite, as a JSON list"
    )
    arguments = parser.parse_args(argv)
    return serve(SandboxPaths(arguments.state), platform(arguments.azurite))


if __name__ == "__main__":
    sys.exit(main())
