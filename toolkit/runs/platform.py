"""The sequences behind ``plan``, ``apply`` and ``destroy``: what happens in which order, without any rendering."""

from __future__ import annotations

from typing import Any

from toolkit.runs.bootstrap import bootstrap, is_bootstrapped
from toolkit.terraform.applying import apply_plan
from toolkit.terraform.initialising import prepare
from toolkit.terraform.outputs import outputs_path, save_outputs
from toolkit.terraform.planning import SavedPlan, make_plan, with_announcements
from toolkit.terraform.recovery.owed_purge import pending, remember, settle_purges, steps_after_destroy
from toolkit.terraform.session import Session, StateMissingError


def prepare_platform(session: Session) -> None:
    """Initialise the platform's root; a sandbox environment is bootstrapped first where that is missing or outdated.

    Raises StateMissingError on Azure, where a person decides to bootstrap.
    """
    if session.environment.bootstraps_itself and not is_bootstrapped(session):
        bootstrap(session)
    try:
        prepare(session)
    except StateMissingError:
        # The sandbox was reset since: its state account is gone, this folder's memory of it is not.
        if not session.environment.bootstraps_itself:
            raise
        bootstrap(session)
        prepare(session)


def plan_platform(
    session: Session, *, destroy: bool = False, force_unlock: str | None = None, locked: bool = True
) -> SavedPlan:
    """A saved plan of the platform; its summary says what the toolkit itself will purge or recover.

    Raises ToolkitError.
    """
    return with_announcements(session, _plan(session, destroy, force_unlock, locked))


def _plan(session: Session, destroy: bool, force_unlock: str | None, locked: bool) -> SavedPlan:
    prepare_platform(session)
    try:
        return make_plan(session, destroy=destroy, force_unlock=force_unlock, locked=locked)
    except StateMissingError:
        if not session.environment.bootstraps_itself:
            raise
        bootstrap(session)
        session.folder("platform").forget_initialised()
        prepare(session)
        return make_plan(session, destroy=destroy, locked=locked)


def apply_platform(session: Session, plan: SavedPlan) -> dict[str, Any]:
    """Apply a plan (or read the outputs when it changes nothing), keep the outputs and answer them."""
    outputs = apply_plan(session, plan)
    save_outputs(session.environment, outputs)
    return outputs


def destroy_platform(session: Session, plan: SavedPlan) -> None:
    """Apply a destroy plan, then free the names that it leaves soft-deleted, and those that an earlier one owes."""
    environment = session.environment
    steps = {step.resource_id: step for step in (*pending(environment), *steps_after_destroy(plan.document))}
    remember(environment, list(steps.values()))
    apply_plan(session, plan)
    settle_purges(session)
    outputs_path(environment).unlink(missing_ok=True)
