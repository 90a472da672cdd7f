"""``toolkit destroy``: the platform of an environment, and the soft-deleted names that it leaves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from toolkit.cli.evidence import finish
from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.options import environment_argument, force_unlock_option, json_option, verbose_option, yes_option
from toolkit.cli.plan_view import print_plan
from toolkit.cli.progress import TerminalObserver, command_line
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.environment import Environment


@click.command()
@environment_argument
@yes_option
@verbose_option
@click.option(
    "--confirm", metavar="NAME", help="A protected environment's name, typed: needed where there is no terminal."
)
@json_option
@force_unlock_option
@firewall_lease_options
def destroy(env: str, yes: bool, confirm: str | None, as_json: bool, force_unlock: str | None) -> None:
    """Destroy the platform of ENV. What bootstrap made stays: the state, the identities, the resource group.

    Soft-deleted names are purged, so that apply can make everything again; a vault with purge protection is kept for
    its retention, which the summary says, and recovered by the next apply.
    """
    from toolkit.environment import load_environment
    from toolkit.evidence import open_evidence, package_versions
    from toolkit.runs.platform import destroy_platform, plan_platform
    from toolkit.runs.session import open_session
    from toolkit.terraform.versions import versions

    terminal = Terminal()
    environment = load_environment(env)
    lease = own_lease(terminal, environment, STATE)
    with open_session(environment, command_line(), TerminalObserver(terminal, environment)) as session:
        session.let_in = partial(lease.let_in, STATE)
        plan = plan_platform(session, destroy=True, force_unlock=force_unlock)
        if plan.summary.changes:
            if not as_json:
                print_plan(terminal, plan.summary, every=False)
            terminal.progress(f"{environment.name}: {plan.summary.sentence}")
            _confirm(environment, terminal, plan.summary.sentence, yes, confirm)
        destroy_platform(session, plan)
        evidence = open_evidence(environment)
        document = {"environment": environment.name, **plan.summary.as_json()}
        evidence.write("plan", document)
        evidence.write("versions", package_versions(versions(session)))
        evidence.write_unproven(session.connection, "Destroy", f"What was destroyed: {plan.summary.sentence}")
        finish(evidence)
    if as_json:
        terminal.print_json({**document, "evidence": str(evidence.folder)})
    elif not plan.summary.changes:
        terminal.print(f"Nothing to destroy: {environment.name} has no resources.")
    else:
        terminal.print(f"Destroyed: {environment.name}, {plan.summary.sentence}.")


def _confirm(environment: Environment, terminal: Terminal, sentence: str, yes: bool, typed: str | None) -> None:
    """A protected environment on Azure wants its name; another one a yes; a sandbox neither."""
    from toolkit.errors import RefusedError

    if not environment.needs_confirmation:
        return
    if environment.protected:
        if typed is None:
            typed = terminal.ask(f"{environment.name} is protected ({sentence}). Type its name to destroy it:")
        if typed != environment.name:
            raise RefusedError(
                f"nothing was destroyed: {environment.name} is protected, and its name was not typed",
                hint=f"toolkit destroy {environment.name} --confirm {environment.name}",
            )
        return
    if not terminal.confirm(f"Destroy {environment.name} ({sentence})?", yes=yes):
        raise RefusedError(
            f"nothing was destroyed: nobody said yes to destroying {environment.name}",
            hint=f"toolkit destroy {environment.name} --yes",
        )
