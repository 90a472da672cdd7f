"""``toolkit firewall``: addresses that are let in for a while, and always taken out again."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from toolkit.ci.reporting import CHOICES, NoReporter, Reporter, reporter
from toolkit.cli.options import environment_argument, json_option
from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal
from toolkit.environment import connect, load_environment
from toolkit.errors import ExitCode, ToolkitError
from toolkit.processes import terminating_like_an_interrupt

if TYPE_CHECKING:
    from toolkit.ci import reporting
    from toolkit.environment import Environment, Vantage
    from toolkit.firewall.leases import Leases
    from toolkit.firewall.model import Lease
    from toolkit.firewall.targets import Choice
    from toolkit.terraform.outputs import Outputs

_REPORTER = "toolkit.firewall.reporter"
F = TypeVar("F", bound=Callable[..., Any])


class Minutes(click.ParamType[timedelta]):
    """``90s``, ``30m``, ``2h``."""

    name = "DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        unit = {"s": "seconds", "m": "minutes", "h": "hours"}.get(value[-1:])
        if unit is None or not value[:-1].isdigit() or not int(value[:-1]):
            self.fail(f"{value!r} is no time such as 90s, 30m or 2h", param, ctx)
        return timedelta(**{unit: int(value[:-1])})


def place_options(function: F) -> F:
    @wraps(function)
    def on_all(
        *args: Any, names: tuple[str, ...], accounts: tuple[str, ...], vaults: tuple[str, ...], **more: Any
    ) -> Any:
        of_kinds = [*(f"account:{name}" for name in accounts), *(f"vault:{name}" for name in vaults)]
        return function(*args, names=(*names, *of_kinds), **more)

    options = (
        click.option(
            "--account", "accounts", multiple=True, metavar="NAME", help="This storage account; again for more."
        ),
        click.option("--vault", "vaults", multiple=True, metavar="NAME", help="This key vault; again for more."),
        click.option(
            "--target", "names", multiple=True, metavar="NAME",
            help="state, storage, lake, pointers, functions, vault, registry, workspace, batch, function, scm, a "
            "resource's name or its id; again for more. [default: storage]",
        ),
        click.option(
            "--vantage", metavar="NAME", help="Stand at this place of env.toml's vantages [default: the runner's]."
        ),
    )  # fmt: skip
    found: Any = on_all
    for option in options:
        found = option(found)
    return cast(F, found)


def lease_options(function: F) -> F:
    function = click.option(
        "--ip", "ips", multiple=True, metavar="CIDR|auto",
        help="Let this public IPv4 address or range in; auto: those that this machine is seen with; again for more. "
        "[default: auto]",
    )(function)  # fmt: skip
    return click.option(
        "--ttl", type=Minutes(), default="30m", show_default=True,
        help="When anybody's sweep may close it, if nobody has.",
    )(function)  # fmt: skip


def ci_option(function: F) -> F:
    def choose(ctx: click.Context, _: click.Parameter, value: reporting.Choice | None) -> None:
        ctx.meta[_REPORTER] = reporter(value, os.environ, sys.stderr)

    return click.option(
        "--ci", type=click.Choice(CHOICES), expose_value=False, callback=choose,
        help="Tell this CI system outputs, warnings and errors [default: the one whose job this is].",
    )(function)  # fmt: skip


class Reporting(click.Group):
    """What ends a command is told to the CI system, too."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ToolkitError as error:
            _reporter(ctx).error(f"{error.message}\n{error.hint}" if error.hint else error.message)
            raise


def _reporter(ctx: click.Context | None = None) -> Reporter:
    """NoReporter for the commands that take a lease on the way, and outside of any command."""
    here = ctx or click.get_current_context(silent=True)
    found: Reporter = (here.meta.get(_REPORTER) if here else None) or NoReporter()
    return found


@click.group(cls=Reporting)
def firewall() -> None:
    """Let this machine in through rules for addresses, for as long as a command runs.

    \b
      toolkit firewall run dev --target lake -- ./upload.sh
      toolkit firewall open dev; ...; toolkit firewall close dev
    """


@firewall.command()
@environment_argument
@place_options
@lease_options
@ci_option
@click.argument("command", nargs=-1, required=True)
def run(
    env: str, names: tuple[str, ...], vantage: str | None, ips: tuple[str, ...], ttl: timedelta,
    command: tuple[str, ...],
) -> int:  # fmt: skip
    """Open a lease, run COMMAND, close the lease; the exit code is COMMAND's, or 1 where the lease could not be closed.

    The lease is closed when COMMAND ends, fails, or is ended by Ctrl-C, SIGTERM or SIGHUP, which it gets. Afterwards
    the data plane denies again, which is proven. A lease whose process was killed -9 is closed by the next sweep.
    """
    from toolkit.firewall.command import run_command, undisturbed
    from toolkit.firewall.targets import owner

    terminal = Terminal()
    with _leases(terminal, env, names, vantage) as (leases, place):
        code: int | None = None
        with terminating_like_an_interrupt(signal.SIGHUP):
            lease = leases.open(owner(os.environ, detached=False), addresses_of(ips, place), ttl)
            try:
                terminal.progress(f"lease {lease.id} is open for {', '.join(lease.addresses)}")
                _report_lease(lease)
                code = run_command(command, place.settings)
            finally:
                before = "" if code is None else f"{command[0]} ended with the exit code {code}"
                with undisturbed(terminal.progress):
                    close_one(terminal, leases, lease, before)
    return code


@firewall.command(name="open")
@environment_argument
@place_options
@lease_options
@ci_option
@json_option
def open_(
    env: str, names: tuple[str, ...], vantage: str | None, ips: tuple[str, ...], ttl: timedelta, as_json: bool
) -> None:
    """Open a lease that outlives this command, and print its id. Opened again by the same CI job, it is prolonged."""
    from toolkit.firewall.targets import owner

    terminal = Terminal()
    with _leases(terminal, env, names, vantage) as (leases, place), terminating_like_an_interrupt(signal.SIGHUP):
        lease = leases.open(owner(os.environ, detached=True), addresses_of(ips, place), ttl)
    _report_lease(lease)
    if as_json:
        terminal.print_json(lease.as_json())
    else:
        terminal.print(lease.id)


@firewall.command()
@environment_argument
@place_options
@ci_option
@click.argument("lease", required=False)
def close(env: str, names: tuple[str, ...], vantage: str | None, lease: str | None) -> None:
    """Close LEASE, from wherever it was opened, and prove that the data plane denies again.

    Without LEASE: what this CI job, or this person at this machine, has open; there may be nothing.
    """
    from toolkit.firewall.command import undisturbed
    from toolkit.firewall.targets import owner

    terminal = Terminal()
    for at_hand in (True, False):
        with (
            _leases(terminal, env, names, vantage, everything=not names, at_hand=at_hand) as (leases, _),
            undisturbed(terminal.progress),
        ):
            if lease is None:
                found = leases.of(owner(os.environ, detached=True))
            else:
                found = leases.those(lease) if at_hand else [leases.find(lease)]
            for each in found:
                close_one(terminal, leases, each)
        if found or lease is None:
            return


@firewall.command()
@environment_argument
@place_options
@ci_option
@json_option
def status(env: str, names: tuple[str, ...], vantage: str | None, as_json: bool) -> None:
    """Show the rules for addresses of ENV's resources, and the leases that are open."""
    terminal = Terminal()
    with _leases(terminal, env, names, vantage, everything=not names) as (leases, _):
        found = leases.status()
    _reporter().outputs({"leases": ",".join(lease["id"] for lease in found["leases"])})
    for lease in found["leases"]:
        if lease["state"] != "open":
            _reporter().warning(f"lease {lease['id']} of {lease['owner']['name']} is {lease['state']} and not removed")
    if as_json:
        terminal.print_json(found)
        return
    for name, rules in found["rules"].items():
        shown = ", ".join(f"{rule['address']}{' (a lease)' if rule['lease'] else ''}" for rule in rules)
        terminal.print(f"{name}: {shown or 'no rules for addresses'}")
    for lease in found["leases"]:
        terminal.print(f"lease {lease['id']} of {lease['owner']['name']}: {lease['state']}, until {lease['expires']}")
    if not found["leases"]:
        terminal.print("no leases")


@firewall.command()
@environment_argument
@place_options
@ci_option
def sweep(env: str, names: tuple[str, ...], vantage: str | None) -> int:
    """Close leases that are expired, or whose owner is gone: its process on this machine, or its CI run.

    Whether a run has ended GitHub says to GITHUB_TOKEN (actions: read), and Azure DevOps to SYSTEM_ACCESSTOKEN. Rules
    that this tool did not add are never touched.
    """
    from toolkit.firewall.command import undisturbed

    terminal = Terminal()
    with _leases(terminal, env, names, vantage, everything=not names) as (leases, _), undisturbed(terminal.progress):
        closed = leases.sweep()
    _reporter().outputs({"closed": ",".join(one.lease.id for one in closed)})
    count = f"{len(closed)} {'lease' if len(closed) == 1 else 'leases'}"
    terminal.print(f"{count} closed" if closed else "nothing to close")
    return ExitCode.DONE


@contextmanager
def _leases(
    terminal: Terminal, env: str, names: tuple[str, ...], vantage: str | None, *, everything: bool = False,
    at_hand: bool = False,
) -> Iterator[tuple[Leases, Vantage]]:  # fmt: skip
    """On what is named, or on ``everything`` that the environment has.

    Another job's machine may not reach the state that says what that is: ``at_hand`` is what is known without it, the
    account of the states, beside which a lease on both says where the rest of it is.
    """
    from toolkit.firewall.targets import STATE, choose, standing_targets
    from toolkit.terraform.outputs import read_outputs, saved_outputs

    environment = load_environment(env)

    def outputs() -> Outputs:
        return saved_outputs(environment) or read_outputs(environment, TerminalObserver(terminal))

    if everything:
        known = not at_hand or saved_outputs(environment) is not None
        names = tuple(standing_targets(environment, outputs())) if known else (STATE,)
    with leases_on(terminal, environment, choose(environment, names, outputs), vantage) as found:
        yield found


@contextmanager
def leases_on(
    terminal: Terminal, environment: Environment, choice: Choice, vantage: str | None = None
) -> Iterator[tuple[Leases, Vantage]]:
    """Taken at ``vantage`` (the runner's place by default), which is answered, too."""
    from azure.core.exceptions import AzureError

    from toolkit.azure.arm import arm_client
    from toolkit.azure.credentials import runner_credential
    from toolkit.azure.refusals import refused
    from toolkit.firewall.failures import PATIENCE_SECONDS
    from toolkit.firewall.leases import Leases
    from toolkit.firewall.owners import Runs
    from toolkit.firewall.probing import Probe

    connection = connect(environment, terminal.progress)
    place = connection.vantage(vantage)
    with arm_client(connection) as client:
        probe = Probe(place, runner_credential(connection, place), environment.patience)
        folder = environment.state_dir / "leases"
        try:
            leases = Leases(
                client, choice.targets, probe, folder, terminal.progress, choice.groups, name=environment.name,
                seconds=PATIENCE_SECONDS * environment.patience,
            )  # fmt: skip
            leases.ended, leases.swept = Runs(place, os.environ).ended, _report_swept
            yield leases, place
        except AzureError as error:
            raise refused(error, f"the firewall of {environment.name}") from error


def addresses_of(ips: tuple[str, ...], place: Vantage) -> Callable[[], frozenset[str]]:
    from toolkit.azure.egress import egress_addresses
    from toolkit.firewall.addresses import AUTO, given_addresses

    given = given_addresses(ip for ip in ips if ip != AUTO)
    if given and AUTO not in ips:
        return lambda: given
    return lambda: given | frozenset(map(str, egress_addresses(place.client_options)))


def _report_swept(lease: Lease, reason: str) -> None:
    _reporter().warning(f"lease {lease.id} of {lease.owner.name} was left open, and is closed now: {reason}")


def _report_lease(lease: Lease) -> None:
    _reporter().outputs({"lease_id": lease.id, "addresses": ",".join(lease.addresses)})


def close_one(terminal: Terminal, leases: Leases, lease: Lease, before: str = "") -> None:
    """Raises ToolkitError where something is still open, whatever came ``before``."""
    from toolkit.firewall.failures import LeftOpenError

    try:
        closed = leases.close(lease)
    except LeftOpenError as error:
        raise error.after(before) if before else error from error
    terminal.progress(f"lease {closed.lease.id} is closed")
    said = [f"{name} still lets this machine in: {why}" for name, why in closed.open_for.items()]
    said += [f"the part of the lease in {group} is still open: this identity may not read it" for group in closed.left]
    for text in said:
        terminal.note(text)
        _reporter().warning(text)
    still = [*closed.unproven, *closed.left]
    if still:
        raise ToolkitError(
            "\n".join([*([before] if before else []), f"lease {lease.id}: not seen to be closed: {', '.join(still)}"]),
            hint=f"toolkit firewall status {leases.name} shows its rules; toolkit firewall sweep {leases.name} by "
            "somebody who may read all of them closes what is left",
        )
