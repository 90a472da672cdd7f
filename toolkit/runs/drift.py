"""Drift: the live reading and a refresh-only plan at the same time, made one list, with who changed what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from toolkit.azure.arm import arm_client
from toolkit.drift.activity import activities
from toolkit.drift.live import live_findings
from toolkit.drift.model import Activity, Drift, Report
from toolkit.drift.ways import ways
from toolkit.environment import Environment
from toolkit.errors import ToolkitError, UsageError, nearest
from toolkit.live.access import principals
from toolkit.live.findings import Finding
from toolkit.live.inventory import FACTORIES, GROUPS, Inventory
from toolkit.live.meant import Manifest, read_manifest
from toolkit.live.reading import Reader
from toolkit.runs.platform import prepare_platform
from toolkit.terraform.planning import SavedPlan, make_plan
from toolkit.terraform.session import Session
from toolkit.terraform.values import value_changes
from toolkit.terraform.workspace import RootName


def find_drift(session: Session) -> Report:
    """Reads, and changes nothing: no lock is taken, and no state is written.

    Raises ToolkitError when nothing is applied, or the state of either root cannot be read.
    """
    environment = session.environment
    session.observer.step("reading what both states say")
    manifest = read_manifest(session.connection)
    for root, what in (("bootstrap", "bootstrap"), ("platform", "apply")):
        if why := manifest.missing.get(root):
            raise ToolkitError(
                f"what {root} made of {environment.name} is not known: {why}",
                hint=f"toolkit {what} {environment.name}, if it was never made",
            )
    if not any(one.root == "platform" for one in manifest.resources):
        raise ToolkitError(
            f"nothing of {environment.name} is applied: there is nothing to drift",
            hint=f"toolkit apply {environment.name}",
        )
    with arm_client(session.connection) as client, ThreadPoolExecutor(1) as pool:
        inventory = Inventory(Reader(client).ever(), manifest, [one.id for one in manifest.of(GROUPS)])
        own = _principals(inventory)
        callers = dict(own)
        if (operator := session.connection.operator) is not None:
            callers.setdefault(operator.object_id.casefold(), "the operator of env.toml")
        reading = pool.submit(live_findings, inventory, own, environment.subscription_id)
        prepare_platform(session, reading=True)
        plan = _plan(session)
        found, unread = reading.result()
        session.observer.step("reading the live platform")
        drifts = [_drift(environment, manifest, one, "live") for one in found]
        drifts += [_drift(environment, manifest, one, "plan") for one in planned(plan, found, inventory)]
        plan.file.unlink(missing_ok=True)
        kept, ignored, expired, idle = sorted_out(environment, drifts, datetime.now(UTC).date())
        session.observer.step("asking the activity log who did it")
        gone = {one.finding.id: one.finding.what == "missing" for one in kept if one.finding.id}
        told = activities(client, environment.subscription_id, gone, callers)
    return Report(
        environment.name, tuple(_told(one, told) for one in kept), tuple(ignored), expired, idle, tuple(unread)
    )


def _plan(session: Session) -> SavedPlan:
    """Refresh-only; where the configuration cannot be read over what is missing (a role on a container that was
    deleted), an ordinary plan, which says the same of the changes outside Terraform."""
    try:
        return make_plan(session, locked=False, refresh_only=True)
    except ToolkitError as error:
        session.observer.note(f"no refresh-only plan ({error.message.splitlines()[-1].strip()}): an ordinary one")
        return make_plan(session, locked=False)


def _principals(inventory: Inventory) -> dict[str, str]:
    """What the platform's own principals are called, by object id in lower case. That of a factory is Azure's to give,
    and in no state: the factory says it."""
    factories = {
        str(principal).casefold(): "the data factory"
        for one in inventory.manifest.of(FACTORIES)
        if (principal := ((inventory.document(one) or {}).get("identity") or {}).get("principalId"))
    }
    return {**principals(inventory.manifest), **factories}


def planned(plan: SavedPlan, live: Sequence[Finding], inventory: Inventory) -> Iterator[Finding]:
    """What Terraform alone sees: values that the live reading does not compare. A resource that it has named already,
    and addresses of open leases, are not named again."""
    named = {one.address for one in live if one.address} | {one.id.casefold() for one in live}
    for item in plan.document.get("resource_drift", []):
        change = item["change"]
        before: Mapping[str, Any] = change.get("before") or {}
        resource_id = str(before.get("id") or before.get("resource_id") or "")
        type_ = str(before.get("type") or item["type"]).partition("@")[0]
        name = resource_id.rsplit("/", 1)[-1] or str(item["name"])
        if item["address"] in named or resource_id.casefold() in named:
            continue
        if change["actions"] == ["delete"]:
            yield Finding("missing", type_, resource_id, name, address=item["address"])
            continue
        for one in value_changes(change):
            finding = Finding(
                "differs", type_, resource_id, name, one.path.removeprefix("body."), one.before, one.after,
                item["address"],
            )  # fmt: skip
            if not inventory.lets_in_for_a_while(finding):
                yield finding


def _drift(environment: Environment, manifest: Manifest, finding: Finding, seen_by: str) -> Drift:
    owner, root = _owner(manifest, finding)
    decision, commands, line = ways(environment.name, finding, root, owner)
    return Drift(finding, root, "plan" if seen_by == "plan" else "live", decision, commands, adoption=line)


def _owner(manifest: Manifest, finding: Finding) -> tuple[str, RootName]:
    """The address and root of the resource, or of the nearest one that it is below."""
    best: tuple[int, str, RootName] = (0, finding.address, "platform")
    key = finding.id.casefold()
    for one in manifest.resources:
        # What only sets some properties of another (blobServices/default) is nobody's owner.
        below = one.whole and key.startswith(f"{one.key}/")
        if (key == one.key or below) and len(one.key) > best[0]:
            best = (len(one.key), one.address, one.root)
    return best[1], best[2]


def sorted_out(
    environment: Environment, drifts: Sequence[Drift], today: date
) -> tuple[list[Drift], list[tuple[Drift, str]], tuple[str, ...], tuple[str, ...]]:
    """What is left, what is ignored and why, entries whose time is over, and entries that nothing fits."""
    reasons = [(one.what, one.reason, one.expires >= today) for one in environment.ignored_drift]
    reasons += [(what, reason, True) for what, reason in environment.allowed_extras.items()]
    kept: list[Drift] = []
    ignored: list[tuple[Drift, str]] = []
    expired: dict[str, None] = {}
    used: set[str] = set()
    for one in drifts:
        fitting = [entry for entry in reasons if one.finding.fits(entry[0])]
        used |= {what for what, _, _ in fitting}
        if valid := next((reason for _, reason, current in fitting if current), None):
            ignored.append((one, valid))
            continue
        expired |= dict.fromkeys(what for what, _, _ in fitting)
        kept.append(one)
    idle = tuple(one.what for one in environment.ignored_drift if one.what not in used)
    return kept, ignored, tuple(expired), idle


def _told(one: Drift, told: Mapping[str, Activity | str]) -> Drift:
    found = told.get(one.finding.id, "it has no id to look for")
    return replace(one, who=found) if isinstance(found, Activity) else replace(one, unknown=found)


def plan_revert(session: Session, addresses: tuple[str, ...]) -> SavedPlan:
    """A plan that sets back these resources alone. Raises ToolkitError, also for an address that is not there."""
    prepare_platform(session, reading=True)
    known = {one.address for one in read_manifest(session.connection).resources if one.root == "platform"}
    for address in addresses:
        if address not in known:
            close = nearest(address, known)
            raise UsageError(
                f"{address} is no resource of the platform's state",
                hint=f"did you mean {close}?" if close else f"toolkit drift {session.environment.name} names them",
            )
    return make_plan(session, targets=addresses)
