"""ExecutePipeline: https://learn.microsoft.com/azure/data-factory/control-flow-execute-pipeline-activity

What the called pipeline returned is under ``pipelineReturnValue``:
https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-return-value
"""

from __future__ import annotations

import asyncio

from toolkit.records import Json
from toolkit.sandbox.datafactory.execution import Run, Step
from toolkit.sandbox.datafactory.failures import ActivityFailed, required
from toolkit.sandbox.datafactory.reruns import Again
from toolkit.sandbox.world import FactoryRefused


async def execute_pipeline(step: Step) -> Json:
    name = str((step.properties.get("pipeline") or {}).get("referenceName") or "")
    if not name:
        raise required("pipeline")
    run, engine = step.run, step.run.engine
    pipeline = engine.world.store.get(f"{run.factory.id}/pipelines/{name}")
    if pipeline is None:
        raise ActivityFailed("BadRequest", f"The pipeline '{name}' could not be found in '{run.factory.name}'.")
    parameters = step.value("parameters") or {}
    step.show_input({"pipeline": step.properties["pipeline"], "parameters": parameters})
    invoked_by, system = _invoked_by(run)
    try:
        child = engine.start(run.factory, pipeline, parameters, invoked_by, system, _again(step))
    except FactoryRefused as refused:
        raise ActivityFailed(refused.code, refused.message) from None
    output: Json = {"pipelineName": pipeline.name, "pipelineRunId": child.run_id}
    if step.properties.get("waitOnCompletion") is not True:
        return output
    try:
        ended = await engine.ended(child)
    except asyncio.CancelledError:
        engine.cancel(run.factory.id, child.run_id)
        raise
    if "pipelineReturnValue" in ended:
        output["pipelineReturnValue"] = ended["pipelineReturnValue"]
    if ended["status"] != "Succeeded":
        raise ActivityFailed("BadRequest", ended["message"] or f"The pipeline run is {ended['status']}.", output=output)
    return output


def _again(step: Step) -> Again | None:
    """Of a rerun: the pipeline that was called is run again from what failed in it."""
    again = step.run.again
    if again is None or step.frame.fresh:
        return None
    before = again.before(step.name, step.frame.iteration)
    called = ((before or {}).get("output") or {}).get("pipelineRunId")
    return None if called is None else Again.of(step.run.engine.records.activity_runs(str(called)), None)


def _invoked_by(run: Run) -> tuple[Json, Json]:
    """(invokedBy, system variables) of a run that ExecutePipeline starts."""
    record = run.record
    return (
        {"id": record["runId"], "name": record["pipelineName"], "invokedByType": "PipelineActivity"},
        {
            "TriggerType": "PipelineActivity",
            "TriggeredByPipelineName": record["pipelineName"],
            "TriggeredByPipelineRunId": record["runId"],
            "GroupId": (run.scope.pipeline or {}).get("GroupId", record["runId"]),
        },
    )
