"""``toolkit jobs``: jobs of Azure ML, for a CI job that starts one and wants to know how it ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.assets import acting_options, platform_access
from toolkit.cli.options import environment_argument, json_option
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode
from toolkit.processes import terminating_like_an_interrupt

if TYPE_CHECKING:
    from toolkit.assets.workspace import Access, Who
    from toolkit.jobs.watching import Job


@click.group()
def jobs() -> None:
    """Submit jobs to the workspace, wait for them, show their logs, cancel them.

    \b
      toolkit jobs submit dev train.yml -i rate=0.1 --wait
    """


def timeout_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--timeout", type=click.FloatRange(min=0), default=3600.0, show_default=True, metavar="SECONDS",
        help="Stop waiting after this long; the job goes on.",
    )(function)  # fmt: skip


@jobs.command()
@environment_argument
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-i", "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="Change an input (again for more).")
@click.option("--wait", "waiting", is_flag=True, help="Wait for its end, and show its log meanwhile.")
@timeout_option
@acting_options
@json_option
def submit(
    env: str, file: Path, inputs: tuple[str, ...], waiting: bool, timeout: float, who: Who, vantage: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Submit the job of FILE (Azure ML's YAML, v2) and print its name.

    With --wait, exits 0 only when the job ends Completed.
    """
    from toolkit.jobs.submission import parse_inputs
    from toolkit.jobs.submission import submit as submit_job

    terminal = Terminal()
    changed = parse_inputs(inputs)
    access = platform_access(terminal, env, who, vantage)
    name = submit_job(access, file, changed)
    if waiting:
        terminal.progress(f"submitted {name}")
        return _wait(terminal, access, name, timeout, as_json)
    if as_json:
        terminal.print_json({"name": name})
    else:
        terminal.print(name)
    return ExitCode.DONE


@jobs.command()
@environment_argument
@click.argument("name")
@timeout_option
@acting_options
@json_option
def wait(env: str, name: str, timeout: float, who: Who, vantage: str | None, as_json: bool) -> int:
    """Wait for the end of job NAME, and show its log meanwhile. Exits 0 only when it ends Completed."""
    terminal = Terminal()
    return _wait(terminal, platform_access(terminal, env, who, vantage), name, timeout, as_json)


@jobs.command()
@environment_argument
@click.argument("name")
@acting_options
def logs(env: str, name: str, who: Who, vantage: str | None) -> None:
    """Print the log of job NAME as it is now."""
    from toolkit.jobs.watching import log

    terminal = Terminal()
    terminal.print(log(platform_access(terminal, env, who, vantage), name).rstrip("\n"))


@jobs.command()
@environment_argument
@click.argument("name")
@acting_options
@json_option
def show(env: str, name: str, who: Who, vantage: str | None, as_json: bool) -> None:
    """Show job NAME: its status, and the version of the code that it ran."""
    from toolkit.jobs.watching import job

    terminal = Terminal()
    _print(terminal, job(platform_access(terminal, env, who, vantage), name), as_json)


@jobs.command()
@environment_argument
@click.argument("name")
@acting_options
@json_option
def cancel(env: str, name: str, who: Who, vantage: str | None, as_json: bool) -> None:
    """Ask job NAME to end."""
    from toolkit.jobs.watching import cancel as cancel_job

    terminal = Terminal()
    _print(terminal, cancel_job(platform_access(terminal, env, who, vantage), name), as_json)


def _wait(terminal: Terminal, access: Access, name: str, timeout: float, as_json: bool) -> int:
    """Log lines on stdout; on stderr when stdout has the JSON document."""
    from toolkit.jobs.watching import wait as wait_for

    with terminating_like_an_interrupt():
        ended = wait_for(
            access,
            name,
            seconds=timeout,
            line=terminal.progress if as_json else terminal.print,
            status=lambda status: terminal.progress(f"{name}: {status}"),
        )
    if as_json:
        terminal.print_json(ended.facts)
    if ended.status != "Completed":
        terminal.note(f"{name} ended {ended.status}" + (f": {ended.error}" if ended.error else ""))
        return ExitCode.FAILED
    return ExitCode.DONE


def _print(terminal: Terminal, found: Job, as_json: bool) -> None:
    if as_json:
        terminal.print_json(found.facts)
    else:
        terminal.print_table(
            ["field", "value"], [[key, "-" if v is None else str(v)] for key, v in found.facts.items()]
        )
