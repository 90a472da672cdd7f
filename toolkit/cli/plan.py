"""``toolkit plan``: what apply would change."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path

import click

from toolkit.cli.ci_log import summarise_job
from toolkit.cli.firewall import Minutes
from toolkit.cli.guard import print_guard
from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.many import environments
from toolkit.cli.options import adopt_option, allow_replace_option, force_unlock_option, json_option
from toolkit.cli.plan_view import print_plan
from toolkit.cli.progress import TerminalObserver, command_line, no_changes
from toolkit.cli.terminal import Terminal
from toolkit.cli.words import EachPath, ManyCommand


@click.command(cls=ManyCommand)
@environments(ordered=False)
@json_option
@click.option("--markdown", type=EachPath(dir_okay=False, path_type=Path), metavar="FILE", help="Also write Markdown.")
@click.option(
    "--out",
    type=EachPath(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also save the plan for `toolkit apply ENV --plan DIR` in another job. It may hold sensitive values.",
)
@click.option(
    "--store",
    is_flag=True,
    help="Also keep the plan in the account of the states, for `toolkit apply ENV --plan stored:ID` as CI: once, at "
    "this commit, for as long as --store-ttl says. No artifact then holds it.",
)
@click.option(
    "--store-ttl", type=Minutes(), default="24h", show_default=True, help="For how long a stored plan counts."
)
@click.option("--destroy", is_flag=True, help="Plan what `toolkit destroy` would do.")
@click.option(
    "--no-lock",
    is_flag=True,
    help="Take no lock on the state: for the read-only identity of pull requests. An apply at the same time may make "
    "the plan stale.",
)
@adopt_option
@allow_replace_option
@force_unlock_option
@firewall_lease_options
def plan(
    env: str,
    as_json: bool,
    markdown: Path | None,
    out: Path | None,
    store: bool,
    store_ttl: timedelta,
    destroy: bool,
    no_lock: bool,
    adopt: tuple[str, ...],
    allow: tuple[str, ...],
    force_unlock: str | None,
) -> int:
    """Show what apply would change in ENV, and save the plan.

    \b
    Exits 0 when nothing would change, 2 when something would, 4 when the guard refuses it, 1 when the plan failed.
      toolkit plan local
      toolkit plan prod --no-lock --markdown plan.md    in a pull request's job
    """
    from toolkit.environment import load_environment
    from toolkit.errors import ExitCode, UsageError
    from toolkit.files import disk_errors, write_atomically
    from toolkit.guard.check import environment_policies, guard_plan
    from toolkit.guard.report import as_document
    from toolkit.guard.report import as_markdown as guard_section
    from toolkit.runs.handed_over import store_plan
    from toolkit.runs.platform import plan_platform
    from toolkit.runs.session import open_session
    from toolkit.terraform.bundle import write_bundle
    from toolkit.terraform.losses import check_addresses, described, losses, parse_allowed, sentence
    from toolkit.terraform.origins import set_in
    from toolkit.terraform.plan import markdown as as_markdown
    from toolkit.terraform.unchangeable import described as as_lines
    from toolkit.terraform.unchangeable import refusals
    from toolkit.terraform.unchangeable import sentence as impossible

    if store and destroy:
        raise UsageError("--store and --destroy do not go together", hint="toolkit destroy ENV plans by itself")
    if destroy and adopt:
        raise UsageError("--destroy and --adopt do not go together", hint="what is destroyed is in the state already")
    terminal = Terminal()
    environment = load_environment(env)
    allowed = parse_allowed(allow)
    policies = () if destroy else environment_policies(environment)  # before anything takes its time
    lease = own_lease(terminal, environment, STATE)
    with open_session(environment, command_line(), TerminalObserver(terminal)) as session:
        session.let_in = partial(lease.let_in, STATE)
        saved = plan_platform(
            session, destroy=destroy, force_unlock=force_unlock, locked=not no_lock, reading=True, adopting=adopt
        )
        if out is not None:
            write_bundle(session, saved, out)
        summary, guard, stored = saved.summary, None, None
        check_addresses(summary, allowed)
        if not destroy:  # which is deliberate by itself, and leaves nothing to look at
            guard = guard_plan(environment, saved.document, allowed=allowed, summary=summary, policies=policies)
        if store and guard is not None and guard.passes:  # nobody could apply another one
            stored = store_plan(session, saved, store_ttl)
    lost = () if destroy else tuple(one for one in losses(summary) if one.change.address not in allowed)
    fixed = refusals(saved.document) if not destroy else ()
    refused = [sentence(lost, environment.name), *described(lost)] if lost else []
    refused += [impossible(fixed), *as_lines(fixed, set_in(environment))] if fixed else []
    words = as_markdown(summary, f"{'Destroy' if destroy else 'Plan'} for {environment.name}", refused)
    words += f"\n{guard_section(guard)}" if guard else ""
    if markdown is not None:
        with disk_errors("the Markdown file"):
            write_atomically(markdown, words, 0o644)
    summarise_job(words, environment.state_dir / "plan.md")
    if as_json:
        document = {"environment": environment.name, "destroy": destroy, "plan_file": str(saved.file)}
        document |= {"changes_present": not summary.empty, "refused": [asdict(loss) for loss in lost]}
        document |= {"refused_by_azure": [asdict(one) for one in fixed]}
        document["guard"] = as_document(guard) if guard else None
        document["stored"] = {"plan": stored.reference, "expires": stored.expires.isoformat()} if stored else None
        terminal.print_json({**document, **summary.as_json()})
    elif summary.empty:
        terminal.print(no_changes(environment, summary))
    else:
        print_plan(terminal, summary, every=True)
        terminal.print(f"Plan for {environment.name}: {summary.sentence} (of {summary.resources} resources)")
    if refused and not as_json:
        terminal.note("apply refuses this: " + "\n".join(refused))
    if guard is not None and not as_json:
        print_guard(terminal, guard)
    if stored is not None and not as_json:
        command = f"toolkit apply {environment.name} --plan {stored.reference}"
        terminal.print(f"Stored until {stored.expires:%Y-%m-%d %H:%M} UTC: {command}")
    if guard is not None and not guard.passes:
        return ExitCode.REFUSED
    return ExitCode.DONE if summary.empty else ExitCode.CHANGES
