"""Storage event triggers: which events they are for, and what they tell their pipelines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.sandbox.datafactory.bench import FACTORY, SUBSCRIPTION, Bench, Json, set_variable
from toolkit.sandbox.world import BlobEvent

ACCOUNT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st"
CREATED, DELETED = "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"


def trigger(bench: Bench, name: str = "files", subscribed: str = "Enabled", **more: Any) -> None:
    given = {"scope": ACCOUNT, "events": [CREATED], "blobPathBeginsWith": "/in/blobs/", **more}
    reference = {
        "pipelineReference": {"type": "PipelineReference", "referenceName": "main"},
        "parameters": {"file": "@triggerBody().fileName", "folder": "@trigger().outputs.body.folderPath"},
    }
    properties = {"type": "BlobEventsTrigger", "runtimeState": "Started", "typeProperties": given}
    made = bench.entity(f"triggers/{name}", {**properties, "pipelines": [reference]})
    made.internal["events"] = subscribed
    bench.store.put(made)


def pipeline(bench: Bench) -> None:
    text = "@{pipeline().parameters.folder}|@{pipeline().parameters.file}|@{pipeline().TriggerType}"
    parameters = {"file": {"type": "String"}, "folder": {"type": "String"}}
    bench.pipeline(set_variable("A", text, variable="x"), parameters=parameters, variables={"x": {"type": "String"}})


def event(blob: str = "a/b.csv", container: str = "in", size: int | None = 3, type_: str = CREATED) -> BlobEvent:
    api = "PutBlob" if type_ == CREATED else "DeleteBlob"
    url = f"https://st.blob.core.windows.net/{container}/{blob}"
    return BlobEvent(ACCOUNT, type_, api, container, blob, url, size)


# (the trigger's properties, an event, whether it fires)
FIRES: list[tuple[Json, BlobEvent, bool]] = [
    ({}, event(), True),
    ({}, event("x.csv"), True),
    ({}, event(container="out"), False),
    ({"blobPathBeginsWith": "/in/"}, event(), True),
    ({"blobPathBeginsWith": "/i"}, event(), True),
    ({"blobPathBeginsWith": "/in/blobs/a/"}, event(), True),
    ({"blobPathBeginsWith": "/in/blobs/A/"}, event(), True),
    ({"blobPathBeginsWith": "/in/blobs/a/"}, event("ab/c.csv"), False),
    ({"blobPathBeginsWith": "/in/a/"}, event(), False),
    ({"blobPathEndsWith": ".csv"}, event(), True),
    ({"blobPathEndsWith": ".json"}, event(), False),
    ({"blobPathBeginsWith": "", "blobPathEndsWith": "a/b.csv"}, event(container="out"), True),
    ({"blobPathBeginsWith": "", "blobPathEndsWith": "/in/blobs/a/b.csv"}, event(), True),
    ({}, event(size=0), False),
    ({"ignoreEmptyBlobs": True}, event(size=0), False),
    ({"ignoreEmptyBlobs": False}, event(size=0), True),
    ({}, event(type_=DELETED, size=None), False),
    ({"events": [DELETED]}, event(type_=DELETED, size=None), True),
    ({"events": [DELETED]}, event(), False),
    ({"events": [CREATED, DELETED]}, event(type_=DELETED, size=None), True),
    ({"scope": ACCOUNT + "2"}, event(), False),
    ({"scope": ACCOUNT.upper()}, event(), True),
]


@pytest.mark.parametrize(("given", "happened", "fires"), FIRES)
def test_which_events_it_is_for(bench: Bench, given: Json, happened: BlobEvent, fires: bool) -> None:
    pipeline(bench)
    trigger(bench, **given)

    async def scenario() -> None:
        bench.engine.happened(happened)
        for run in bench.engine.runs(FACTORY):
            await bench.end(run["runId"])

    bench.run(scenario())
    assert len(bench.engine.runs(FACTORY)) == len(bench.engine.trigger_runs(FACTORY)) == int(fires)


def test_what_it_tells_its_pipelines(bench: Bench) -> None:
    pipeline(bench)
    trigger(bench)
    trigger(bench, "second", blobPathEndsWith=".csv")

    async def scenario() -> list[Json]:
        bench.engine.happened(event("2026/april/b.csv"))
        bench.engine.happened(event("top.csv"))
        return [await bench.end(run["runId"]) for run in bench.engine.runs(FACTORY)]

    runs = bench.run(scenario())
    assert sorted(bench.activities(run)["A"]["output"]["value"] for run in runs) == sorted(
        ["in/2026/april|b.csv|BlobEventsTrigger", "in|top.csv|BlobEventsTrigger"] * 2
    )
    assert {run["invokedBy"]["name"] for run in runs} == {"files", "second"}
    payload = json.loads(bench.engine.trigger_runs(FACTORY)[0]["properties"]["EventPayload"])
    assert payload["topic"] == ACCOUNT
    assert payload["data"]["contentLength"] == 3


@pytest.mark.parametrize(("subscribed", "state"), [("Disabled", "Started"), ("Enabled", "Stopped")])
def test_nobody_waits_who_is_not_subscribed_or_not_started(bench: Bench, subscribed: str, state: str) -> None:
    pipeline(bench)
    trigger(bench, subscribed=subscribed)
    resource = bench.store.get(f"{FACTORY}/triggers/files")
    assert resource is not None
    resource.properties["runtimeState"] = state
    bench.store.put(resource)

    async def scenario() -> None:
        bench.engine.happened(event())

    bench.run(scenario())
    assert not bench.engine.awaited(ACCOUNT)
    assert bench.engine.runs(FACTORY) == []
