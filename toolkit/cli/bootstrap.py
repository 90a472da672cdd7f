"""``toolkit bootstrap``: what the platform's pipeline must find before it can run."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import click

from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.options import (
    allow_replace_option,
    environment_argument,
    force_unlock_option,
    json_option,
    recreate_empty_option,
    verbose_option,
    yes_option,
)
from toolkit.cli.plan_view import print_plan
from toolkit.cli.progress import TerminalObserver, command_line
from toolkit.cli.terminal import Terminal


@click.command()
@environment_argument
@yes_option
@verbose_option
@json_option
@allow_replace_option
@recreate_empty_option
@force_unlock_option
@firewall_lease_options
@click.option(
    "--allow-my-address",
    is_flag=True,
    help="Where env.toml lets nobody reach the state account: write the public address of this machine into its "
    "state_ip_rules.",
)
def bootstrap(
    env: str,
    yes: bool,
    as_json: bool,
    allow: tuple[str, ...],
    recreate_empty: tuple[str, ...],
    force_unlock: str | None,
    allow_my_address: bool,
) -> None:
    """Make the state account, resource groups, identities and roles of ENV, and move their own state into that account.

    Run it as somebody who may assign roles in the subscription (Owner). Running it again changes nothing. Ends with
    the commands that protect branches and environments in GitHub and Azure DevOps: read them, then paste them.
    """
    from toolkit import github
    from toolkit.environment import FILE_NAME, load_environment
    from toolkit.errors import RefusedError
    from toolkit.protection import as_text, deployment_of, protection_steps
    from toolkit.runs.bootstrap import apply_bootstrap, plan_bootstrap
    from toolkit.runs.session import open_session
    from toolkit.runs.state_access import admit_this_machine
    from toolkit.terraform.applying import check_losses
    from toolkit.terraform.losses import parse_allowed
    from toolkit.terraform.recovery.soft_deleted import check_names

    terminal = Terminal()
    environment = load_environment(env)
    allowed = parse_allowed(allow)
    observer = TerminalObserver(terminal)
    if environment.exists_outside and environment.github_job:
        where = f"envs/{environment.data_name}/{FILE_NAME}"
        github.check_form(environment.github_job, environment.github_subject_template, where, observer.note)
    environment = admit_this_machine(
        environment, lambda question: terminal.confirm(question, yes=allow_my_address), observer.note
    )
    lease = own_lease(terminal, environment, STATE)
    with open_session(environment, command_line(), observer) as session:
        session.let_in = partial(lease.let_in, STATE)
        session.recreate_empty = frozenset(recreate_empty)
        plan, local = plan_bootstrap(session, force_unlock=force_unlock)
        check_names(session, plan.document)
        if not plan.summary.empty:
            if not as_json:
                print_plan(terminal, plan.summary, every=environment.needs_confirmation)
            check_losses(session, plan, "bootstrap", allowed)
            question = f"Bootstrap {environment.name} ({plan.summary.sentence})?"
            if environment.needs_confirmation and not terminal.confirm(question, yes=yes):
                raise RefusedError(
                    f"nothing was made: nobody said yes to bootstrapping {environment.name}",
                    hint=f"toolkit bootstrap {environment.name} --yes",
                )
        done = apply_bootstrap(session, plan, local=local, allowed=allowed)
    steps = protection_steps(
        deployment_of(
            environment.data_name,
            protected=environment.protected,
            tenant_id=environment.tenant_id,
            subscription_id=environment.subscription_id,
            github_repository=environment.github_job.full_name if environment.github_job else None,
            bootstrap_outputs=done.outputs,
        )
    )
    if as_json:
        document = {"environment": environment.name, "state_moved": done.moved, **done.summary.as_json()}
        document["protection"] = [asdict(step) for step in steps]
        terminal.print_json({**document, "bootstrap_outputs": done.outputs})
        return
    if done.summary.empty and not done.moved:
        terminal.print(f"No changes: {environment.name} is bootstrapped ({done.summary.resources} resources).")
    else:
        moved = ", its state is in the account now" if done.moved else ""
        terminal.print(f"Bootstrapped: {environment.name}, {done.summary.sentence}{moved}.")
    if not environment.exists_outside:
        terminal.print("# For reading, not for pasting: these ids are the sandbox's.")
    terminal.print("\n" + as_text(steps).rstrip("\n"))
