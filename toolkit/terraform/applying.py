"""Applying exactly a plan, and going on after what can be mended (:mod:`toolkit.terraform.recovery`)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from toolkit.errors import RefusedError
from toolkit.terraform.events import Result
from toolkit.terraform.plan import Action
from toolkit.terraform.planning import SavedPlan, plan_again
from toolkit.terraform.recovery import PASTS, Failed, Mended, existing_resource
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.workspace import RootName
from toolkit.waiting import BackOff, Waits

_BACK_OFF = BackOff(2.0, 30.0)

# Terraform's default of 10 is used up by operations that wait for Azure, and by those that wait for azapi's locks
# (measured by benchmarks/critical_path.py). Azure allows bursts of 200 writes for a principal in a subscription:
# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
_PARALLELISM = 40


def apply_plan(session: Session, plan: SavedPlan, root: RootName = "platform") -> dict[str, Any]:
    """Apply exactly ``plan`` and answer the outputs.

    What an earlier run or Azure's eventual consistency put in the way is mended; the rest is planned again and
    applied, as long as it changes nothing that the first plan did not. Raises ToolkitError, or RefusedError for a
    stale plan.
    """
    approved = {change.address: change.action for change in plan.summary.changes}
    waits = Waits(_BACK_OFF, time.monotonic)
    existing_resource.recall(session)
    if root == "platform" and not plan.destroy:
        plan = _mended_before(session, plan, root, approved, waits)
    while not plan.summary.empty:
        result = _run(session, plan, root)
        if result.returncode == 0:
            existing_resource.forget(session.environment)
            return result.events.outputs
        mended = _mended_after(Failed(session, root, plan.document, result.events.errors, waits))
        if mended is None:
            raise session.failure(result, root)
        session.observer.note(mended.note)
        time.sleep(mended.pause)
        plan = _rest(session, plan, root, mended.imports, approved, waits)
    existing_resource.forget(session.environment)
    return plan.known_outputs


def _mended_before(
    session: Session, plan: SavedPlan, root: RootName, approved: Mapping[str, Action], waits: Waits
) -> SavedPlan:
    imports: dict[str, str] = {}
    for past in PASTS:
        imports |= past.before_apply(session, plan.document)
    return _rest(session, plan, root, imports, approved, waits) if imports else plan


def _mended_after(failed: Failed) -> Mended | None:
    """What the first past that knows the errors has done about them."""
    return next((mended for past in PASTS if (mended := past.after_failure(failed)) is not None), None)


def _run(session: Session, plan: SavedPlan, root: RootName) -> Result:
    """One run; one that is interrupted or killed leaves a record of what it began to create."""
    runner = session.runner(root)
    planned = sum(2 if change.action == "replace" else 1 for change in plan.summary.changes)
    result: Result | None = None
    try:
        result = runner.run("apply", str(plan.file), input=False, json=FLAG, planned=planned, parallelism=_PARALLELISM)
        return result
    finally:
        if (result is None or result.killed) and runner.last_log is not None:
            existing_resource.remember(session.environment, existing_resource.created_in(runner.last_log))


def _rest(
    session: Session,
    plan: SavedPlan,
    root: RootName,
    imports: Mapping[str, str],
    approved: Mapping[str, Action],
    waits: Waits,
) -> SavedPlan:
    """What is left of a plan. Raises RefusedError when it does what nobody agreed to."""
    rest = plan_again(session, plan, root, imports, waits)
    # A half-made resource may have to be made again; of a replacement, the first half may be done.
    allowed = {"create": ("update", "replace", "delete", "import"), "replace": ("create",)}
    for change in rest.summary.changes:
        first = approved.get(change.address)
        if first is None or change.action not in (*allowed.get(first, ()), first):
            raise RefusedError(
                f"the rest of the apply would {change.action} {change.address}, which the plan that was agreed to "
                f"does not",
                hint=f"look at it first: toolkit plan {session.environment.name}",
            )
    return rest
