"""The use cases behind ``plan``, ``apply`` and ``destroy``: what happens in which order, without any rendering."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from toolkit.terraform import adopt
from toolkit.terraform.bootstrap import bootstrap, is_bootstrapped
from toolkit.terraform.purge import pending, purge, remember, steps_after_destroy
from toolkit.terraform.recover import recover, steps_before_create
from toolkit.terraform.session import SavedPlan, Session, StateMissingError, outputs_path


def prepare_platform(session: Session) -> None:
    """Initialise the platform's root; a sandbox environment is bootstrapped first where that is missing or outdated.

    Raises StateMissingError on Azure, where a person decides to bootstrap.
    """
    if session.environment.bootstraps_itself and not is_bootstrapped(session):
        bootstrap(session)
    try:
        session.prepare("platform")
    except StateMissingError:
        # The sandbox was reset since: its state account is gone, this folder's memory of it is not.
        if not session.environment.bootstraps_itself:
            raise
        bootstrap(session)
        session.prepare("platform")


def plan_platform(
    session: Session, *, destroy: bool = False, force_unlock: str | None = None, locked: bool = True
) -> SavedPlan:
    """A saved plan of the platform; its summary says what the toolkit itself will purge or recover.

    Raises ToolkitError.
    """
    plan = _plan(session, destroy, force_unlock, locked)
    owed = pending(session.environment)
    purged = {step.resource_id.lower() for step in owed if step.reserved_days is None}
    recovered = steps_before_create(session.connection, plan.document, purged)
    announced = (*(step.announcement for step in owed), *(step.announcement for step in recovered), *plan.summary.steps)
    return replace(plan, summary=replace(plan.summary, steps=tuple(dict.fromkeys(announced))))


def _plan(session: Session, destroy: bool, force_unlock: str | None, locked: bool) -> SavedPlan:
    prepare_platform(session)
    try:
        return session.plan("platform", destroy=destroy, force_unlock=force_unlock, locked=locked)
    except StateMissingError:
        if not session.environment.bootstraps_itself:
            raise
        bootstrap(session)
        session.folder("platform").forget_initialised()
        session.prepare("platform")
        return session.plan("platform", destroy=destroy, locked=locked)


def apply_platform(session: Session, plan: SavedPlan) -> dict[str, Any]:
    """Apply a plan (or read the outputs when it changes nothing), keep the outputs and answer them."""
    settle_purges(session)
    if steps := steps_before_create(session.connection, plan.document, ()):
        # Before they are done: an apply that is killed after them finds vaults that its state does not know.
        adopt.remember(session.environment, [step.address for step in steps])
        recover(session.connection, steps, session.observer.step)
        plan = session.adopting(plan, {step.address: step.resource_id for step in steps})
    outputs = plan.known_outputs if plan.summary.empty else session.apply(plan)
    session.save_outputs(outputs)
    return outputs


def destroy_platform(session: Session, plan: SavedPlan) -> None:
    """Apply a destroy plan, then free the names that it leaves soft-deleted, and those that an earlier one owes."""
    environment = session.environment
    steps = {step.resource_id: step for step in (*pending(environment), *steps_after_destroy(plan.document))}
    remember(environment, list(steps.values()))
    if not plan.summary.empty:
        session.apply(plan)
    settle_purges(session)
    outputs_path(environment).unlink(missing_ok=True)


def settle_purges(session: Session) -> None:
    """Purge what destroys on this machine owe. Raises ToolkitError; what is owed is then kept for the next run."""
    purge(session.connection, pending(session.environment), session.observer.step)
    remember(session.environment, [])
