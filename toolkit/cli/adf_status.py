"""``toolkit adf status``: what is published, and what that is held against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.adf_connection import connected_factory
from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.options import environment_argument, json_option
from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal
from toolkit.errors import ExitCode

if TYPE_CHECKING:
    from toolkit.adf.status import Status
    from toolkit.environment import Environment
    from toolkit.pipelines.model import Factory


@click.command()
@environment_argument
@click.option("--git", type=click.Path(path_type=Path), help="The Git-mode folder that should be published.")
@json_option
@firewall_lease_options
def status(env: str, git: Path | None, as_json: bool) -> int:
    """Compare what is published in ENV's factory with --git's folder and with what Terraform deployed.

    For each pipeline: the newest run that executed what is published now. A run of the studio's Debug is never counted:
    it executes a draft. Exits 0 when nothing differs, 2 when something does.
    """
    from toolkit.adf import runs as adf_runs
    from toolkit.adf.status import status as compare
    from toolkit.adf.status import status_document
    from toolkit.environment import load_environment
    from toolkit.pipelines.reading import read_factory

    terminal = Terminal()
    folder = read_factory(git) if git else None
    factory = connected_factory(env, terminal)
    terminal.progress(f"reading {factory.name}")
    published = factory.definitions()
    with factory.client() as client:
        place = adf_runs.Place(client, factory.resource_group, factory.name)
        runs = adf_runs.list_runs(place, since=adf_runs.KEPT, most=1000)
    terraform = _deployed(load_environment(env), terminal)
    found = compare(published, runs, git=folder, terraform=terraform)
    if as_json:
        terminal.print_json(status_document(found))
    else:
        _show(terminal, found)
    return ExitCode.CHANGES if found.differs else ExitCode.DONE


def _deployed(environment: Environment, terminal: Terminal) -> Factory | None:
    """The factory's resources in Terraform's state. Nothing is written, but for the state's lock."""
    import json

    from toolkit.pipelines.documents import document_of
    from toolkit.pipelines.terraform_json import is_terraform, read_terraform
    from toolkit.terraform.initialising import prepare
    from toolkit.terraform.runner import FLAG
    from toolkit.terraform.session import open_session

    own_lease(terminal, environment, STATE)
    with open_session(environment, f"toolkit adf status {environment.name}", TerminalObserver(terminal)) as session:
        prepare(session)
        shown = session.run("platform", "show", json=FLAG, private=True, no_color=FLAG)
    state = json.loads(shown.stdout or "{}")
    return read_terraform(document_of(state, "terraform"), "terraform") if is_terraform(state) else None


def _show(terminal: Terminal, found: Status) -> None:
    rows = [
        [row.kind, row.name, row.git or "", row.terraform or "", row.evidence.words if row.evidence else ""]
        for row in found.rows
    ]
    terminal.print_table(["kind", "name", "git", "terraform", "newest run of what is published"], rows)
    for row in found.rows:
        if row.places:
            terminal.print(f"\n{row.kind} {row.name}")
            terminal.print("\n".join(f"  {place}" for place in row.places))
    if found.repository:
        terminal.print("\npublished from " + ", ".join(f"{key} {value}" for key, value in found.repository.items()))
