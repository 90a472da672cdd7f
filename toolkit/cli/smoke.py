"""``toolkit smoke``: prove on the data plane that the platform works, and that it denies what it should."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.ci.provenance import ci_of
from toolkit.cli.checks import explain_check, list_checks
from toolkit.cli.evidence import finish
from toolkit.cli.firewall import Minutes
from toolkit.cli.leased import STATE, firewall_lease_options, own_lease, platform_outputs
from toolkit.cli.many import environments
from toolkit.cli.options import is_verbose, json_option, sign_key_option, verbose_option
from toolkit.cli.smoke_view import CheckProgress, show_result
from toolkit.cli.terminal import Terminal
from toolkit.cli.verdict import proven, strict_option
from toolkit.cli.words import EachPath, ManyCommand
from toolkit.environment import Connection, connect, load_environment
from toolkit.errors import ExitCode
from toolkit.processes import terminating_like_an_interrupt

if TYPE_CHECKING:
    from toolkit.checks.model import Check, RunResult
    from toolkit.smoke.context import Context

REPORT = EachPath(dir_okay=False, path_type=Path)


@click.command(cls=ManyCommand)
@environments(ordered=False)
@verbose_option
@click.option(
    "--only",
    multiple=True,
    metavar="WHAT",
    help="Only what this is about: an id, a pattern of ids (storage-*), a category, fatal or warning, access "
    "or denial (again for more).",
)
@click.option("--skip", multiple=True, metavar="WHAT", help="Leave out what this is about, as --only (again for more).")
@click.option("--category", "categories", multiple=True, metavar="NAME", help="As --only, of categories alone.")
@click.option("--check", "ids", multiple=True, metavar="ID", help="As --only, of ids alone.")
@click.option("--list", "only_list", is_flag=True, help="Show the checks, and run nothing.")
@click.option(
    "--explain",
    "explained",
    metavar="ID",
    help="Say what this check proves, how it fails and how that is mended, and run nothing.",
)
@firewall_lease_options
@json_option
@sign_key_option
@click.option("--junit", type=REPORT, help="Write JUnit XML to this file too.")
@click.option("--markdown", type=REPORT, help="Write the Markdown summary to this file too.")
@click.option("--html", type=REPORT, help="Write the page to this file too.")
@click.option(
    "--collect",
    "collecting",
    is_flag=True,
    help="When it is red, pack what a colleague needs into the evidence: results, requests, plan, versions, "
    "resources. Secrets are masked.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    help="How long to wait for rules and roles to arrive: 1 is Azure's own time, 0 tries each check once.",
)
@strict_option
@click.option("--watch", "watching", is_flag=True, help="Run again until all is green, or until the deadline.")
@click.option("--deadline", type=Minutes(), default="10m", show_default=True, help="How long --watch goes on.")
def smoke(
    env: str,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    categories: tuple[str, ...],
    ids: tuple[str, ...],
    only_list: bool,
    explained: str | None,
    as_json: bool,
    sign_key: str | None,
    junit: Path | None,
    markdown: Path | None,
    html: Path | None,
    collecting: bool,
    patience: float | None,
    strict: bool | None,
    watching: bool,
    deadline: timedelta,
) -> int:
    """Prove that the platform of ENV works, and that it denies what it should.

    Each check acts from a place (vantage) and as an identity. What this runner cannot do is a SKIP, and a fatal check's
    makes the run red unless smoke.allowed_skips in env.toml names the check, its vantage (vantage:vnet) or its identity
    (identity:reader). What the environment's data leaves out is a SKIP that needs no allowance, and so is what depends
    on a check that failed.

    What starts jobs (the category runtime) costs minutes and money on Azure, and runs only when it is named.

    Exits 0 when everything that was not skipped passed and nothing fatal was skipped but as allowed, 1 otherwise, 130
    when it was interrupted (what ran is reported all the same). A failed warning leaves the run green and exits 1, too:
    --allow-warnings, or smoke.allow_warnings in env.toml, exits 0 for it.
    docs/checks.md explains every check.
    """
    from toolkit.checks.report import as_document, as_junit, as_markdown, as_page
    from toolkit.evidence import open_evidence
    from toolkit.evidence.signing import signing_key
    from toolkit.smoke.registry import CHECKS, EVERY, check_of, select
    from toolkit.smoke.run import RunInterrupted, RunLost

    terminal = Terminal()
    checks = select(categories, ids, only=only, skip=skip)
    key = signing_key(sign_key) if sign_key else None
    environment = load_environment(env)
    if explained is not None:
        explain_check(terminal, check_of(explained), environment.project.root / "docs" / "checks.md", as_json)
        return ExitCode.DONE
    if only_list:
        list_checks(terminal, EVERY if checks == CHECKS else checks, as_json)
        return ExitCode.DONE
    # The state is asked where this machine has not applied; checks ask its account from where the runner is.
    outputs = platform_outputs(terminal, environment, own_lease(terminal, environment, STATE))
    connection = connect(environment, terminal.progress)
    evidence = open_evidence(environment)
    evidence.write("outputs", outputs)
    evidence.write_applied(outputs)

    def once() -> RunResult:
        budget = 0 if watching and patience is None else patience
        return run_smoke(
            connection, outputs, terminal, evidence.folder, checks=checks, patience=budget, table=not as_json
        )

    def report(result: RunResult) -> None:
        if collecting and not result.green:
            packed = evidence.collect(result.bodies, connection.credential_settings)
            terminal.progress(f"collected what a colleague needs: {packed}")
        finish(evidence, key)
        for path, write in ((junit, as_junit), (markdown, as_markdown), (html, as_page)):
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(write(result), encoding="utf-8")
        if as_json:
            terminal.print_json(as_document(result))

    allowed = environment.allow_warnings if strict is None else not strict
    try:
        result = _watch(once, terminal, deadline, allowed) if watching else once()
    except (RunInterrupted, RunLost) as early:
        report(early.result)
        raise
    report(result)
    return ExitCode.DONE if proven(terminal, result, allowed) else ExitCode.FAILED


def _watch(once: Callable[[], RunResult], terminal: Terminal, deadline: timedelta, allowed: bool) -> RunResult:
    """The first run that holds, or the last one before the deadline. Each tries once: the watch is what waits."""
    from toolkit.waiting import BackOff, Waits

    waits = Waits(BackOff(5, 30), time.monotonic)
    while not (result := once()).holds(allow_warnings=allowed):
        pause = waits.next(deadline.total_seconds())
        if pause is None:
            terminal.note(f"not green within {deadline}")
            break
        red = [one.check.id for one in result.results if one.red or one.outcome == "FAIL"]
        terminal.progress(f"smoke: again in {pause:.0f} s, until all is green ({', '.join(red)})", "yellow")
        time.sleep(pause)
    return result


def run_smoke(
    connection: Connection,
    outputs: Mapping[str, Any],
    terminal: Terminal | None,
    evidence_folder: Path,
    *,
    checks: Sequence[Check[Context]] | None = None,
    patience: float | None = None,
    table: bool = True,
) -> RunResult:
    """Run the checks (all by default), show them, and write the three reports into ``evidence_folder``.

    ``terminal`` None shows nothing, not even progress. Raises UsageError and RunInterrupted or RunLost as
    :func:`toolkit.smoke.run.run` does, those two once what ran is shown and written. The caller decides what a red
    result means for it.
    """
    from toolkit.checks import report
    from toolkit.smoke.registry import CHECKS
    from toolkit.smoke.run import RunInterrupted, RunLost, run

    chosen = CHECKS if checks is None else checks
    if terminal:
        terminal.progress(f"smoke: {len(chosen)} checks on {connection.environment.name}")
    observer = _progress(terminal, chosen) if terminal else None
    say = terminal.progress if terminal else lambda _: None
    early: RunInterrupted | RunLost | None = None
    try:
        with terminating_like_an_interrupt(), observer.shown() if observer else nullcontext():
            result = run(connection, outputs, chosen, patience=patience, observer=observer, say=say)
    except (RunInterrupted, RunLost) as ended:
        early, result = ended, ended.result
    report.write(result, evidence_folder)
    if terminal:
        if table and not isinstance(early, RunLost):  # its one line says it all
            show_result(terminal, result)
        terminal.progress(
            f"smoke: {result.summary}; evidence in {evidence_folder}", "green" if result.green else "bold red"
        )
    if early:
        raise early
    return result


def _progress(terminal: Terminal, checks: Sequence[Check[Context]]) -> CheckProgress:
    return CheckProgress(terminal, checks, each=is_verbose() or ci_of(os.environ) is not None)
