"""Triggers, what is published, and finding one's way."""

from __future__ import annotations

from tests.unit.adf.examples.common import DATASET, FIRST, A, Example, trigger, tumbling
from tests.unit.adf.parts import NETWORK, activity, factory, linked, networked, reference, schedule, wait, web

EXAMPLES: dict[str, Example] = {
    # -- triggers
    "trigger-idle": Example(trigger({**schedule(), "pipelines": []}), trigger(schedule()), "$.properties"),
    "trigger-parameter-missing": Example(trigger(schedule(), **A), trigger(schedule()), "$.properties.pipelines[0]"),
    "trigger-parameter-unknown": Example(
        trigger(
            {**schedule(), "pipelines": [{"pipelineReference": reference("Pipeline", "main"), "parameters": {"b": 1}}]}
        ),
        trigger(
            {**schedule(), "pipelines": [{"pipelineReference": reference("Pipeline", "main"), "parameters": {"a": 1}}]},
            **A,
        ),
        "$.properties.pipelines[0].parameters.b",
    ),
    "trigger-end": Example(
        trigger({**schedule(), "typeProperties": {"recurrence": {"frequency": "Day", "interval": 1}}}),
        trigger(schedule()),
        "$.properties.typeProperties.recurrence",
    ),
    "trigger-time-zone": Example(
        trigger(schedule(timeZone="W. Europe Standard Time")),
        trigger(schedule()),
        "$.properties.typeProperties.recurrence.startTime",
    ),
    "trigger-frequency": Example(
        trigger(schedule(frequency="Daily")), trigger(schedule()), "$.properties.typeProperties.recurrence.frequency"
    ),
    "trigger-blob-path": Example(
        trigger({"type": "BlobEventsTrigger", "typeProperties": {"blobPathBeginsWith": "container/folder"}}),
        trigger({"type": "BlobEventsTrigger", "typeProperties": {"blobPathBeginsWith": "/container/blobs/folder"}}),
        "$.properties.typeProperties.blobPathBeginsWith",
    ),
    "trigger-tumbling-pipeline": Example(
        trigger({**tumbling(), "pipelines": [{}]}), trigger(tumbling()), "$.properties.pipelines"
    ),
    # -- published
    "published-differs": Example(
        factory(wait()),
        factory(wait()),
        f"{FIRST}.typeProperties.waitTimeInSeconds",
        published=(factory(activity("Pause", waitTimeInSeconds=2)), factory(wait())),
    ),
    "published-missing": Example(factory(wait()), factory(wait()), "$", published=({}, factory(wait()))),
    "published-only": Example(
        factory(wait()),
        factory(wait()),
        "$.resources[0]",
        published=({**factory(wait()), "dataset": {"d": DATASET}}, factory(wait())),
    ),
    # -- finding one's way
    "pipeline-untriggered": Example(factory(wait()), trigger(schedule()), "$.properties"),
    "pipeline-description": Example(factory(wait(), description=" "), factory(wait()), "$.properties"),
    "pipeline-folder": Example(factory(wait(), folder={}), factory(wait()), "$.properties"),
    "pipeline-annotations": Example(factory(wait(), annotations=[]), factory(wait()), "$.properties"),
    "data-flow-description": Example(
        {"dataflow": {"df": {}}}, {"dataflow": {"df": {"description": "x"}}}, "$.properties"
    ),
    "activity-description": Example(factory({**wait(), "description": ""}), factory(wait()), FIRST),
    "linked-service-unused": Example(
        linked(),
        {**linked(), "dataset": {"d": {**DATASET, "linkedServiceName": reference("LinkedService", "LS")}}},
        "$.properties",
    ),
    "linked-service-description": Example(linked(description=None), linked(), "$.properties"),
    "linked-service-annotations": Example(linked(annotations=[]), linked(), "$.properties"),
    "dataset-unused": Example(
        {"dataset": {"d": DATASET}},
        {"dataset": {"d": DATASET}, **factory(activity("L", "Lookup", source={}, dataset=reference("Dataset", "d")))},
        "$.properties",
    ),
    "dataset-description": Example(
        {"dataset": {"d": {**DATASET, "description": ""}}}, {"dataset": {"d": DATASET}}, "$.properties"
    ),
    "dataset-folder": Example(
        {"dataset": {"d": {**DATASET, "folder": None}}}, {"dataset": {"d": DATASET}}, "$.properties"
    ),
    "dataset-annotations": Example(
        {"dataset": {"d": {**DATASET, "annotations": None}}}, {"dataset": {"d": DATASET}}, "$.properties"
    ),
    "trigger-description": Example(trigger({**schedule(), "description": ""}), trigger(schedule()), "$.properties"),
    "trigger-annotations": Example(trigger({**schedule(), "annotations": []}), trigger(schedule()), "$.properties"),
    "integration-runtime-unused": Example(NETWORK, networked(web()), "$.properties"),
    "credential-unused": Example(
        {"credential": {"c": {"type": "ManagedIdentity"}}},
        {
            "credential": {"c": {"type": "ManagedIdentity"}},
            **linked(typeProperties={"credential": reference("Credential", "c")}),
        },
        "$.properties",
    ),
}
