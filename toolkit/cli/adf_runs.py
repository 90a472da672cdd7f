"""``toolkit adf run``, ``runs``, ``show`` and ``cancel``: a factory's pipelines at work."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.adf_connection import connected_factory
from toolkit.cli.options import environment_argument, json_option
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode, InterruptedByUser, UsageError
from toolkit.processes import terminating_like_an_interrupt

if TYPE_CHECKING:
    from toolkit.adf.runs import ActivityRun, PipelineRun, Place, Tree

_STYLES = {"Succeeded": "green", "Failed": "bold red", "Cancelled": "yellow", "Skipped": "dim"}
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.command()
@environment_argument
@click.argument("pipeline")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter (again for more).")
@click.option("--follow", is_flag=True, help="Stay until the run has ended; Ctrl-C cancels it.")
@click.option(
    "--poll", default=2.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between two looks."
)
@json_option
def run(env: str, pipeline: str, given: tuple[str, ...], follow: bool, poll: float, as_json: bool) -> int:
    """Run PIPELINE, as it is published, in the factory of ENV.

    Parameters are held against what the pipeline declares before anything starts. Exits 0 when the run is started, with
    --follow only when it succeeds; 1 when it fails or is cancelled, 3 for wrong parameters, 130 after Ctrl-C.
    """
    from toolkit.adf import runs as adf_runs

    terminal = Terminal()
    factory = connected_factory(env, terminal)
    with factory.client() as client:
        place = adf_runs.Place(client, factory.resource_group, factory.name)
        run_id = adf_runs.start(place, pipeline, given)
        terminal.progress(f"run {run_id} of {pipeline} in {factory.name}")
        if not follow:
            if as_json:
                terminal.print_json({"id": run_id, "pipeline": pipeline})
            else:
                terminal.print(run_id)
            return ExitCode.DONE
        return _show(terminal, _follow(terminal, place, run_id, poll), as_json, data=False)


@click.command()
@environment_argument
@click.option("--pipeline", metavar="NAME", help="Only runs of this pipeline.")
@click.option(
    "--status", metavar="STATUS", help="Only runs with this status: InProgress, Succeeded, Failed, Cancelled."
)
@click.option(
    "--since", default="1d", show_default=True, metavar="TIME", help="How far back: 30m, 12h, 7d; 45d at most."
)
@json_option
def runs(env: str, pipeline: str | None, status: str | None, since: str, as_json: bool) -> None:
    """List the runs of ENV's factory, the newest first. A run of the studio's draft is marked (debug)."""
    from toolkit.adf import runs as adf_runs
    from toolkit.adf.run_reports import run_document, run_row

    terminal = Terminal()
    back = _time(since, adf_runs.KEPT)
    factory = connected_factory(env, terminal)
    with factory.client() as client:
        place = adf_runs.Place(client, factory.resource_group, factory.name)
        found = adf_runs.list_runs(place, since=back, pipeline=pipeline, status=status)
    if as_json:
        terminal.print_json([run_document(one) for one in found])
    else:
        terminal.print_table(["pipeline", "status", "started", "time", "invoked by", "run"], map(run_row, found))


@click.command()
@environment_argument
@click.argument("run_id", metavar="RUN")
@json_option
def show(env: str, run_id: str, as_json: bool) -> int:
    """Show a RUN with its activities: how long, what went in, what came out, what went wrong.

    Exits 0 unless the run has failed or was cancelled.
    """
    from toolkit.adf import runs as adf_runs

    terminal = Terminal()
    factory = connected_factory(env, terminal)
    with factory.client() as client:
        tree = adf_runs.read_tree(adf_runs.Place(client, factory.resource_group, factory.name), run_id)
    return _show(terminal, tree, as_json, data=True)


@click.command()
@environment_argument
@click.argument("run_id", metavar="RUN")
def cancel(env: str, run_id: str) -> int:
    """Cancel a RUN, and the runs that it started. One that has ended stays as it is."""
    from toolkit.adf import runs as adf_runs
    from toolkit.adf.run_reports import run_line

    terminal = Terminal()
    factory = connected_factory(env, terminal)
    with factory.client() as client:
        ended = adf_runs.cancel(adf_runs.Place(client, factory.resource_group, factory.name), run_id)
    terminal.print(run_line(ended))
    return ExitCode.FAILED if ended.under_way else ExitCode.DONE


def _follow(terminal: Terminal, place: Place, run_id: str, poll: float) -> Tree:
    """Ctrl-C and SIGTERM cancel the run, and wait until it has stopped; once more stops the waiting."""
    from toolkit.adf import runs as adf_runs

    try:
        with terminating_like_an_interrupt():
            return adf_runs.follow(place, run_id, _Lines(terminal), poll_seconds=poll)
    except KeyboardInterrupt:
        adf_runs.ask_to_cancel(place, run_id)
        terminal.note(f"cancelling run {run_id} …")
        ended = adf_runs.cancel(place, run_id)
        raise InterruptedByUser(
            f"run {run_id} is {ended.status}", hint="toolkit adf show says how far it came" if ended.under_way else None
        ) from None


def _show(terminal: Terminal, tree: Tree, as_json: bool, *, data: bool) -> int:
    from toolkit.adf.run_reports import tree_document, tree_lines

    if as_json:
        terminal.print_json(tree_document(tree))
    else:
        terminal.print("\n".join(tree_lines(tree, data=data)))
    return ExitCode.DONE if tree.run.succeeded or tree.run.under_way else ExitCode.FAILED


class _Lines:
    """One line per change, indented as deep as the activity is."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def run_changed(self, run: PipelineRun) -> None:
        from toolkit.adf.run_reports import run_line

        self._terminal.progress(run_line(run), _STYLES.get(run.status))

    def activity_changed(self, depth: int, activity: ActivityRun) -> None:
        from toolkit.adf.run_reports import activity_line

        self._terminal.progress(activity_line(depth + 1, activity), _STYLES.get(activity.status))


def _time(text: str, most: timedelta) -> timedelta:
    match = re.fullmatch(r"(\d+)([mhd])", text.strip())
    found: Any = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if found is None or not timedelta(0) < found <= most:
        raise UsageError(f"--since {text!r} is no time", hint=f"write 30m, 12h or 7d; {most.days}d at most")
    assert isinstance(found, timedelta)
    return found
