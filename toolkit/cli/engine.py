"""``toolkit env switch-engine``: from Terraform to OpenTofu, or back."""

from __future__ import annotations

from functools import partial

import click

from toolkit.cli.leased import STATE, firewall_lease_options, own_lease
from toolkit.cli.options import environment_argument, json_option, yes_option
from toolkit.cli.progress import TerminalObserver, command_line
from toolkit.cli.terminal import Terminal


@click.command("switch-engine")
@environment_argument
@yes_option
@json_option
@firewall_lease_options
def switch_engine(env: str, yes: bool, as_json: bool) -> None:
    """Move the states of ENV to the engine that TOOLKIT_TERRAFORM names (Terraform without it).

    \b
    Nothing in Azure changes: the states get this engine's name of the provider, and `plan` finds nothing to do.
    From then on whoever works on ENV, CI included, uses this engine; the other one is refused.
      TOOLKIT_TERRAFORM=tofu toolkit env switch-engine dev    from Terraform to OpenTofu
      toolkit env switch-engine dev                           and back
    """
    from toolkit.environment import load_environment
    from toolkit.errors import RefusedError
    from toolkit.runs.engine import move_states, states_to_move
    from toolkit.runs.session import open_session
    from toolkit.toolchain.engines import engine_of

    terminal = Terminal()
    environment = load_environment(env)
    lease = own_lease(terminal, environment, STATE)
    with open_session(environment, command_line(), TerminalObserver(terminal)) as session:
        session.let_in = partial(lease.let_in, STATE)
        here = f"{engine_of(session.terraform).title} {session.terraform.version}"
        waiting = states_to_move(session)
        roots = " and ".join(waiting)
        if waiting and environment.needs_confirmation:
            question = f"Move the states of {environment.name} ({roots}) to {here}?"
            if not terminal.confirm(question, yes=yes):
                reason = "nobody said yes" if terminal.interactive else "there is no terminal to ask on"
                raise RefusedError(
                    f"the states of {environment.name} stay as they are: {reason}",
                    hint=f"toolkit env switch-engine {environment.name} --yes",
                )
        move_states(session, waiting)
    if as_json:
        terminal.print_json({"environment": environment.name, "engine": here, "moved": list(waiting)})
    elif waiting:
        terminal.print(f"{environment.name}: the states of {roots} are {here}'s now.")
        terminal.print(f"See that nothing changes: toolkit plan {environment.name}")
    else:
        terminal.print(f"{environment.name}: no state is of another engine than {here}")
