"""``toolkit apply``: plan, confirm, apply exactly that plan, prove it, keep the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.evidence import finish
from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.many import environments
from toolkit.cli.next_steps import next_steps
from toolkit.cli.options import (
    adopt_option,
    allow_replace_option,
    force_unlock_option,
    json_option,
    recreate_empty_option,
    sign_key_option,
    verbose_option,
    yes_option,
)
from toolkit.cli.progress import TerminalObserver, command_line
from toolkit.cli.review import review
from toolkit.cli.terminal import Terminal
from toolkit.cli.verdict import proven, strict_option
from toolkit.cli.words import HandedOver, ManyCommand

if TYPE_CHECKING:
    from toolkit.evidence.signing import SigningKey
    from toolkit.records import Json
    from toolkit.terraform.planning import SavedPlan
    from toolkit.terraform.session import Session


@click.command(cls=ManyCommand)
@environments(ordered=True)
@yes_option
@verbose_option
@json_option
@click.option(
    "--plan",
    "handed",
    type=HandedOver(exists=True, file_okay=False, path_type=Path),
    metavar="DIR|stored:ID",
    help="Apply the plan that `toolkit plan ENV --out DIR` or `--store` saved, and nothing else.",
)
@click.option(
    "--reconcile",
    is_flag=True,
    help="With --plan: plan afresh, and go on when that does the same or less, attribute by attribute. Shows what is "
    "no longer to be done, and refuses what was not agreed to.",
)
@click.option("--smoke/--no-smoke", default=True, help="Run the smoke tests afterwards (the default).")
@strict_option
@sign_key_option
@adopt_option
@allow_replace_option
@recreate_empty_option
@force_unlock_option
@firewall_lease_options
def apply(
    env: str,
    yes: bool,
    as_json: bool,
    handed: Path | str | None,
    reconcile: bool,
    smoke: bool,
    strict: bool | None,
    sign_key: str | None,
    adopt: tuple[str, ...],
    allow: tuple[str, ...],
    recreate_empty: tuple[str, ...],
    force_unlock: str | None,
) -> int:
    """Apply the plan of ENV, run the smoke tests, keep the evidence.

    \b
    A sandbox environment is started and bootstrapped when that is missing, and asks no question.
      toolkit apply local
      toolkit apply prod --plan plan/ --yes    in a pipeline, after the approval
      toolkit apply prod --plan stored:20270131T120000Z-0123456789abcdef --yes
    """
    from toolkit.environment import load_environment
    from toolkit.errors import ExitCode, UsageError
    from toolkit.evidence.signing import signing_key
    from toolkit.guard.check import environment_policies
    from toolkit.guard.report import as_document as guard_document
    from toolkit.runs.handed_over import taken
    from toolkit.runs.session import open_session
    from toolkit.terraform.bundle import read_metadata
    from toolkit.terraform.losses import parse_allowed
    from toolkit.terraform.stored_plans import parse_reference

    if reconcile and handed is None:
        raise UsageError("--reconcile compares with a plan: name it with --plan", hint="toolkit plan ENV --store")
    if handed is not None and force_unlock is not None:
        raise UsageError("--plan and --force-unlock do not go together", hint="free the lock with `toolkit plan` first")
    if handed is not None and adopt:
        raise UsageError(
            "--plan and --adopt do not go together: that plan is made already",
            hint=f"toolkit plan {env} --adopt {adopt[0]} --out DIR, and apply that",
        )
    terminal = Terminal()
    environment = load_environment(env)
    allowed = parse_allowed(allow)
    policies = environment_policies(environment)
    key = signing_key(sign_key) if sign_key else None
    name = parse_reference(handed) if isinstance(handed, str) else None
    bundle = handed if isinstance(handed, Path) else None
    metadata = read_metadata(bundle, environment) if bundle is not None else None
    lease = own_lease(terminal, environment, STATE)
    observer = TerminalObserver(terminal, environment)
    with ExitStack() as stack:
        session = stack.enter_context(open_session(environment, command_line(), observer))
        session.let_in = partial(lease.let_in, STATE)
        session.recreate_empty = frozenset(recreate_empty)
        folder = stack.enter_context(taken(session, name, command_line())) or bundle
        saved, reconciled = _plan(session, terminal, folder, metadata, reconcile, force_unlock, adopt)
        summary = saved.summary
        guard = review(session, saved, terminal, allowed=allowed, policies=policies, as_json=as_json)
        if not summary.empty:
            _confirm(session, terminal, summary.sentence, yes)
        done = carry_out(
            session,
            saved,
            terminal,
            observer,
            smoke=smoke,
            key=key,
            allowed=allowed,
            as_json=as_json,
            reconciled=reconciled,
            records={"guard": guard_document(guard)},
            strict=strict,
        )
    if as_json:
        terminal.print_json(done.document)
    return ExitCode.DONE if done.green else ExitCode.FAILED


@dataclass(frozen=True, slots=True)
class Done:
    """An apply with its proof: what ``--json`` prints, and whether the smoke tests were green (or not asked for)."""

    document: Json
    green: bool


def carry_out(
    session: Session,
    saved: SavedPlan,
    terminal: Terminal,
    observer: TerminalObserver,
    *,
    smoke: bool,
    key: SigningKey | None,
    allowed: Mapping[str, str],
    as_json: bool,
    records: Mapping[str, Json],
    reconciled: Json | None = None,
    strict: bool | None = None,
) -> Done:
    """Apply a plan that was agreed to, prove it and keep the evidence, with ``records`` as files of their own."""
    from toolkit.evidence import open_evidence, package_versions
    from toolkit.runs.platform import apply_platform
    from toolkit.terraform.versions import versions

    environment, summary = session.environment, saved.summary
    sha256 = saved.sha256  # before it is applied, which ends the file
    outputs = apply_platform(session, saved, allowed)
    evidence = open_evidence(environment)
    kept = {"environment": environment.name, **summary.as_json(), "allowed": allowed}
    evidence.write("plan", {**kept, "plan_sha256": sha256, **({"reconciled": reconciled} if reconciled else {})})
    for name, record in records.items():
        evidence.write(name, record)
    evidence.write("outputs", outputs)
    evidence.write("versions", package_versions(versions(session)))
    if observer.flight is not None:
        evidence.write("pace", observer.flight.pace.as_json())
    if not (summary.empty or as_json):
        terminal.print(f"Applied: {environment.name}, {summary.sentence}.")
    document: Json = {"environment": environment.name, "applied": not summary.empty, **summary.as_json()}
    document |= {
        "reconciled": reconciled,
        "platform_outputs": outputs,
        "evidence": str(evidence.folder),
        "smoke": None,
    }
    green = True
    if smoke:
        from toolkit.checks.report import as_document
        from toolkit.cli.smoke import run_smoke

        # With --json there is one document on stdout: the smoke results are in it, not before it.
        try:
            result = run_smoke(session.connection, outputs, terminal, evidence.folder, table=not as_json)
        finally:  # an interrupted run is evidence of what ran
            finish(evidence, key)
        green = proven(terminal, result, environment.allow_warnings if strict is None else not strict)
        document["smoke"] = as_document(result)
    else:
        evidence.write_unproven(session.connection, "Apply", "It ran with --no-smoke")
        finish(evidence, key)
    if not as_json:
        terminal.progress(f"evidence: {evidence.folder.relative_to(environment.project.root)}")
        for line in next_steps(environment, outputs, proven=green if smoke else None):
            terminal.print(line)
    return Done(document, green)


def _plan(
    session: Session,
    terminal: Terminal,
    folder: Path | None,
    metadata: Json | None,
    reconcile: bool,
    unlock: str | None,
    adopting: tuple[str, ...],
) -> tuple[SavedPlan, Json | None]:
    """The plan to apply; with ``reconcile``, what of the handed-over one it is."""
    from toolkit.runs.handed_over import handed_over_plan, reconciled_plan
    from toolkit.runs.platform import plan_platform
    from toolkit.terraform.reconcile import refuse_more

    if folder is None:
        return plan_platform(session, force_unlock=unlock, adopting=adopting), None
    agreed = handed_over_plan(session, folder, metadata)
    if not reconcile:
        return agreed, None
    fresh, found = reconciled_plan(session, agreed)
    for line in found.lines():
        terminal.progress(line)
    refuse_more(found, session.environment.name)
    return fresh, found.as_json()


def _confirm(session: Session, terminal: Terminal, sentence: str, yes: bool) -> None:
    from toolkit.errors import RefusedError

    environment = session.environment
    if not environment.needs_confirmation:
        return
    if not terminal.confirm(f"Apply this to {environment.name} ({sentence})?", yes=yes):
        reason = "nobody said yes" if terminal.interactive else "there is no terminal to ask on"
        raise RefusedError(
            f"nothing was applied to {environment.name}: {reason}", hint=f"toolkit apply {environment.name} --yes"
        )
