"""``toolkit promote``: an environment follows another one, on the same commit and on the other's evidence."""

from __future__ import annotations

import getpass
import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.apply import carry_out
from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.options import allow_replace_option, complete_environment, json_option, sign_key_option, verbose_option
from toolkit.cli.progress import TerminalObserver, command_line
from toolkit.cli.review import review
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.environment import Environment
    from toolkit.environment.diff import Row
    from toolkit.runs.promotion import Approval, Proof


@click.command()
@click.argument("source", metavar="FROM", shell_complete=complete_environment)
@click.argument("target", metavar="TO", shell_complete=complete_environment)
@click.option(
    "--max-age",
    type=click.FloatRange(min=0, min_open=True),
    default=7.0,
    show_default=True,
    metavar="DAYS",
    help="Evidence of FROM that is older does not count.",
)
@click.option(
    "--evidence",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="FROM's runs are in this folder, such as a job's artifacts. [default: those that this machine keeps of FROM]",
)
@click.option("--key", metavar="FILE", help="FROM's evidence must be signed: the public key, in PEM (env:NAME).")
@click.option(
    "--approved-by",
    metavar="NAME",
    help="Who has approved this, where there is no terminal to ask on: it is kept in the evidence.",
)
@sign_key_option
@allow_replace_option
@verbose_option
@json_option
@firewall_lease_options
def promote(
    source: str,
    target: str,
    max_age: float,
    folder: Path | None,
    key: str | None,
    approved_by: str | None,
    sign_key: str | None,
    allow: tuple[str, ...],
    as_json: bool,
) -> int:
    """Apply to TO the commit that FROM was proven with, once somebody has approved TO's plan.

    \b
    Refused (exit code 4), with the missing piece named, unless
      this checkout is at a commit, and terraform/ and envs/ do not differ from it,
      FROM has green smoke tests of that very commit, not older than --max-age, in evidence that nobody edited,
      somebody approves the plan of TO, below the differences between the two environments.
    Who approved what and when is kept in TO's evidence (promotion.json). A rehearsal asks nobody.
      toolkit promote dev test
      toolkit promote dev@sandbox test@sandbox
      toolkit promote test prod --evidence artifacts/ --key sign.pub --approved-by "$APPROVER"    in a pipeline
    """
    from toolkit.environment import load_environment
    from toolkit.errors import ExitCode
    from toolkit.evidence.signing import signing_key, verifying_key
    from toolkit.guard.check import environment_policies
    from toolkit.guard.report import as_document as guard_document
    from toolkit.runs.platform import plan_platform
    from toolkit.runs.promotion import current_commit, differences, proof_of, record, refuse_pair
    from toolkit.runs.session import open_session
    from toolkit.terraform.losses import parse_allowed

    terminal = Terminal()
    before, after = load_environment(source), load_environment(target)
    refuse_pair(before, after)
    allowed = parse_allowed(allow)
    policies = environment_policies(after)
    signer = signing_key(sign_key) if sign_key else None
    public = verifying_key(key) if key else None
    commit = current_commit(after)
    proof = proof_of(before, commit, folder or before.evidence_dir, timedelta(days=max_age), public)
    rows = differences(before, after)
    terminal.progress(
        f"{before.name} was green on {commit[:12]}: {proof.passed} checks, {proof.time} ({proof.run}), "
        + (f"signed with {proof.signed_with[:16]}" if proof.signed_with else "seal verified")
    )
    lease = own_lease(terminal, after, STATE)
    observer = TerminalObserver(terminal, after)
    with open_session(after, command_line(), observer) as session:
        session.let_in = partial(lease.let_in, STATE)
        saved = plan_platform(session)
        summary, approved = saved.summary, None
        if not as_json:
            _print_differences(terminal, before, after, rows)
        guard = review(session, saved, terminal, allowed=allowed, policies=policies, as_json=as_json)
        if not summary.empty:
            approved = _approval(terminal, after, proof, summary.sentence, approved_by)
        if current_commit(after) != commit:
            raise _moved(commit)
        promotion = record(proof, after, rows, approved)
        done = carry_out(
            session, saved, terminal, observer, smoke=True, key=signer, allowed=allowed, as_json=as_json,
            records={"guard": guard_document(guard), "promotion": promotion},
        )  # fmt: skip
    if as_json:
        terminal.print_json({**done.document, "promotion": promotion})
    elif done.green:
        terminal.print(f"Promoted: {after.name} follows {before.name} at {commit[:12]}.")
    return ExitCode.DONE if done.green else ExitCode.FAILED


def _print_differences(terminal: Terminal, before: Environment, after: Environment, rows: list[Row]) -> None:
    from toolkit.cli.env import cells

    if rows:
        terminal.print(f"How {after.name} differs from {before.name}:")
        terminal.print_table(["key", before.name, after.name], cells(before, after, rows))
    else:
        terminal.print(f"{after.name} does not differ from {before.name}.")


def _approval(terminal: Terminal, after: Environment, proof: Proof, sentence: str, named: str | None) -> Approval:
    """Raises RefusedError when nobody approves."""
    from toolkit.errors import RefusedError
    from toolkit.runs.promotion import approval, who_started

    if named is not None and named.strip():
        return approval(named.strip(), "--approved-by")
    if not after.needs_confirmation:
        return approval(None, "rehearsal")
    question = f"Apply {proof.commit[:12]} to {after.name} ({sentence}), as {proof.environment} has proven it?"
    if terminal.interactive and terminal.confirm(question, yes=False):
        return approval(who_started(os.environ) or _login(), "terminal")
    reason = "nobody approved it" if terminal.interactive else "there is no terminal to ask on, and no --approved-by"
    raise RefusedError(
        f"nothing was promoted to {after.name}: the approval is missing ({reason})",
        hint=f"toolkit promote {proof.environment} {after.name} --approved-by NAME",
    )


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return f"user {os.getuid()}"


def _moved(commit: str) -> Exception:
    from toolkit.errors import RefusedError

    return RefusedError(
        f"nothing was promoted: the checkout left the commit {commit[:12]} while its plan was read",
        hint="promote again",
    )
