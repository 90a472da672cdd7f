"""Fixtures that every kind of test may use: one sandbox per test session, in a project folder of its own."""

from __future__ import annotations

import gc
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from toolkit.environment import Connection

ROOT = Path(__file__).parent.parent


def pytest_configure() -> None:
    """A background job of a script starts with SIGINT ignored, one of nohup with SIGHUP, and so would whatever a test
    starts and sends these signals."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def _interrupts_arrive() -> Iterator[None]:
    """Hypothesis times the garbage collector in a callback, for the rest of the process; Python swallows what is raised
    in one, and a Ctrl-C that a later test sends would be lost there."""
    before = list(gc.callbacks)
    yield
    gc.callbacks[:] = before


def copy_project(target: Path) -> Path:
    """The parts of the checkout that a run reads, in a folder of its own, so that tests never meet a user's state."""
    for name in ("envs", "terraform"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    return target


@dataclass(frozen=True)
class SandboxForTests:
    """A running sandbox with the subscription of envs/local."""

    connection: Connection

    @property
    def subscription_id(self) -> str:
        return self.connection.environment.subscription_id

    @property
    def tenant_id(self) -> str:
        return self.connection.environment.tenant_id

    @property
    def ca(self) -> str:
        return self.connection.runner.settings["SSL_CERT_FILE"]

    def proxy(self, vantage: str) -> str:
        return self.connection.vantages[vantage].settings["HTTPS_PROXY"]

    def options(self, vantage: str = "internet") -> dict[str, Any]:
        return self.connection.vantages[vantage].client_options

    def credential(self, vantage: str = "internet") -> TokenCredential:
        """The sandbox's engineer, Owner of the subscription."""
        from azure.identity import ClientSecretCredential

        settings = self.connection.credential_settings
        return ClientSecretCredential(
            self.tenant_id, settings["AZURE_CLIENT_ID"], settings["AZURE_CLIENT_SECRET"], **self.options(vantage)
        )


@pytest.fixture(scope="session")
def project_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def sandbox(project_dir: Path) -> Iterator[SandboxForTests]:
    from toolkit.environment import connect, load_environment
    from toolkit.project import Project
    from toolkit.sandbox import client

    environment = load_environment("local", Project(project_dir))
    try:
        yield SandboxForTests(connect(environment))
    finally:
        client.stop(project_dir)
