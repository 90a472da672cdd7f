"""The factory tries its ways to the containers itself: what a runner outside can prove of the managed network.

A run that is started is seen to its end, or cancelled: on Azure the managed network's machines need a minute or two.
https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint
"""

from __future__ import annotations

import re
from functools import partial

from toolkit.adf import runs
from toolkit.adf.paths import INSIDE, OUTSIDE, TARGETS
from toolkit.adf.runs import ActivityRun, Place
from toolkit.azure import codes
from toolkit.azure.codes import FIREWALL_SECONDS, ROLE_SECONDS
from toolkit.checks.causes import cause_of
from toolkit.checks.model import Check, CheckFailed, Facts
from toolkit.smoke.context import Context

_LONGEST_SECONDS = 600.0
_SHORTEST_SECONDS = 60.0
_POLL_SECONDS = 5.0
_CODE = re.compile(r"<Code>(\w+)</Code>")
_OPEN = "set networkAcls.defaultAction to Deny (toolkit apply does), and delete rules for Data Factory's addresses"
_SHUT = "adf-endpoints-approved says whether the endpoint is approved, rbac-assignments whether the role is there"
_LATE = "the runtime may be starting, or another run holds it: toolkit adf show, and adf-runtime-ready"


def inside_reaches(context: Context) -> Facts:
    """Each container, through the managed network, with the factory's own identity."""
    found = _activities(context, INSIDE)
    for target in TARGETS:
        activity = found[target]
        if activity.status != "Succeeded":
            code, said = _said(activity)
            row = codes.of_code(code) if code else None
            raise CheckFailed(
                f"the factory does not reach {target.lower()} from its managed network: {row.meaning if row else said}"
                + (f" ({code})" if code else ""),
                cause=cause_of(row.kind) if row else "unreachable",
                hint=_SHUT,
                retry_seconds=row.seconds if row else FIREWALL_SECONDS,
                facts={"activity_run": activity.id, "code": code},
            )
    return {"reached": {target: found[target].id for target in TARGETS}}


def outside_is_refused(context: Context) -> Facts:
    """Each container's firewall refuses the same requests when they leave through the Auto-resolve runtime."""
    found = _activities(context, OUTSIDE)
    problems, allowed = [], False
    for target in TARGETS:
        activity = found[target]
        code, said = _said(activity)
        if activity.status == "Succeeded" or code == "AuthorizationPermissionMismatch":
            allowed = True
            problems.append(f"{target.lower()} was reached through the Auto-resolve runtime")
        elif code != "AuthorizationFailure":
            problems.append(f"{target.lower()} was refused for another reason than expected: {code or said}")
    if problems:
        raise CheckFailed(
            "; ".join(problems),
            cause="allowed" if allowed else "refused",
            hint=_OPEN if allowed else f"toolkit adf runs shows the runs of {OUTSIDE}",
            retry_seconds=context.check.retry_seconds,
            facts={"problems": problems},
        )
    return {"refused": {target: {"status": 403, "code": "AuthorizationFailure"} for target in TARGETS}}


def _activities(context: Context, pipeline: str) -> dict[str, ActivityRun]:
    """What became of each activity of a run of the pipeline."""
    factory_id = str(context.output("data_factory_id"))
    patience = context.run.patience
    poll, limit = min(_POLL_SECONDS * patience, _POLL_SECONDS), max(_SHORTEST_SECONDS, _LONGEST_SECONDS * patience)
    with context.runner().data_factory() as client:
        place = Place(client, factory_id.split("/")[4], factory_id.split("/")[-1])
        run_id = runs.start(place, pipeline, ())
        context.defer(lambda: _end(context, factory_id, run_id))
        waited = 0.0
        while (run := runs.read_run(place, run_id)).under_way:
            if waited >= limit:
                raise CheckFailed(
                    f"run {run_id} of {pipeline} has not ended after {limit:.0f} s, and was cancelled",
                    cause="deadline",
                    hint=_LATE,
                )
            step = max(poll, 0.05)
            context.pause(step)
            waited += step
        found = {one.name: one for one in runs.read_activities(place, run)}
    if lost := [target for target in TARGETS if target not in found]:
        raise CheckFailed(
            f"run {run_id} of {pipeline} has no activity {' and '.join(lost)}: {run.message or run.status}",
            cause="differs",
            hint="toolkit apply writes the pipeline again",
        )
    return found


def _end(context: Context, factory_id: str, run_id: str) -> None:
    """Cancel a run that goes on."""
    with context.runner().data_factory() as client:
        place = Place(client, factory_id.split("/")[4], factory_id.split("/")[-1])
        if runs.read_run(place, run_id).under_way:
            runs.ask_to_cancel(place, run_id)


def _said(activity: ActivityRun) -> tuple[str | None, str]:
    """The storage's code in an activity's error, and the error's first line."""
    error = activity.error if isinstance(activity.error, dict) else {}
    message = str(error.get("message") or activity.status)
    found = _CODE.search(message)
    return (found[1] if found else None), message.splitlines()[0][:200]


# Without these a run says in other words what they have said: one cause, one red line.
_RUNS = (
    *("adf-runtime-ready", "adf-runtimes-exact", "adf-identity", "identity-attached", "adf-factory-exact"),
    *("adf-pipelines-private", "adf-pipelines-exact"),
)
_adf = partial(Check, category="adf", outputs=("data_factory_id",), deadline=_LONGEST_SECONDS + 60)

CHECKS: tuple[Check[Context], ...] = (
    _adf(
        id="adf-managed-reads-pointers",
        title="A pipeline reaches the pointers and the training data through the managed network, as the factory",
        function=inside_reaches,
        retry_seconds=ROLE_SECONDS,
        depends=(*_RUNS, "adf-endpoints-approved", "adf-endpoints-exact", "rbac-exact", "storage-containers-exact"),
        controls=("NS-2", "IM-3"),
    ),
    _adf(
        id="adf-autoresolve-denied",
        title="The same pipeline is refused when it leaves through the Auto-resolve runtime",
        function=outside_is_refused,
        retry_seconds=FIREWALL_SECONDS,
        expectation="denial",
        depends=(*_RUNS, "posture-storage", "storage-accounts-exact", "network-exceptions"),
        controls=("NS-2", "SC-7"),
    ),
)
