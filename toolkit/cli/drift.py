"""``toolkit drift``: what changed outside Terraform, who did it, and the ways on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.many import environments
from toolkit.cli.options import json_option
from toolkit.cli.plan_view import print_plan
from toolkit.cli.progress import TerminalObserver, command_line, no_changes
from toolkit.cli.terminal import Terminal
from toolkit.cli.words import EachPath, ManyCommand
from toolkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from toolkit.cli.leased import OwnLease
    from toolkit.drift.model import Report
    from toolkit.environment import Environment


@click.command(cls=ManyCommand)
@environments(ordered=False)
@json_option
@click.option("--markdown", type=EachPath(dir_okay=False, path_type=Path), metavar="FILE", help="Also write Markdown.")
@click.option(
    "--accept",
    metavar="WHAT",
    help="Ignore this from now on: an id, id#path, or a pattern of them. Writes [[drift.ignore]] into env.toml.",
)
@click.option("--reason", metavar="TEXT", help="With --accept: why it may stay.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="With --accept: the last day on which it may."
)
@click.option(
    "--adopt",
    metavar="WHAT",
    help="Make this part of the environment's data: an id or id#path of the report for which it offers that.",
)
@click.option(
    "--revert",
    multiple=True,
    metavar="ADDRESS",
    help="Plan to set back this resource of the platform alone (again for more).",
)
@click.option(
    "--out",
    type=EachPath(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --revert: where the plan goes for `toolkit apply ENV --plan DIR`. [default: .toolkit/ENV/revert]",
)
@firewall_lease_options
def drift(
    env: str,
    as_json: bool,
    markdown: Path | None,
    accept: str | None,
    reason: str | None,
    until: datetime | None,
    adopt: str | None,
    revert: tuple[str, ...],
    out: Path | None,
) -> int:
    """Show what on the live platform of ENV is other than applied, and who changed it when.

    A refresh-only plan and a reading of everything that Terraform does not see: what bootstrap made, what was added in
    the portal (rules, roles, credentials, connections, factory entities, containers, foreign resources), secrets that
    expire. Nothing is changed. Addresses of open firewall leases are no drift.

    \b
    Exits 0 without drift, 2 with some, 1 when it could not be looked for.
      toolkit drift prod --markdown drift.md                      every night
      toolkit drift prod --revert 'module.storage.azapi_resource.this'
      toolkit drift prod --accept '*/subnets/legacy' --reason 'of the old cluster' --until 2027-03-31
    """
    from toolkit.environment import load_environment

    chosen = [name for name, given in (("--accept", accept), ("--adopt", adopt), ("--revert", revert)) if given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} are different commands", hint="one of them at a time")
    if (reason or until) and not accept:
        raise UsageError("--reason and --until belong to --accept")
    if out and not revert:
        raise UsageError("--out belongs to --revert")
    terminal = Terminal()
    environment = load_environment(env)
    if accept:
        return _accept(terminal, environment, accept, reason, until)
    lease = own_lease(terminal, environment, STATE)
    if revert:
        return _revert(terminal, environment, lease, revert, out)
    return _find(terminal, environment, lease, adopt, as_json, markdown)


def _find(
    terminal: Terminal, environment: Environment, lease: OwnLease, adopt: str | None, as_json: bool,
    markdown: Path | None,
) -> int:  # fmt: skip
    from toolkit.drift.report import lines, remarks
    from toolkit.drift.report import markdown as as_markdown
    from toolkit.files import disk_errors, write_atomically
    from toolkit.runs.drift import find_drift
    from toolkit.runs.session import open_session

    with open_session(environment, command_line(), TerminalObserver(terminal)) as session:
        session.let_in = partial(lease.let_in, STATE)
        report = find_drift(session)
    if adopt:
        return _adopt(terminal, environment, report, adopt)
    if markdown is not None:
        with disk_errors("the Markdown file"):
            write_atomically(markdown, as_markdown(report), 0o644)
    for text in remarks(report):
        terminal.note(text)
    if as_json:
        terminal.print_json(report.as_json())
    else:
        for line in lines(report):
            terminal.print(line)
    return ExitCode.CHANGES if report.drifts else ExitCode.DONE


def _accept(terminal: Terminal, environment: Environment, what: str, reason: str | None, until: datetime | None) -> int:
    from datetime import UTC, datetime

    from toolkit.drift.data import accept

    if not reason or until is None:
        raise UsageError(
            "--accept needs a reason and an end",
            hint=f"toolkit drift {environment.name} --accept '{what}' --reason '…' --until YYYY-MM-DD",
        )
    path = accept(environment, what, reason, until.date(), datetime.now(UTC).date())
    terminal.print(f"{path.relative_to(environment.project.root)}: {what} is ignored until {until.date()}: commit it")
    return ExitCode.DONE


def _adopt(terminal: Terminal, environment: Environment, report: Report, what: str) -> int:
    from toolkit.drift.data import adopt

    for one in report.drifts:
        if what.casefold() in (one.key.casefold(), one.finding.id.casefold()) and one.adoption:
            path = adopt(environment, one.adoption)
            shown = path.relative_to(environment.project.root)
            terminal.print(
                f"{shown}: {one.adoption.key} has {', '.join(one.adoption.values)} now: commit it, and apply"
            )
            return ExitCode.DONE
    known = any(what.casefold() in (one.key.casefold(), one.finding.id.casefold()) for one in report.drifts)
    raise UsageError(
        f"no key of the data of {environment.name} says {what}" if known else f"{what} has not drifted",
        hint="the report has the ways that there are" if known else f"toolkit drift {environment.name} shows what has",
    )


def _revert(
    terminal: Terminal, environment: Environment, lease: OwnLease, addresses: tuple[str, ...], out: Path | None
) -> int:
    from toolkit.runs.drift import plan_revert
    from toolkit.runs.session import open_session
    from toolkit.terraform.bundle import write_bundle

    folder = out or environment.state_dir / "revert"
    with open_session(environment, command_line(), TerminalObserver(terminal)) as session:
        session.let_in = partial(lease.let_in, STATE)
        plan = plan_revert(session, addresses)
        if plan.summary.empty:
            terminal.print(no_changes(environment, plan.summary))
            return ExitCode.DONE
        write_bundle(session, plan, folder)
    print_plan(terminal, plan.summary, every=True)
    terminal.print(f"To set it back: toolkit apply {environment.name} --plan {folder}")
    return ExitCode.CHANGES
