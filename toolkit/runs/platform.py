"""The sequences behind ``plan``, ``apply`` and ``destroy``: what happens in which order, without any rendering."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from toolkit.live.meant import forget_manifest, save_manifest
from toolkit.runs.bootstrap import bootstrap, bootstrap_what_is_missing, is_bootstrapped
from toolkit.terraform.adopting import adopt
from toolkit.terraform.applying import NOTHING, apply_plan
from toolkit.terraform.foreign_locks import refuse_foreign_locks
from toolkit.terraform.initialising import prepare
from toolkit.terraform.outputs import outputs_path, save_outputs
from toolkit.terraform.plan import PlanSummary
from toolkit.terraform.planning import SavedPlan, make_plan, with_announcements
from toolkit.terraform.recovery.errored_state import errored_state
from toolkit.terraform.recovery.missing_group import message, missing_groups
from toolkit.terraform.recovery.owed_purge import pending, remember, settle_purges, steps_after_destroy
from toolkit.terraform.session import Session, StateMissingError
from toolkit.terraform.state import StateStore


def prepare_platform(session: Session, *, reading: bool = False) -> None:
    """Initialise the platform's root; a sandbox environment is bootstrapped first where that is missing or outdated.

    ``reading``: for a command that changes nothing. What is missing altogether is made, which is said; an outdated
    bootstrap stays as it is. Raises StateMissingError on Azure, where a person decides to bootstrap.
    """
    if session.environment.bootstraps_itself and not is_bootstrapped(session):
        if reading:
            bootstrap_what_is_missing(session)
        else:
            bootstrap(session)
    try:
        prepare(session)
    except StateMissingError as error:
        _after_a_reset(session, error)
        prepare(session)


def _after_a_reset(session: Session, error: StateMissingError) -> None:
    """The sandbox was reset since: its state account is gone, this folder's memory of it is not."""
    if not session.environment.bootstraps_itself:
        raise error
    bootstrap_what_is_missing(session)


def plan_platform(
    session: Session,
    *,
    destroy: bool = False,
    force_unlock: str | None = None,
    locked: bool = True,
    reading: bool = False,
    adopting: Collection[str] = (),
) -> SavedPlan:
    """A saved plan of the platform; its summary says what the toolkit itself will purge or recover.

    ``reading`` as in :func:`prepare_platform`; ``adopting`` as in :func:`toolkit.terraform.adopting.adopt`. Raises
    ToolkitError.
    """
    if destroy and _was_never_made(session):
        return with_announcements(session, _NOTHING_TO_DESTROY)
    plan = _plan(session, destroy, force_unlock, locked, reading or destroy)
    return with_announcements(session, adopt(session, plan, adopting, locked=locked) if adopting else plan)


def _plan(session: Session, destroy: bool, force_unlock: str | None, locked: bool, reading: bool) -> SavedPlan:
    prepare_platform(session, reading=reading)
    try:
        plan = make_plan(session, destroy=destroy, force_unlock=force_unlock, locked=locked)
    except StateMissingError as error:
        _after_a_reset(session, error)
        session.folder("platform").forget_initialised()
        prepare(session)
        plan = make_plan(session, destroy=destroy, locked=locked)
    if reading or not session.environment.bootstraps_itself:
        return plan
    missing = missing_groups(session.connection, plan.document)
    if not missing:
        return plan
    for group in missing:
        session.observer.note(f"{message(group)}: the bootstrap makes it again")
    bootstrap(session)
    return make_plan(session)


_NOTHING_TO_DESTROY = SavedPlan(Path(), PlanSummary((), 0, (), ()), destroy=True)


def _was_never_made(session: Session) -> bool:
    """Whether a sandbox holds no state of the platform: then a destroy makes nothing, no bootstrap either.

    On Azure the state's account that is not found is an error: what it kept may exist.
    """
    if not session.environment.bootstraps_itself or errored_state(session, "platform").is_file():
        return False
    session.observer.step(f"looking for the state in {session.backend.storage_account_name}")
    return StateStore(session.connection, session.backend).presence() == "absent"


def apply_platform(session: Session, plan: SavedPlan, allowed: Mapping[str, str] = NOTHING) -> dict[str, Any]:
    """Apply a plan (or read the outputs when it changes nothing), keep the outputs and answer them.

    ``allowed`` as in :func:`toolkit.terraform.applying.apply_plan`.
    """
    forget_manifest(session.environment)
    outputs = apply_plan(session, plan, allowed=allowed)
    save_outputs(session.environment, outputs)
    save_manifest(session.connection)
    return outputs


def destroy_platform(session: Session, plan: SavedPlan) -> None:
    """Apply a destroy plan, then free the names that it leaves soft-deleted, and those that an earlier one owes."""
    environment = session.environment
    refuse_foreign_locks(session.connection, plan.document, environment.name)
    steps = {step.resource_id: step for step in (*pending(environment), *steps_after_destroy(plan.document))}
    remember(environment, list(steps.values()))
    apply_plan(session, plan)
    settle_purges(session)
    outputs_path(environment).unlink(missing_ok=True)
    forget_manifest(environment)
