"""What one locked run on one environment holds; planning, applying and the rest are functions on it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from toolkit.environment import Connection, Environment, connect
from toolkit.environment.shell import left_out
from toolkit.errors import RefusedError, ToolkitError
from toolkit.processes import terminating_like_an_interrupt
from toolkit.terraform import diagnostics
from toolkit.terraform.events import Observer, Result
from toolkit.terraform.leases import Book, NoBook
from toolkit.terraform.lock import EnvironmentLock, lock_environment
from toolkit.terraform.places import with_own_places
from toolkit.terraform.runner import Runner
from toolkit.terraform.state import BOOTSTRAP_KEY, Backend, read_backend
from toolkit.terraform.workspace import RootName, WorkFolder
from toolkit.toolchain.engines import engine_of
from toolkit.toolchain.provider import Provider, resolve_provider
from toolkit.toolchain.terraform import ensure_terraform
from toolkit.toolchain.tool import Tool


def nothing() -> None:
    """Who is let in by the environment's own rules has nothing to do."""


class StateMissingError(ToolkitError):
    """The state account or its container is not there: bootstrap comes first."""


@dataclass(slots=True)
class Session:
    """Holds the environment's lock. Use :func:`open_session`."""

    connection: Connection
    observer: Observer
    lock: EnvironmentLock
    terraform: Tool
    provider: Provider
    backend: Backend
    leases: Book = field(default_factory=NoBook)
    let_in: Callable[[], None] = nothing  # to the account of the states, as soon as it is there
    switching: bool = False  # the state may be of the other engine
    recreate_empty: frozenset[str] = frozenset()  # what is made anew although it could be restored
    stale_identities: tuple[Any, list[Any]] = (
        None,
        [],
    )  # recovery/renewed_identity.py: of which plan's document, and who

    @property
    def environment(self) -> Environment:
        return self.connection.environment

    def folder(self, root: RootName) -> WorkFolder:
        return WorkFolder(self.environment, root, engine_of(self.terraform).lock_file)

    def runner(self, root: RootName) -> Runner:
        settings = dict(self.connection.process_environment())
        if self.provider.cli_config_file is not None:
            settings["TF_CLI_CONFIG_FILE"] = str(self.provider.cli_config_file)
        return Runner(
            self.terraform.path,
            self.folder(root).path,
            settings,
            self.environment.state_dir / "logs",
            self.observer,
            self.lock,
            self.connection.gone,
        )

    def run(self, root: RootName, command: str, *arguments: str, private: bool = False, **options: Any) -> Result:
        """One run of Terraform that has to succeed. Raises ToolkitError."""
        result = self.runner(root).run(command, *arguments, private=private, **options)
        if result.returncode != 0:
            raise self.failure(result, root)
        return result

    def names(self, root: RootName) -> dict[str, str]:
        """What hints are filled in with."""
        backend = self.backend if root == "platform" else self.backend.with_key(BOOTSTRAP_KEY)
        return {
            "env": self.environment.name,
            "account": backend.storage_account_name,
            "container": backend.container_name,
            "key": backend.key,
        }

    def failure(self, result: Result, root: RootName = "platform") -> ToolkitError:
        """What went wrong in a run of Terraform, as the error to raise."""
        folder = self.folder(root)
        error = diagnostics.failure(result, self.names(root), lambda one: with_own_places(folder, one))
        stale = any("stale" in d.summary.lower() for d in result.events.errors)
        missing = diagnostics.state_missing(result.events.errors)
        if stale:
            return RefusedError(error.message, hint=error.hint)
        if missing:
            return StateMissingError(error.message, hint=error.hint)
        return error


@contextmanager
def open_session(environment: Environment, command: str, observer: Observer) -> Iterator[Session]:
    """Lock the environment, make its target ready and find the tools.

    SIGTERM and SIGHUP end the command as Ctrl-C does: in order. Raises RefusedError while another one works on it.
    """
    with terminating_like_an_interrupt(signal.SIGHUP), lock_environment(environment, command, observer) as lock:
        terraform = ensure_terraform(progress=observer.step)
        backend = read_backend(environment)
        provider = resolve_provider(
            target_is_sandbox=environment.provider_may_be_built,
            mirror=environment.provider_mirror,
            terraform=terraform,
            progress=observer.step,
        )
        connection = connect(environment, observer.step)
        if unused := left_out():
            observer.note(f"not used, although this shell sets it: {', '.join(unused)}")
        if provider.notice:
            observer.note(provider.notice)
        yield Session(connection, observer, lock, terraform, provider, backend)
