"""An environment changes hands between Terraform and OpenTofu: both of its states, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.azure.login import check_login
from toolkit.runs.bootstrap import prepare_bootstrap
from toolkit.terraform.initialising import prepare
from toolkit.terraform.session import Session
from toolkit.terraform.state_engine import state_writer, take_over
from toolkit.terraform.workspace import ROOTS, RootName
from toolkit.toolchain.engines import engine_of
from toolkit.toolchain.provider import under_every_registry


def states_to_move(session: Session) -> list[RootName]:
    """The roots whose states in the account are of the other engine."""
    check_login(session.connection)
    writers = {root: state_writer(session, root) for root in ROOTS}
    here = engine_of(session.terraform)
    return [root for root, writer in writers.items() if writer is not None and writer.engine not in (None, here)]


def move_states(session: Session, roots: Sequence[RootName]) -> None:
    """Write this engine's name of the provider into each state. Raises ToolkitError; done again, it goes on.

    `init` installs what the state asks for, so the provider is laid out under both names until that is over.
    """
    usual, session.switching = session.provider, True
    for root in roots:
        session.provider = under_every_registry(usual)
        _prepare(session, root)
        session.observer.step(f"moving the state ({root})")
        take_over(session, root)
        session.provider = usual
        session.folder(root).forget_initialised()
        _prepare(session, root)
    session.switching = False


def _prepare(session: Session, root: RootName) -> None:
    if root == "bootstrap":
        prepare_bootstrap(session, local=False)
    else:
        prepare(session)
