"""A plan that is saved, and read as a document."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.files import disk_errors, write_atomically
from toolkit.terraform import diagnostics
from toolkit.terraform.events import Result
from toolkit.terraform.leases import NONE, Open, UnreadableError
from toolkit.terraform.places import with_own_places
from toolkit.terraform.plan import PlanSummary, summarise
from toolkit.terraform.recovery import BOOTSTRAP_PASTS, PASTS
from toolkit.terraform.recovery.passing_error import passing
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.statelock import unlock, unlocking
from toolkit.terraform.unchangeable import fixed_values
from toolkit.terraform.workspace import RootName
from toolkit.waiting import Waits

_PLANS_KEPT = 10
IMPORTS_FILE = "imports.tf"  # not a copy of anything: the next refresh of the work folder removes a forgotten one


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan file (mode 0600: it may hold sensitive values), what it would change, and whether it destroys all."""

    file: Path
    summary: PlanSummary
    destroy: bool
    document: dict[str, Any] = field(repr=False, default_factory=dict)
    targets: tuple[str, ...] = ()  # it is of these only
    final: bool = False  # it breaks a prevent_destroy: Terraform does not apply it, and the model may be incomplete
    leases: Open = field(default_factory=dict)  # it was made for these
    imports: Mapping[str, str] = field(default_factory=dict)  # id by address: what it takes into the state

    @property
    def sha256(self) -> str | None:
        """Of the file, as ``metadata.json`` of ``plan --out DIR`` has it; None where there is nothing to apply."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest() if self.file.is_file() else None

    @property
    def known_outputs(self) -> dict[str, Any]:
        """The outputs after this plan, as far as they are known and not sensitive: all, when it changes nothing.

        One that is null is none, as in the state (smoke/features.py names the source).
        """
        outputs = self.document.get("planned_values", {}).get("outputs", {})
        known = {name: item.get("value") for name, item in outputs.items() if not item["sensitive"]}
        return {name: value for name, value in known.items() if value is not None}


def make_plan(
    session: Session,
    root: RootName = "platform",
    *,
    destroy: bool = False,
    force_unlock: str | None = None,
    locked: bool = True,
    waits: Waits | None = None,
    targets: tuple[str, ...] = (),
    refresh_only: bool = False,
) -> SavedPlan:
    """Plan into ``.toolkit/<env>/plans`` (for the platform's root; the newest ten are kept).

    ``locked`` False takes no lock on the state, for an identity that may only read it. ``waits`` are those of an apply
    that plans its rest: what goes away by itself is waited for here, too. ``refresh_only``: only what was changed
    outside Terraform (https://developer.hashicorp.com/terraform/cli/commands/plan#planning-modes).
    Raises ToolkitError when Terraform fails. A lock that a killed run of ours left on the state is freed first,
    when it is provably that.
    """
    if force_unlock is not None:
        unlock(session, root, force_unlock)
    for past in PASTS:
        past.before_plan(session, root)
    options: dict[str, Any] = {"destroy": FLAG} if destroy else {}
    if not locked:
        options["lock"] = False
    if targets:
        options["target"] = list(targets)
    if refresh_only:
        options["refresh_only"] = FLAG
    leases = _leases(session, root)
    session.folder(root).write_leases(leases)
    healing = root == "platform" and not destroy and not refresh_only
    replaced: dict[str, str] = {}
    # What is made again may leave something else without its other end, seen only then; each round finds more, or ends.
    while True:
        plan = _plan_once(session, root, options, replaced, healing, waits)
        if isinstance(plan, SavedPlan):
            broken = _broken(session, plan) if healing else {}
            if broken.keys() <= replaced.keys():
                steps = tuple(dict.fromkeys(replaced.values()))
                return replace(plan, summary=replace(plan.summary, steps=steps), leases=leases)
            plan.file.unlink(missing_ok=True)
        else:
            broken = plan
        replaced |= broken
        for why in dict.fromkeys(broken.values()):
            session.observer.note(why)


def _leases(session: Session, root: RootName) -> Open:
    try:
        return session.leases.open(root)
    except UnreadableError as error:
        session.observer.note(f"{error.message}: planned as if no lease was open")
        return NONE


def _plan_once(
    session: Session,
    root: RootName,
    options: Mapping[str, Any],
    replaced: Mapping[str, str],
    healing: bool,
    waits: Waits | None,
) -> SavedPlan | dict[str, str]:
    """A plan that makes ``replaced`` again; or what has to be made again besides, where Terraform refuses to plan."""
    file = _new_plan_file(session, root)
    if replaced:
        options = {**options, "replace": sorted(replaced)}
    session.observer.step(f"terraform plan ({root})")
    runner = session.runner(root)

    def attempt() -> Result:
        return runner.run("plan", input=False, json=FLAG, detailed_exitcode=FLAG, out=str(file), **options)

    result = unlocking(session, root, attempt)
    while result.returncode == 1 and waits is not None and (mended := passing(result.events.errors, waits)):
        session.observer.note(mended.note)
        time.sleep(mended.pause)
        result = unlocking(session, root, attempt)
    final = diagnostics.only_prevented(result.events.errors)
    if result.returncode not in (0, 2) and not final:
        pasts = PASTS if healing else ()
        broken = {
            address: why
            for past in pasts
            for address, why in past.to_replace_after(session, result.events.errors).items()
            if address not in replaced
        }
        if broken:
            return broken
        raise session.failure(result, root)
    _show_warnings(session, root, result)
    file.chmod(0o600)
    document = _document(session, root, file)
    return SavedPlan(
        file, _summary(document), bool(options.get("destroy")), document, tuple(options.get("target", ())), final
    )


def _summary(document: dict[str, Any]) -> PlanSummary:
    return summarise(document, notes=fixed_values(document))


def _broken(session: Session, plan: SavedPlan) -> dict[str, str]:
    return {address: why for past in PASTS for address, why in past.to_replace(session, plan.document).items()}


def plan_again(
    session: Session, plan: SavedPlan, root: RootName, imports: Mapping[str, str], waits: Waits
) -> SavedPlan:
    """The rest of ``plan``; resources in ``imports`` (id by address) are taken into the state instead of created."""
    with _import_blocks(session, plan, root, imports):
        again = make_plan(session, root, destroy=plan.destroy, waits=waits, targets=plan.targets)
    return replace(again, imports=imports)


def plan_with_imports(
    session: Session, plan: SavedPlan, imports: Mapping[str, str], *, locked: bool = True
) -> SavedPlan:
    """The platform's plan made again, which takes ``imports`` (id by address) into the state instead of creating them.

    ``locked`` as in :func:`make_plan`."""
    with _import_blocks(session, plan, "platform", imports):
        again = make_plan(session, locked=locked)
    plan.file.unlink(missing_ok=True)
    return replace(again, imports=dict(imports))


def load_plan(session: Session, root: RootName, file: Path, leases: Open = NONE) -> SavedPlan:
    """The model of a plan file that another run made to be applied. That it only deletes makes it no destroy."""
    document = _document(session, root, file)
    return SavedPlan(file, _summary(document), False, document, leases=leases)


def with_announcements(session: Session, plan: SavedPlan, root: RootName = "platform") -> SavedPlan:
    """The plan, whose summary also says what the toolkit itself will do besides Terraform."""
    pasts = PASTS if root == "platform" else BOOTSTRAP_PASTS
    announced = [step for past in pasts for step in past.announcements(session, plan.document)]
    steps = (*plan.summary.steps, *announced)
    return replace(plan, summary=replace(plan.summary, steps=tuple(dict.fromkeys(steps))))


def import_blocks(existing: Mapping[str, str], document: dict[str, Any]) -> str:
    """HCL for the resources in ``existing``: https://developer.hashicorp.com/terraform/language/import.

    azapi wants the api-version in the id, which the plan has.
    """
    types = {item["address"]: (item["change"]["after"] or {}).get("type", "") for item in document["resource_changes"]}
    blocks = []
    for address, resource_id in sorted(existing.items()):
        version = types[address].partition("@")[2]
        blocks.append(f'import {{\n  to = {address}\n  id = "{resource_id}?api-version={version}"\n}}\n')
    return "\n".join(blocks)


@contextmanager
def _import_blocks(session: Session, plan: SavedPlan, root: RootName, imports: Mapping[str, str]) -> Iterator[None]:
    if not imports:
        yield
        return
    file = session.folder(root).path / IMPORTS_FILE
    with disk_errors("the work folder"):
        write_atomically(file, import_blocks(imports, plan.document), 0o644)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _document(session: Session, root: RootName, file: Path) -> dict[str, Any]:
    result = session.run(root, "show", str(file), json=FLAG, private=True)
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def _new_plan_file(session: Session, root: RootName) -> Path:
    plans = session.environment.state_dir / "plans"
    with disk_errors("the saved plan"):
        plans.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted(plans.glob("*.tfplan"))[:-_PLANS_KEPT]:
            old.unlink(missing_ok=True)
    return plans / f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{root}.tfplan"


def _show_warnings(session: Session, root: RootName, result: Result) -> None:
    for told in dict.fromkeys(result.events.warnings):
        warning = with_own_places(session.folder(root), told)
        # check_variables() has refused what neither root declares; what is left belongs to the other root.
        # That a plan is of some resources only is said by who asked for it.
        if not any(known in warning.summary for known in ("undeclared variable", "Resource targeting is in effect")):
            where = f"{place}: " if (place := diagnostics.place_of(warning)) else ""
            session.observer.note(f"warning: {where}{warning.summary}: {' '.join(warning.detail.split())[:300]}")
