"""What ``toolkit adf``'s commands on a running factory begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cli.progress import TerminalObserver
from toolkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from toolkit.adf.service import FactoryOf


def connected_factory(env: str, terminal: Terminal) -> FactoryOf:
    """The factory of an environment, as its outputs name it. Raises ToolkitError."""
    from toolkit.adf.service import factory_of
    from toolkit.environment import connect, load_environment
    from toolkit.terraform.outputs import read_outputs, saved_outputs

    environment = load_environment(env)
    outputs = saved_outputs(environment) or read_outputs(environment, TerminalObserver(terminal))
    return factory_of(connect(environment, terminal.progress), outputs)
