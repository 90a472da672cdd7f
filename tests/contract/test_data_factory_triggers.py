"""Triggers fire, runs are run again: azure-mgmt-datafactory asks for it, and the storage client brings blobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.conftest import SandboxForTests
from tests.contract.test_arm_sdk import Rest
from tests.contract.test_data_factory_runs import GROUPS, Factory, make_factory
from toolkit.waiting import wait_until

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def factory(sandbox: SandboxForTests) -> Iterator[Factory]:
    rest = Rest(sandbox)
    made = make_factory(sandbox, rest, "rg-contract-triggers")
    made.blobs.create_container("data")
    yield made
    rest("DELETE", made.group_id, GROUPS).raise_for_status()
    rest.close()


def test_a_blob_that_arrives_begins_a_run_and_a_stopped_trigger_hears_nothing(factory: Factory) -> None:
    from azure.mgmt.datafactory.models import RunFilterParameters

    factory.rest(
        "POST", f"{factory.group_id.split('/resourceGroups')[0]}/providers/Microsoft.EventGrid/register", "2021-04-01"
    )
    text = "@{pipeline().parameters.folder}/@{pipeline().parameters.file}"
    say = {"variableName": "x", "value": {"type": "Expression", "value": text}}
    factory.pipeline(
        "arrived",
        {"name": "Say", "type": "SetVariable", "typeProperties": say},
        parameters={"folder": {"type": "String"}, "file": {"type": "String"}},
        variables={"x": {"type": "String"}},
    )
    created, deleted = "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobDeleted"
    given = {"scope": factory.account_id, "events": [created, deleted], "blobPathBeginsWith": "/data/blobs/arriving/"}
    reference = {
        "pipelineReference": {"type": "PipelineReference", "referenceName": "arrived"},
        "parameters": {"folder": "@triggerBody().folderPath", "file": "@triggerBody().fileName"},
    }
    factory.put("triggers/files", {"type": "BlobEventsTrigger", "typeProperties": given, "pipelines": [reference]})
    triggers = factory.client.triggers
    triggers.begin_start(factory.group, factory.name, "files").result()
    status = triggers.get_event_subscription_status(factory.group, factory.name, "files")
    assert status.status == "Enabled"

    def told() -> list[str]:
        now = datetime.now(UTC)
        window = RunFilterParameters(
            last_updated_after=now - timedelta(hours=1), last_updated_before=now + timedelta(hours=1)
        )
        fired = factory.client.trigger_runs.query_by_factory(factory.group, factory.name, window).value
        runs = [factory.end(one.triggered_pipelines["arrived"]) for one in fired if one.trigger_name == "files"]
        return sorted(factory.output(str(run.run_id))["Say"]["value"] for run in runs)

    container = factory.blobs.get_container_client("data")
    container.upload_blob("arriving/a.csv", b"1,2")  # Put Blob
    container.upload_blob("elsewhere/a.csv", b"1,2")
    container.upload_blob("arriving/empty.csv", b"")
    blocks = container.get_blob_client("arriving/b.csv")
    blocks.stage_block("MDAwMQ==", b"3,4")
    assert told() == ["data/arriving/a.csv"]
    blocks.commit_block_list(["MDAwMQ=="])
    container.get_blob_client("arriving/c.csv").start_copy_from_url(blocks.url)
    container.delete_blob("arriving/a.csv")
    everything = ["data/arriving/a.csv", *(f"data/arriving/{name}.csv" for name in "abc")]
    assert told() == everything
    triggers.begin_stop(factory.group, factory.name, "files").result()
    container.upload_blob("arriving/d.csv", b"1,2")
    assert told() == everything
    triggers.delete(factory.group, factory.name, "files")


def test_windows_run_are_cancelled_and_rerun(factory: Factory) -> None:
    from azure.mgmt.datafactory.models import RunFilterParameters, RunQueryFilter, TriggerRun

    factory.pipeline("hour", {"name": "Long", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 3600}})
    begin = datetime.now(UTC) - timedelta(hours=2, minutes=30)
    given = {
        "frequency": "Hour",
        "interval": 1,
        "startTime": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
        "maxConcurrency": 50,
        "dependsOn": [{"type": "SelfDependencyTumblingWindowTriggerReference", "offset": "-01:00:00"}],
    }
    pipeline = {"pipelineReference": {"type": "PipelineReference", "referenceName": "hour"}}
    factory.put("triggers/hours", {"type": "TumblingWindowTrigger", "typeProperties": given, "pipeline": pipeline})
    factory.client.triggers.begin_start(factory.group, factory.name, "hours").result()

    def windows() -> list[TriggerRun]:
        now = datetime.now(UTC)
        mine = RunQueryFilter(operand="TriggerName", operator="Equals", values=["hours"])
        window = RunFilterParameters(
            last_updated_after=now - timedelta(hours=1), last_updated_before=now + timedelta(hours=1), filters=[mine]
        )
        found = factory.client.trigger_runs.query_by_factory(factory.group, factory.name, window).value
        return sorted(found, key=lambda run: (run.properties["windowStartTime"], str(run.trigger_run_timestamp)))

    def become(*expected: str) -> list[TriggerRun]:
        def reached() -> list[TriggerRun] | None:
            found = windows()
            return found if [run.status for run in found] == list(expected) else None

        found = wait_until(reached, 30)
        assert found, [run.status for run in windows()]
        return found

    first, _ = become("Running", "WaitingOnDependency")
    trigger_runs, where = factory.client.trigger_runs, (factory.group, factory.name, "hours")
    factory.pipeline("hour", {"name": "Short", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}})
    trigger_runs.cancel(*where, first.trigger_run_id)
    _, second = become("Cancelled", "WaitingOnDependency")
    assert second.dependency_status["hours"]["status"] == "Cancelled"
    trigger_runs.rerun(*where, first.trigger_run_id)
    become("Cancelled", "Succeeded", "Succeeded")
    with pytest.raises(ResourceNotFoundError):
        trigger_runs.rerun(*where, "nothing")
    factory.client.triggers.begin_stop(factory.group, factory.name, "hours").result()
    factory.client.triggers.delete(factory.group, factory.name, "hours")


def test_a_run_is_run_again_from_what_failed(factory: Factory) -> None:
    say = {"variableName": "x", "value": {"type": "Expression", "value": "@pipeline().parameters.who"}}
    first = {"name": "Say", "type": "SetVariable", "typeProperties": say}
    stop = {"message": "not yet", "errorCode": "1"}
    properties: dict[str, Any] = {"parameters": {"who": {"type": "String"}}, "variables": {"x": {"type": "String"}}}
    factory.pipeline("again", first, {"name": "Stop", "type": "Fail", "typeProperties": stop}, **properties)
    before = factory.run("again", who="Ada")
    create, where = factory.client.pipelines.create_run, (factory.group, factory.name, "again")
    factory.pipeline("again", first, **properties)
    known = {"reference_pipeline_run_id": before.run_id, "is_recovery": True}
    run = factory.end(str(create(*where, **known, start_from_failure=True).run_id))
    assert (run.status, run.run_group_id, run.parameters) == ("Succeeded", before.run_group_id, {"who": "Ada"})
    assert factory.end(str(create(*where, **known, start_activity_name="Say").run_id)).status == "Succeeded"
    for refused in ({"start_from_failure": True}, {"is_recovery": True}, {**known, "start_activity_name": "Nobody"}):
        with pytest.raises(HttpResponseError) as caught:
            create(*where, **refused)
        assert caught.value.status_code == 400
