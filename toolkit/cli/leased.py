"""``--firewall-lease``: a command that lets itself in to what it has to reach, for as long as it works."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.firewall import Minutes, addresses_of, close_one, leases_on
from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.environment import Environment, Vantage
    from toolkit.firewall.leases import Leases
    from toolkit.firewall.model import Lease
    from toolkit.terraform.outputs import Outputs

F = TypeVar("F", bound=Callable[..., Any])

STATE = "state"  # as toolkit/firewall/targets.py names it
_WISH = "toolkit.firewall-lease"
_TTL = "toolkit.ttl"


def firewall_lease_options(function: F) -> F:
    """For a command that calls :func:`own_lease`, which finds what was said."""

    def keep(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        return lambda ctx, param, value: ctx.meta.__setitem__(key, value)

    function = click.option(
        "--ttl", type=Minutes(), default="2h", show_default=True, expose_value=False, callback=keep(_TTL),
        help="With --firewall-lease: when anybody's sweep may close it, if this command was killed.",
    )(function)  # fmt: skip
    return click.option(
        "--firewall-lease", is_flag=True, expose_value=False, callback=keep(_WISH),
        help="Let this machine in to what the command has to reach, by rules for its addresses that are gone at its "
        "end (docs/firewall.md).",
    )(function)  # fmt: skip


class OwnLease:
    """The leases of one command; without ``--firewall-lease`` it does nothing."""

    def __init__(self, terminal: Terminal, environment: Environment, ttl: timedelta | None) -> None:
        self._terminal = terminal
        self._environment = environment
        self._ttl = ttl
        self._open: dict[str, Lease] = {}

    @property
    def wanted(self) -> bool:
        return self._ttl is not None

    def let_in(self, *names: str) -> None:
        """To the targets with these names (of toolkit firewall) that are there and that it is not let in to yet.

        Raises ToolkitError as :meth:`toolkit.firewall.leases.Leases.open` does.
        """
        from toolkit.firewall.targets import owner

        names = tuple(name for name in names if name not in self._open)
        if self._ttl is None or not names:
            return
        with self._leases(names) as (leases, place, missing):
            for name in missing:
                self._terminal.progress(f"there is no {name} yet to take a lease on")
            if not leases.targets:
                return
            lease = leases.open(owner(os.environ, detached=False), addresses_of((), place), self._ttl)
        self._terminal.progress(f"lease {lease.id} is open for {', '.join(lease.addresses)}")
        self._open |= {name: lease for name in names if name not in missing}

    def close(self) -> None:
        """Every lease that it has open; also called at the command's end. One that cannot be closed stops no other."""
        from toolkit.errors import ToolkitError
        from toolkit.firewall.command import undisturbed

        failed: list[ToolkitError] = []
        with undisturbed(self._terminal.progress):
            while self._open:
                _, lease = self._open.popitem()
                self._open = {name: each for name, each in self._open.items() if each.id != lease.id}
                try:
                    with self._leases((STATE,)) as (leases, _, _missing):
                        close_one(self._terminal, leases, lease)
                except ToolkitError as error:
                    failed.append(error)
        for further in failed[1:]:
            self._terminal.note(f"{further.message}: {further.hint}")
        if failed:
            raise failed[0]

    def close_at_the_end(self) -> None:
        """Why the command failed is not lost when its lease cannot be closed either."""
        from toolkit.errors import ToolkitError

        failed = sys.exc_info()[0] is not None
        try:
            self.close()
        except ToolkitError as error:
            sweep = f"toolkit firewall sweep {self._environment.name} closes what is left of its lease"
            if not failed:
                raise ToolkitError(error.message, hint=error.hint or sweep) from error
            self._terminal.note(f"{error.message}: {error.hint or sweep}")

    @contextmanager
    def _leases(self, names: tuple[str, ...]) -> Iterator[tuple[Leases, Vantage, list[str]]]:
        """On those of these that are there; the place that the runner stands at; and the names of the others."""
        from toolkit.firewall.rules import Rules
        from toolkit.firewall.targets import choose

        choice = choose(self._environment, names, self._outputs)
        with leases_on(self._terminal, self._environment, choice) as (leases, place):
            there = [target for target in leases.targets
                     if Rules(leases.client, leases.journal.of(target.id), target).there()]  # fmt: skip
            missing = [name for name, target in zip(names, choice.targets, strict=True) if target not in there]
            leases.targets = there
            yield leases, place, missing

    def _outputs(self) -> Outputs:
        return platform_outputs(self._terminal, self._environment, self)


@contextmanager
def _closing(lease: OwnLease) -> Iterator[OwnLease]:
    """Ctrl-C, SIGTERM and SIGHUP end the command in order, and its lease with it."""
    from toolkit.processes import terminating_like_an_interrupt

    with terminating_like_an_interrupt(signal.SIGHUP):
        try:
            yield lease
        finally:
            lease.close_at_the_end()


def own_lease(terminal: Terminal, environment: Environment, *names: str) -> OwnLease:
    """The running command's, open on these targets; closed when the command ends, however it does."""
    ctx = click.get_current_context()
    ttl: timedelta | None = ctx.meta.get(_TTL) if ctx.meta.get(_WISH) else None
    if ttl is None:
        return OwnLease(terminal, environment, None)
    lease = ctx.with_resource(_closing(OwnLease(terminal, environment, ttl)))
    lease.let_in(*names)
    return lease


def platform_outputs(terminal: Terminal, environment: Environment, lease: OwnLease) -> Outputs:
    """Those that the last apply on this machine left, or else those in the state, which ``lease`` then lets in to."""
    from toolkit.terraform.outputs import read_outputs, saved_outputs

    if (saved := saved_outputs(environment)) is not None:
        return saved
    lease.let_in(STATE)
    return read_outputs(environment, TerminalObserver(terminal))
