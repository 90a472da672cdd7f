"""``toolkit sandbox``: the local Azure's life, and a shell that stands in it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.options import json_option
from toolkit.cli.sandbox_view import environments_of, print_status, request_lines
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, RefusedError, ToolkitError
from toolkit.project import find_project
from toolkit.sandbox.model import VANTAGES

if TYPE_CHECKING:
    from toolkit.sandbox.settings import SandboxPaths


@click.group()
def sandbox() -> None:
    """The local Azure: start, stop, look at it, forget it, and point a shell at it.

    Commands that need it start it by themselves. Its state is .toolkit/sandbox of this checkout.
    """


@sandbox.command()
def start() -> None:
    """Start the sandbox, or repair it after a crash; does nothing when it runs."""
    from toolkit.sandbox.client import ensure_running

    terminal = Terminal()
    running = ensure_running(find_project().root, terminal.progress)
    terminal.print(f"the sandbox runs (process {running.process.pid}), state in {running.state_dir}")


@sandbox.command()
def stop() -> None:
    """Stop the sandbox; its state stays."""
    from toolkit.sandbox.client import stop

    stopped = stop(find_project().root)
    Terminal().print("the sandbox is stopped" if stopped else "the sandbox was not running")


@sandbox.command()
@json_option
def status(as_json: bool) -> int:
    """What runs, on which ports, and the resources in it by environment and type. Exits 1 when it does not run."""
    from toolkit.sandbox.client import find_running, sandbox_paths

    terminal = Terminal()
    running = find_running(sandbox_paths(find_project().root))
    facts: dict[str, Any] = {"running": True, **running.status()} if running else {"running": False}
    if as_json:
        terminal.print_json(facts)
    elif running is None:
        terminal.print("the sandbox does not run: toolkit sandbox start")
    else:
        terminal.print(
            f"the sandbox runs: process {facts['pid']}, Azurite {facts['azurite_pid']}, "
            f"{facts['memory_bytes'] / 1e6:.0f} MB, up {facts['uptime_seconds']:.0f} s, state in {running.state_dir}"
        )
        print_status(terminal, facts, environments_of(find_project()))
    return ExitCode.DONE if running else ExitCode.FAILED


@sandbox.command()
@click.argument("name", type=click.Choice(["instant", "realistic", "worst"]))
@click.option(
    "--scale",
    type=click.FloatRange(0, 10),
    default=1.0,
    show_default=True,
    help="realistic, worst: the share of Azure's own time that operations take.",
)
def profile(name: str, scale: float) -> None:
    """How long Azure's long-running operations take in the sandbox, and firewall rules until they arrive. It starts as
    instant; under worst the answers change back and forth until all front ends know a rule.

    \b
        toolkit sandbox profile realistic --scale 0.1     a tenth of Azure's own time
        toolkit sandbox profile instant
    """
    from toolkit.sandbox.client import ensure_running

    terminal = Terminal()
    ensure_running(find_project().root, terminal.progress).set_profile(name, scale if name != "instant" else 0.0)
    terminal.print(f"operations take {scale:g} of Azure's time" if name != "instant" else "operations take no time")


@sandbox.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Stop the sandbox and forget everything in it: resources, blobs, secrets, certificate authority."""
    from toolkit.sandbox.client import reset, sandbox_paths

    terminal = Terminal()
    project = find_project()
    if not sandbox_paths(project.root).root.exists():
        terminal.print("there is no sandbox to forget")
        return
    if not terminal.confirm("Forget everything in the sandbox?", yes=yes):
        raise RefusedError("nothing was forgotten: not confirmed", hint="toolkit sandbox reset --yes")
    reset(project.root)
    terminal.print("the sandbox is gone; the next command that needs one makes a new one")


@sandbox.command()
@click.option("--requests", is_flag=True, help="The requests that arrived, and who asked, instead of the daemon's log.")
@click.option("--json", "as_json", is_flag=True, help="--requests: the lines as they are kept, one JSON document each.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines, from the end.")
def logs(requests: bool, as_json: bool, lines: int) -> None:
    """The end of the daemon's log, or of the access log: time, environment, identity, vantage, request, answer with its
    error code.
    """
    from toolkit.sandbox.client import sandbox_paths

    project = find_project()
    paths = sandbox_paths(project.root)
    path = paths.request_log if requests else paths.server_log
    if not path.exists():
        raise ToolkitError(f"{path} does not exist: the sandbox has not run yet", hint="toolkit sandbox start")
    found = _tail(path, lines)
    if requests and not as_json:
        found = request_lines(found, environments_of(project))
    Terminal().print("\n".join(found))


@sandbox.command()
@click.argument("environment", default="local")
@click.option(
    "--vantage",
    type=click.Choice([vantage.name for vantage in VANTAGES]),
    help="Where the shell stands (default: the first of the environment's vantages).",
)
@click.option("--subscription", help="Another subscription of the same tenant than the environment's.")
def env(environment: str, vantage: str | None, subscription: str | None) -> None:
    """Print shell exports that point any Azure client at the sandbox, as its engineer.

    \b
        eval "$(toolkit sandbox env --vantage vnet)"
        az login --service-principal -u "$AZURE_CLIENT_ID" -p @.toolkit/sandbox/engineer.secret -t "$AZURE_TENANT_ID"
    """
    from toolkit.environment import REHEARSAL_SUFFIX, connect, load_environment
    from toolkit.sandbox.client import sandbox_paths

    terminal = Terminal()
    project = find_project()
    rehearsal = load_environment(environment.removesuffix(REHEARSAL_SUFFIX) + REHEARSAL_SUFFIX, project)
    rehearsal = replace(rehearsal, subscription_id=subscription or rehearsal.subscription_id)
    there = connect(rehearsal, terminal.progress)
    settings = there.settings(there.vantages[vantage] if vantage else None)
    terminal.print("\n".join(_exports(settings, sandbox_paths(project.root))))


def _exports(settings: Mapping[str, str], paths: SandboxPaths) -> list[str]:
    """One export per variable; a secret is read from its file by the shell that evaluates this, never printed."""
    path = paths.engineer_secret
    secret, reading = path.read_text(encoding="ascii"), f'"$(cat {shlex.quote(str(path))})"'
    shown = {
        # The rehearsed job's own token is not the engineer's, and is in no file.
        **{name: value for name, value in settings.items() if not name.startswith("ACTIONS_")},
        "AZURE_CONFIG_DIR": str(paths.root / "azure-cli"),  # the user's own `az login` is left alone
    }
    return [f"export {name}={reading if value == secret else shlex.quote(value)}" for name, value in shown.items()]


def _tail(path: Path, lines: int) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1000 * max(lines, 1)))
        return file.read().decode("utf-8", "replace").splitlines()[-lines:]
