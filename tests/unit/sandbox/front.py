"""The sandbox's front (proxy, TLS, chain, Entra, control API) in this process, with the services that a test wants."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from toolkit.sandbox.client import Sandbox, VantagePorts, find_running
from toolkit.sandbox.composition import Parts
from toolkit.sandbox.entra.directory import EntraDirectory
from toolkit.sandbox.entra.tokens import EntraTokens
from toolkit.sandbox.model import Origin
from toolkit.sandbox.ports import Listen
from toolkit.sandbox.server import SandboxDaemon, event_loop_factory
from toolkit.sandbox.settings import SandboxPaths
from toolkit.sandbox.store import Store
from toolkit.sandbox.world import Service

TENANT = "0e0f0000-0000-4000-8000-000000000001"
SUBSCRIPTION = "0e0f0000-0000-4000-8000-000000000002"


@dataclass
class Front:
    """The running front, and what the code behind it holds."""

    paths: SandboxPaths
    sandbox: Sandbox
    store: Store
    directory: EntraDirectory
    tokens: EntraTokens
    vantages: dict[str, VantagePorts]
    loop_problems: list[dict[str, Any]]

    def proxy_port(self, vantage: str = "internet") -> int:
        return self.vantages[vantage].proxy_port

    def proxy(self, vantage: str = "internet") -> str:
        return f"http://127.0.0.1:{self.proxy_port(vantage)}"

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.paths.ca_certificate))

    def http(self, vantage: str = "internet") -> httpx.Client:
        return httpx.Client(proxy=self.proxy(vantage), verify=self.trust(), trust_env=False, timeout=20)

    def options(self, vantage: str = "internet") -> dict[str, Any]:
        """Keyword arguments that put an Azure SDK credential at a vantage."""
        proxy = self.proxy(vantage)
        return {"proxies": {"https": proxy, "http": proxy}, "connection_verify": str(self.paths.ca_certificate)}

    def secret(self) -> str:
        return self.paths.engineer_secret.read_text()


@contextmanager
def running_front(
    root: Path, services: Sequence[Service] = (), loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> Iterator[Front]:
    paths = SandboxPaths(root)
    paths.root.mkdir(parents=True, exist_ok=True)
    inside: dict[str, Any] = {}
    problems: list[dict[str, Any]] = []

    async def compose(state_dir: Path, store: Store, directory: EntraDirectory, tokens: EntraTokens) -> Parts:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        inside.update(store=store, directory=directory, tokens=tokens)
        return Parts(services, _no_dns, dict, _nothing)

    failure: list[BaseException] = []

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory or event_loop_factory()) as runner:
                runner.run(SandboxDaemon(paths, compose).run())
        except BaseException as error:  # shown by the waiting thread below
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while (sandbox := find_running(paths)) is None:
        if failure:
            raise failure[0]
        thread.join(0.005)
    vantages = sandbox.subscription(TENANT, SUBSCRIPTION)
    try:
        yield Front(paths, sandbox, vantages=vantages, loop_problems=problems, **inside)
    finally:
        sandbox.request_stop()
        thread.join(20)
        assert not thread.is_alive(), "the daemon did not stop"
        assert not failure, failure


def _no_dns(origin: Origin, host: str) -> Listen:
    async def listen(port: int) -> int:
        return 0

    return listen


async def _nothing() -> None:
    return None
