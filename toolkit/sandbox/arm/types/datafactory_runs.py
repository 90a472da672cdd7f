"""Runs of pipelines, as clients start, list, read and cancel them; the engine (world.Factories) carries them out.

* https://learn.microsoft.com/rest/api/datafactory/pipelines/create-run
* https://learn.microsoft.com/rest/api/datafactory/pipeline-runs
* https://learn.microsoft.com/rest/api/datafactory/activity-runs/query-by-pipeline-run
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from toolkit.records import Json
from toolkit.sandbox.arm.errors import ArmError, bad_request
from toolkit.sandbox.arm.resource_type import Answer, Call, ResourceType
from toolkit.sandbox.store import Resource
from toolkit.sandbox.world import FactoryRefused, Rerun

_RUNS = "Microsoft.DataFactory/factories/pipelineruns"
_PAGE = 100

# What a filter's operand names in a run: PipelineName, Status, … (RunQueryFilterOperand).
_OF_PIPELINE_RUNS = {
    "PipelineName": "pipelineName",
    "Status": "status",
    "RunStart": "runStart",
    "RunEnd": "runEnd",
    "RunGroupId": "runGroupId",
    "TriggerName": "invokedBy.name",
    "LatestOnly": "isLatest",
}
_OF_TRIGGER_RUNS = {
    "TriggerName": "triggerName",
    "Status": "status",
    "TriggerRunTimestamp": "triggerRunTimestamp",
}
_OF_ACTIVITY_RUNS = {
    "ActivityName": "activityName",
    "ActivityType": "activityType",
    "Status": "status",
    "ActivityRunStart": "activityRunStart",
    "ActivityRunEnd": "activityRunEnd",
}


async def create_run(call: Call, pipeline: Resource) -> Answer:
    factory = call.resources.store.get(call.id.parent_id)
    assert factory is not None
    try:
        run_id = call.resources.world.factories.create_run(factory, pipeline, call.body, _rerun(call))
    except FactoryRefused as refused:
        raise ArmError(refused.status, refused.code, refused.message) from None
    return Answer({"runId": run_id})


def _rerun(call: Call) -> Rerun | None:
    reference, activity = call.query.get("referencePipelineRunId"), call.query.get("startActivityName")
    recovery, from_failure = (call.query.get(name, "").lower() == "true" for name in ("isRecovery", "startFromFailure"))
    if (activity or from_failure) and not recovery:
        raise bad_request("BadRequest", "startActivityName and startFromFailure are for recovery mode (isRecovery).")
    if not reference:
        if recovery:
            raise bad_request("BadRequest", "Recovery mode needs the run that is run again (referencePipelineRunId).")
        return None
    return Rerun(reference, recovery, activity or None, from_failure)


async def query_pipeline_runs(call: Call, factory: Resource) -> Answer:
    runs = _between(call.body, call.resources.world.factories.runs(factory.id), "lastUpdated")
    return _page(
        call.body, _ordered(call.body, _filtered(call.body, runs, _OF_PIPELINE_RUNS), _OF_PIPELINE_RUNS, "runStart")
    )


async def query_trigger_runs(call: Call, factory: Resource) -> Answer:
    runs = _between(call.body, call.resources.world.factories.trigger_runs(factory.id), "triggerRunTimestamp")
    found = _filtered(call.body, runs, _OF_TRIGGER_RUNS)
    return _page(call.body, _ordered(call.body, found, _OF_TRIGGER_RUNS, "triggerRunTimestamp"))


async def query_activity_runs(call: Call, run: Resource) -> Answer:
    runs = call.resources.world.factories.activity_runs(call.id.name)
    found = _filtered(call.body, _between(call.body, runs, "activityRunStart"), _OF_ACTIVITY_RUNS)
    return _page(call.body, _ordered(call.body, found, _OF_ACTIVITY_RUNS, "activityRunStart"))


async def cancel(call: Call, run: Resource) -> Answer:
    """A run that has ended stays as it is (inferred)."""
    call.resources.world.factories.cancel(call.id.parent_id, call.id.name)
    return Answer(None)


def _run(call: Call) -> Resource | None:
    record = call.resources.world.factories.run(call.id.parent_id, call.id.name)
    return None if record is None else Resource(id=call.id.id, type=_RUNS, body=record)


def _no_list(call: Call) -> list[Json]:
    raise ArmError(405, "MethodNotAllowed", "Pipeline runs are listed by POST queryPipelineRuns on their factory.")


# -- queries (RunFilterParameters) -------------------------------------------------------------------------------------


def _between(body: Json, runs: list[Json], field: str) -> list[Json]:
    """lastUpdatedAfter and lastUpdatedBefore are required."""
    bounds = [_moment(body, name) for name in ("lastUpdatedAfter", "lastUpdatedBefore")]
    return [run for run in runs if bounds[0] <= datetime.fromisoformat(run[field]) <= bounds[1]]


def _moment(body: Json, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(body.get(name)))
    except ValueError:
        raise bad_request("BadRequest", f"The property '{name}' is required, and is a time.") from None
    if moment.tzinfo is None:
        raise bad_request("BadRequest", f"The property '{name}' needs a time zone.")
    return moment


def _value(run: Json, field: str) -> Any:
    outer, _, inner = field.partition(".")
    return (run.get(outer) or {}).get(inner) if inner else run.get(outer)


_OPERATORS: dict[str, Callable[[str, list[str]], bool]] = {
    "Equals": lambda value, values: value == values[0],
    "NotEquals": lambda value, values: value != values[0],
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
}


def _filtered(body: Json, runs: list[Json], operands: dict[str, str]) -> list[Json]:
    for given in body.get("filters") or ():
        field, operator = operands.get(str(given.get("operand"))), _OPERATORS.get(str(given.get("operator")))
        values = [str(value).lower() for value in given.get("values") or ()]
        if field is None or operator is None or not values:
            raise bad_request(
                "BadRequest",
                f"The filter on '{given.get('operand')}' with '{given.get('operator')}' is not valid. Operands: "
                f"{', '.join(operands)}; operators: {', '.join(_OPERATORS)}; at least one value.",
            )
        runs = [run for run in runs if operator(str(_value(run, field)).lower(), values)]
    return runs


def _ordered(body: Json, runs: list[Json], operands: dict[str, str], default: str) -> list[Json]:
    """The newest run first, and activities as they began, unless the query orders (inferred)."""
    orders = body.get("orderBy") or ()
    if not orders:
        return sorted(runs, key=lambda run: str(run[default]), reverse=default == "runStart")
    for order in reversed(list(orders)):
        field = operands.get(str(order.get("orderBy")))
        if field is None:
            raise bad_request("BadRequest", f"Runs cannot be ordered by '{order.get('orderBy')}'.")
        keyed = [(str(_value(run, field) or ""), run) for run in runs]
        keyed.sort(key=lambda pair: pair[0], reverse=str(order.get("order")).upper() == "DESC")
        runs = [run for _, run in keyed]
    return runs


def _page(body: Json, runs: list[Json]) -> Answer:
    token = body.get("continuationToken")
    start = int(token) if isinstance(token, str) and token.isdigit() else 0
    page = runs[start : start + _PAGE]
    more = {"continuationToken": str(start + _PAGE)} if len(runs) > start + _PAGE else {}
    return Answer({"value": page, **more})


PIPELINE_RUNS = ResourceType(
    _RUNS,
    first_api_version="2017-09-01-preview",
    place="child",
    location="none",
    methods=frozenset({"GET"}),
    provisioning_state=False,
    find=_run,
    list=_no_list,
    missing=("PipelineRunNotFound", "The pipeline run '{name}' could not be found."),
    actions={"cancel": cancel, "queryActivityruns": query_activity_runs},
    # https://learn.microsoft.com/azure/role-based-access-control/permissions/analytics#microsoftdatafactory
    reading=frozenset({"queryActivityruns"}),
)
