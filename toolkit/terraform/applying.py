"""Applying exactly a plan, and going on after what can be mended (:mod:`toolkit.terraform.recovery`)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from toolkit.errors import RefusedError, ToolkitError
from toolkit.terraform import leases
from toolkit.terraform.events import Result
from toolkit.terraform.losses import check_addresses, refuse_losses
from toolkit.terraform.names import refuse_taken_names
from toolkit.terraform.origins import set_in
from toolkit.terraform.plan import DEPOSED, Action
from toolkit.terraform.planning import SavedPlan, plan_again
from toolkit.terraform.quotas import refuse_small_quotas
from toolkit.terraform.recovery import BOOTSTRAP_PASTS, PASTS, Failed, Mended
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.state_engine import check_writer_again
from toolkit.terraform.subnets import refuse_unfit_subnets
from toolkit.terraform.targets import all_but
from toolkit.terraform.unchangeable import refuse_unchangeable
from toolkit.terraform.workspace import RootName
from toolkit.terraform.zones import refuse_missing_zones
from toolkit.waiting import BackOff, Waits

NOTHING: Mapping[str, str] = MappingProxyType({})

_BACK_OFF = BackOff(2.0, 30.0)

# Terraform's default of 10 is used up by operations that wait for Azure, and by those that wait for azapi's locks
# (measured by benchmarks/critical_path.py). Azure allows bursts of 200 writes for a principal in a subscription:
# https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
_PARALLELISM = 40
_PLANS = 5


def apply_plan(
    session: Session, plan: SavedPlan, root: RootName = "platform", allowed: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """Apply exactly ``plan`` and answer the outputs.

    What an earlier run or Azure's eventual consistency put in the way is mended; the rest is planned again and
    applied, as long as it changes nothing that the first plan did not. ``allowed`` (reason by address) may be lost
    although it holds state or data. Raises ToolkitError, or RefusedError for a stale plan and one that loses more.
    """
    check_losses(session, plan, root, allowed)
    check_writer_again(session, root)
    approved = {change.address: change.action for change in plan.summary.changes}
    limits = _Limits(approved, allowed, Waits(_BACK_OFF, time.monotonic))
    held: Mapping[str, str] = NOTHING
    if not plan.destroy:
        plan = _mended_before(session, plan, root, limits)
        held = _held(session, plan, root)
    if held and root == "bootstrap":
        # Nothing at all: a first state here would stand beside the one that comes back with its account.
        raise RefusedError(
            "nothing was applied:\n" + _listing(held), hint=f"then: toolkit bootstrap {session.environment.name}"
        )
    if held:
        targets = all_but(session, root, [change.address for change in plan.summary.changes], held)
        if targets:
            plan = _rest(session, replace(plan, targets=targets), root, NOTHING, limits)
            _apply(session, plan, root, limits)
            _finish(session, plan, root)
        raise _held_back(session, held)
    outputs = _apply(session, plan, root, limits)
    if not plan.destroy:
        _finish(session, plan, root)
        before = plan.document.get("output_changes", {}).get("ip_rules", {}).get("before")
        old, new = leases.own_rules(before), leases.own_rules(outputs.get("ip_rules"))
        if before is not None and old != new:
            session.leases.applied(root, old, new)
    return outputs


def _finish(session: Session, plan: SavedPlan, root: RootName) -> None:
    for past in PASTS if root == "platform" else ():
        past.after_apply(session, plan.document)


def _apply(session: Session, plan: SavedPlan, root: RootName, limits: _Limits) -> dict[str, Any]:
    while not (plan := _current(session, plan, root, limits)).summary.empty:
        result = _run(session, plan, root)
        if result.returncode == 0:
            if plan.destroy or not _changed(session, plan, root):
                return result.events.outputs
            session.observer.note("leases were opened or closed during the apply: their rules are put right")
            plan = _rest(session, plan, root, NOTHING, limits)
            continue
        mended = _mended_after(Failed(session, root, plan.document, result.events.errors, limits.waits))
        if mended is None:
            raise session.failure(result, root)
        session.observer.note(mended.note)
        time.sleep(mended.pause)
        plan = _rest(session, plan, root, mended.imports, limits)
    return plan.known_outputs


def _changed(session: Session, plan: SavedPlan, root: RootName) -> tuple[str, ...]:
    """The resources that a plan writes and that other addresses are let in to now than when it was made."""
    writes = leases.written(plan.document)
    if not writes:
        return ()
    now = session.leases.open(root)
    return tuple(sorted(key for key in writes if now.get(key, ()) != plan.leases.get(key, ())))


def _current(session: Session, plan: SavedPlan, root: RootName, limits: _Limits) -> SavedPlan:
    """The plan, made again while leases on what it writes come and go: it would take their rules away, or bring them
    back. Raises RefusedError when more than that has changed."""
    for _ in range(_PLANS):
        changed = () if plan.destroy or plan.summary.empty else _changed(session, plan, root)
        if not changed:
            return plan
        shown = ", ".join(changed)
        session.observer.note(f"leases were opened or closed since the plan was made ({shown}): planning again")
        again = plan_again(session, plan, root, plan.imports, limits.waits)
        first, second = (leases.digest(each.document, plan.leases, again.leases) for each in (plan, again))
        if first != second:
            raise RefusedError(
                f"leases were opened or closed since the plan was made ({shown}), and a plan of now differs in more",
                hint=f"look at it first: toolkit plan {session.environment.name} --out DIR, and apply that",
            )
        plan = again
    raise RefusedError(
        f"leases were opened or closed on what is to be changed, {_PLANS} times while it was planned again",
        hint=f"toolkit firewall status {session.environment.name} shows them: apply when it is quieter",
    )


@dataclass(frozen=True, slots=True)
class _Limits:
    """What going on may do: the actions that were agreed to, what may be lost, and how long is waited."""

    approved: Mapping[str, Action]
    allowed: Mapping[str, str]
    waits: Waits


def check_losses(session: Session, plan: SavedPlan, root: RootName, allowed: Mapping[str, str]) -> None:
    """Refuse a plan that replaces or deletes what holds state or data, or changes what cannot be changed; a destroy is
    deliberate by itself."""
    if not plan.destroy:
        check_addresses(plan.summary, allowed)
        refuse_unchangeable(
            plan.document, session.environment.name, set_in(session.environment)
        )  # first, since nobody can allow it
        refuse_losses(plan, root, session.environment.name, allowed)


def _held(session: Session, plan: SavedPlan, root: RootName) -> dict[str, str]:
    """What must not be created before a person has done something, by address, with what that is."""
    pasts = PASTS if root == "platform" else BOOTSTRAP_PASTS
    return {address: what for past in pasts for address, what in past.to_hold(session, plan.document).items()}


def _held_back(session: Session, held: Mapping[str, str]) -> ToolkitError:
    what = "1 resource is" if len(held) == 1 else f"{len(held)} resources are"
    return ToolkitError(
        f"all is applied that does not need what a person must restore first; {what} left out:\n" + _listing(held),
        hint=f"then: toolkit apply {session.environment.name}",
    )


def _listing(held: Mapping[str, str]) -> str:
    return "\n".join(f"  {held[address]}" for address in sorted(held))


def _mended_before(session: Session, plan: SavedPlan, root: RootName, limits: _Limits) -> SavedPlan:
    imports: dict[str, str] = {}
    for past in PASTS if root == "platform" else ():
        imports |= past.before_apply(session, plan.document)
    refuse_taken_names(session, plan.document, imports)
    refuse_unfit_subnets(session, plan.document)
    refuse_missing_zones(session, plan.document)
    refuse_small_quotas(session, plan.document)
    return _rest(session, plan, root, imports, limits) if imports else plan


def _mended_after(failed: Failed) -> Mended | None:
    """What the first past that knows the errors has done about them."""
    return next((mended for past in PASTS if (mended := past.after_failure(failed)) is not None), None)


def _run(session: Session, plan: SavedPlan, root: RootName) -> Result:
    changes = plan.summary.changes
    addresses = [change.address for change in changes for _ in range(2 if change.action == "replace" else 1)]
    runner = session.runner(root)
    session.observer.begin(addresses)
    try:
        return runner.run(
            "apply", str(plan.file), input=False, json=FLAG, planned=len(addresses), parallelism=_PARALLELISM
        )
    finally:
        session.observer.end()


def _rest(session: Session, plan: SavedPlan, root: RootName, imports: Mapping[str, str], limits: _Limits) -> SavedPlan:
    """What is left of a plan. Raises RefusedError when it does what nobody agreed to."""
    rest = plan_again(session, plan, root, imports, limits.waits)
    # A half-made resource may have to be made again; of a replacement, the first half may be done, whichever it is.
    continued = {"create": ("update", "replace", "delete", "import"), "replace": ("create",)}
    for change in rest.summary.changes:
        first = limits.approved.get(change.address)
        if first == "replace" and change.reason == DEPOSED:
            continue
        if first is None or change.action not in (*continued.get(first, ()), first):
            raise RefusedError(
                f"the rest of the apply would {change.action} {change.address}, which the plan that was agreed to "
                f"does not",
                hint=f"look at it first: toolkit plan {session.environment.name}",
            )
    if not plan.destroy:
        # What was taken over may differ in what forces a replacement.
        refuse_losses(rest, root, session.environment.name, limits.allowed)
    return rest
