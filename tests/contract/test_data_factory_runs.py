"""Pipelines run: azure-mgmt-datafactory starts, follows, lists and cancels them, and what they do happens in the sandbox."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.conftest import SandboxForTests, copy_project
from tests.contract.test_arm_sdk import Rest
from toolkit.waiting import wait_until

if TYPE_CHECKING:
    from azure.mgmt.datafactory import DataFactoryManagementClient
    from azure.mgmt.datafactory.models import ActivityRun, PipelineRun
    from azure.storage.blob import BlobServiceClient

pytestmark = pytest.mark.contract

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
ENDED = ("Succeeded", "Failed", "Cancelled")
ADF, GROUPS, STORAGE, AUTHORIZATION = "2018-06-01", "2024-03-01", "2024-01-01", "2022-04-01"
MANAGED = {"type": "IntegrationRuntimeReference", "referenceName": "ir-managed"}
MSI = {"type": "MSI", "resource": "https://storage.azure.com/"}
HEADERS = {"x-ms-version": "2023-11-03", "Accept": "application/json"}


@dataclass
class Factory:
    """A factory with a managed runtime and an account behind a firewall, and the real client for its runs."""

    rest: Rest
    group_id: str
    group: str
    name: str
    account: str
    client: DataFactoryManagementClient
    blobs: BlobServiceClient

    @property
    def id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.DataFactory/factories/{self.name}"

    @property
    def account_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Storage/storageAccounts/{self.account}"

    @property
    def endpoint(self) -> str:
        return f"https://{self.account}.blob.core.windows.net"

    def put(self, kind: str, properties: dict[str, Any]) -> None:
        self.rest("PUT", f"{self.id}/{kind}", ADF, {"properties": properties}).raise_for_status()

    def pipeline(self, name: str, *activities: dict[str, Any], **properties: Any) -> None:
        self.put(f"pipelines/{name}", {"activities": list(activities), **properties})

    def start(self, name: str, **parameters: Any) -> str:
        run = self.client.pipelines.create_run(self.group, self.name, name, parameters=parameters)
        assert run.run_id
        return run.run_id

    def get(self, run_id: str) -> PipelineRun:
        return self.client.pipeline_runs.get(self.group, self.name, run_id)

    def end(self, run_id: str) -> PipelineRun:
        ended = wait_until(lambda: run if (run := self.get(run_id)).status in ENDED else None, 60)
        assert ended is not None
        return ended

    def activities(self, run_id: str, **query: Any) -> list[ActivityRun]:
        from azure.mgmt.datafactory.models import RunFilterParameters

        now = datetime.now(UTC)
        window = RunFilterParameters(
            last_updated_after=now - timedelta(hours=1), last_updated_before=now + timedelta(hours=1), **query
        )
        return self.client.activity_runs.query_by_pipeline_run(self.group, self.name, run_id, window).value

    def output(self, run_id: str) -> dict[str, Any]:
        return {str(activity.activity_name): activity.output for activity in self.activities(run_id)}

    def run(self, name: str, **parameters: Any) -> PipelineRun:
        run = self.end(self.start(name, **parameters))
        assert run.run_id
        return run


def make_factory(sandbox: SandboxForTests, rest: Rest, group: str, **account_properties: Any) -> Factory:
    from azure.mgmt.datafactory import DataFactoryManagementClient
    from azure.storage.blob import BlobServiceClient

    subscription = f"/subscriptions/{sandbox.subscription_id}"
    for namespace in ("Microsoft.Storage", "Microsoft.DataFactory"):
        rest("POST", f"{subscription}/providers/{namespace}/register", "2021-04-01").raise_for_status()
    rest("PUT", f"{subscription}/resourceGroups/{group}", GROUPS, {"location": "westeurope"}).raise_for_status()
    name, account = f"adf-{uuid.uuid4().hex[:12]}", f"st{uuid.uuid4().hex[:16]}"
    made = Factory(
        rest,
        f"{subscription}/resourceGroups/{group}",
        group,
        name,
        account,
        DataFactoryManagementClient(sandbox.credential(), sandbox.subscription_id, **sandbox.options()),
        BlobServiceClient(
            f"https://{account}.blob.core.windows.net", credential=sandbox.credential(), **sandbox.options()
        ),
    )
    body: dict[str, Any] = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    rest("PUT", made.account_id, STORAGE, {**body, "properties": account_properties}).raise_for_status()
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    body["properties"] = {"globalParameters": {"environment": {"type": "String", "value": "contract"}}}
    principal = rest("PUT", made.id, ADF, body).raise_for_status().json()["identity"]["principalId"]
    engineer = json.loads(_claims(sandbox))["oid"]
    for object_id in (principal, engineer):
        grant = {
            "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{BLOB_CONTRIBUTOR}",
            "principalId": object_id,
            "principalType": "ServicePrincipal",
        }
        where = f"{made.account_id}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        rest("PUT", where, AUTHORIZATION, {"properties": grant}).raise_for_status()
    made.put("managedVirtualNetworks/default", {})
    network = {"type": "ManagedVirtualNetworkReference", "referenceName": "default"}
    made.put("integrationRuntimes/ir-managed", {"type": "Managed", "managedVirtualNetwork": network})
    return made


def _claims(sandbox: SandboxForTests) -> str:
    import base64

    token = sandbox.credential().get_token("https://management.azure.com/.default").token.split(".")[1]
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()


@pytest.fixture(scope="module")
def factory(sandbox: SandboxForTests) -> Iterator[Factory]:
    rest = Rest(sandbox)
    made = make_factory(sandbox, rest, "rg-contract-runs")
    made.blobs.create_container("data")
    yield made
    rest("DELETE", made.group_id, GROUPS).raise_for_status()
    rest.close()


@pytest.fixture(scope="module")
def files(factory: Factory) -> Factory:
    """Datasets over the account: one file or folder each, by parameters."""
    factory.put(
        "linkedservices/blobs",
        {
            "type": "AzureBlobStorage",
            "typeProperties": {"serviceEndpoint": factory.endpoint, "accountKind": "StorageV2"},
            "connectVia": {"type": "IntegrationRuntimeReference", "referenceName": "AutoResolveIntegrationRuntime"},
        },
    )
    for name, kind, more in (
        ("binary", "Binary", {}),
        ("text", "DelimitedText", {"columnDelimiter": ",", "firstRowAsHeader": True}),
        ("semicolons", "DelimitedText", {"columnDelimiter": ";", "firstRowAsHeader": True}),
        ("json", "Json", {}),
    ):
        location = {
            "type": "AzureBlobStorageLocation",
            "container": "data",
            "folderPath": {"type": "Expression", "value": "@dataset().folder"},
            "fileName": {"type": "Expression", "value": "@dataset().file"},
        }
        factory.put(
            f"datasets/{name}",
            {
                "type": kind,
                "linkedServiceName": {"type": "LinkedServiceReference", "referenceName": "blobs"},
                "parameters": {"folder": {"type": "String"}, "file": {"type": "String", "defaultValue": ""}},
                "typeProperties": {"location": location, **more},
            },
        )
    return factory


def dataset(name: str, folder: str, file: str = "") -> dict[str, Any]:
    return {"type": "DatasetReference", "referenceName": name, "parameters": {"folder": folder, "file": file}}


def after(*names: str, on: str = "Succeeded") -> list[dict[str, Any]]:
    return [{"activity": name, "dependencyConditions": [on]} for name in names]


# -- runs, as the client sees them -------------------------------------------------------------------------------------


def test_a_run_is_started_followed_and_listed(factory: Factory) -> None:
    from azure.mgmt.datafactory.models import RunFilterParameters, RunQueryFilter

    text = "@{pipeline().parameters.who} in @{pipeline().globalParameters.environment}"
    say = {"variableName": "x", "value": {"type": "Expression", "value": text}}
    factory.pipeline(
        "say",
        {"name": "Say", "type": "SetVariable", "typeProperties": say},
        {
            "name": "Stop",
            "type": "Fail",
            "dependsOn": after("Say"),
            "typeProperties": {"message": "@activity('Say').output.value", "errorCode": "42"},
        },
        parameters={"who": {"type": "String"}},
        variables={"x": {"type": "String"}},
        annotations=["contract"],
    )
    run = factory.run("say", who="Ada")
    assert (run.status, run.pipeline_name, run.parameters) == ("Failed", "say", {"who": "Ada"})
    assert run.message == "Operation on target Stop failed: Ada in contract"
    assert run.invoked_by is not None
    assert run.invoked_by.invoked_by_type == "Manual"
    assert run.run_start is not None
    assert run.run_end is not None
    assert run.run_start <= run.run_end
    say_run, stop_run = factory.activities(str(run.run_id))
    assert say_run.output == {"name": "x", "value": "Ada in contract"}
    assert (stop_run.status, stop_run.error["errorCode"]) == ("Failed", "42")
    (failed,) = factory.activities(
        str(run.run_id), filters=[RunQueryFilter(operand="Status", operator="Equals", values=["Failed"])]
    )
    assert failed.activity_name == "Stop"
    now = datetime.now(UTC)
    window = RunFilterParameters(
        last_updated_after=now - timedelta(hours=1),
        last_updated_before=now + timedelta(hours=1),
        filters=[RunQueryFilter(operand="PipelineName", operator="In", values=["say"])],
    )
    listed = factory.client.pipeline_runs.query_by_factory(factory.group, factory.name, window).value
    assert [one.run_id for one in listed] == [run.run_id]


def test_what_begins_no_run(factory: Factory) -> None:
    factory.pipeline(
        "picky",
        {"name": "A", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}},
        parameters={"n": {"type": "Int"}},
    )
    with pytest.raises(ResourceNotFoundError):
        factory.start("missing")
    for given in ({}, {"n": "five"}):
        with pytest.raises(HttpResponseError, match="ErrorCode=InvalidTemplate") as refused:
            factory.start("picky", **given)
        assert refused.value.status_code == 400
    with pytest.raises(ResourceNotFoundError):
        factory.get(str(uuid.uuid4()))


def test_a_run_is_cancelled(factory: Factory) -> None:
    factory.pipeline("long", {"name": "Long", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 3600}})
    run_id = factory.start("long")
    assert wait_until(lambda: factory.activities(run_id) or None, 30)
    factory.client.pipeline_runs.cancel(factory.group, factory.name, run_id)
    assert factory.end(run_id).status == "Cancelled"
    assert [activity.status for activity in factory.activities(run_id)] == ["Cancelled"]


# -- through the firewall ----------------------------------------------------------------------------------------------


def test_the_managed_endpoint_decides_what_a_web_activity_reaches(factory: Factory) -> None:
    """Public at first; behind the firewall only the approved managed endpoint carries; the public runtime stays out."""
    pointer = {"assetName": "train", "version": "7"}
    factory.blobs.get_blob_client("data", "pointer.json").upload_blob(json.dumps(pointer), overwrite=True)
    read: dict[str, Any] = {"method": "GET", "url": f"{factory.endpoint}/data/pointer.json", "headers": HEADERS}
    read["authentication"] = MSI
    factory.pipeline(
        "managed", {"name": "Read", "type": "WebActivity", "typeProperties": {**read, "connectVia": MANAGED}}
    )
    factory.pipeline("public", {"name": "Read", "type": "WebActivity", "typeProperties": read})
    run = factory.run("managed")
    assert run.status == "Succeeded", run.message
    assert factory.output(str(run.run_id))["Read"]["version"] == "7"

    closed = {"properties": {"networkAcls": {"defaultAction": "Deny", "bypass": "None"}}}
    opened = {"properties": {"networkAcls": {"defaultAction": "Allow"}}}
    factory.rest("PATCH", factory.account_id, STORAGE, closed).raise_for_status()
    try:
        endpoint = f"managedVirtualNetworks/default/managedPrivateEndpoints/pe-{factory.account}"
        factory.put(endpoint, {"privateLinkResourceId": factory.account_id, "groupId": "blob"})
        for name in ("managed", "public"):
            run = factory.run(name)
            assert run.status == "Failed"
            (activity,) = factory.activities(str(run.run_id))
            assert activity.error["errorCode"] == "2108"
            assert "AuthorizationFailure" in activity.error["message"]
            assert "Response status code: '403 - Forbidden'" in activity.error["message"]
        connections = factory.rest("GET", f"{factory.account_id}/privateEndpointConnections", STORAGE).json()["value"]
        state = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}}
        factory.rest("PUT", connections[0]["id"], STORAGE, state).raise_for_status()
        assert factory.run("managed").status == "Succeeded"
        assert factory.run("public").status == "Failed"
    finally:
        factory.rest("PATCH", factory.account_id, STORAGE, opened).raise_for_status()


def test_a_factory_without_the_role_is_refused_by_the_service(factory: Factory) -> None:
    factory.pipeline(
        "arm",
        {
            "name": "Read",
            "type": "WebActivity",
            "typeProperties": {
                "method": "GET",
                "url": f"https://management.azure.com{factory.account_id}?api-version={STORAGE}",
                "authentication": {"type": "MSI", "resource": "https://management.azure.com/"},
            },
        },
    )
    run = factory.run("arm")
    assert "AuthorizationFailed" in str(run.message)


# -- files -------------------------------------------------------------------------------------------------------------


def test_files_are_copied_looked_up_described_and_deleted(files: Factory) -> None:
    container = files.blobs.get_container_client("data")
    container.upload_blob("in/a.csv", 'name,count\nGala,20\n"Honey, crisp",10\n', overwrite=True)
    container.upload_blob("in/sub/b.csv", "name,count\nBoskoop,5\n", overwrite=True)
    container.upload_blob("in/c.bin", bytes(range(256)), overwrite=True)
    binary = {
        "source": {"type": "BinarySource", "storeSettings": {"type": "AzureBlobStorageReadSettings", "recursive": True}}
    }
    wildcard = {"type": "AzureBlobStorageReadSettings", "wildcardFileName": "*.csv", "recursive": False}
    files.pipeline(
        "files",
        {
            "name": "CopyAll", "type": "Copy", "inputs": [dataset("binary", "in")], "outputs": [dataset("binary", "out")],
            "typeProperties": {**binary, "sink": {"type": "BinarySink"}},
        },
        {
            "name": "CopyText", "type": "Copy", "dependsOn": after("CopyAll"),
            "inputs": [dataset("text", "in")], "outputs": [dataset("semicolons", "text")],
            "typeProperties": {
                "source": {"type": "DelimitedTextSource", "storeSettings": wildcard}, "sink": {"type": "DelimitedTextSink"},
            },
        },
        {
            "name": "First", "type": "Lookup", "dependsOn": after("CopyText"),
            "typeProperties": {"source": {"type": "DelimitedTextSource"}, "dataset": dataset("text", "out", "a.csv")},
        },
        {
            "name": "All", "type": "Lookup", "dependsOn": after("CopyText"),
            "typeProperties": {
                "source": {"type": "DelimitedTextSource"}, "dataset": dataset("semicolons", "text", "a.csv"),
                "firstRowOnly": False,
            },
        },
        {
            "name": "Folder", "type": "GetMetadata", "dependsOn": after("CopyAll"),
            "typeProperties": {"dataset": dataset("binary", "out"), "fieldList": ["exists", "itemType", "childItems"]},
        },
        {
            "name": "File", "type": "GetMetadata", "dependsOn": after("CopyAll"),
            "typeProperties": {
                "dataset": dataset("text", "out", "a.csv"),
                "fieldList": ["exists", "itemName", "size", "columnCount", "structure"],
            },
        },
        {
            "name": "None", "type": "GetMetadata",
            "typeProperties": {"dataset": dataset("binary", "nowhere"), "fieldList": ["exists"]},
        },
        {
            "name": "Wait", "type": "Validation", "dependsOn": after("CopyAll"),
            "typeProperties": {"dataset": dataset("binary", "out", "c.bin"), "minimumSize": 256, "timeout": "00:00:10"},
        },
        {
            "name": "Clean", "type": "Delete", "dependsOn": after("First", "All", "Folder", "File", "Wait"),
            "typeProperties": {
                "dataset": dataset("binary", "out"), "enableLogging": False,
                "storeSettings": {"type": "AzureBlobStorageReadSettings", "recursive": True},
            },
        },
    )  # fmt: skip
    run = files.run("files")
    assert run.status == "Succeeded", run.message
    output = files.output(str(run.run_id))
    assert (output["CopyAll"]["filesRead"], output["CopyAll"]["filesWritten"]) == (3, 3)
    assert (output["CopyText"]["rowsRead"], output["CopyText"]["filesWritten"]) == (2, 1)
    assert output["First"]["firstRow"] == {"name": "Gala", "count": "20"}
    assert output["All"]["value"] == [{"name": "Gala", "count": "20"}, {"name": "Honey, crisp", "count": "10"}]
    assert output["Folder"]["itemType"] == "Folder"
    assert {(item["name"], item["type"]) for item in output["Folder"]["childItems"]} == {
        ("a.csv", "File"), ("c.bin", "File"), ("sub", "Folder"),
    }  # fmt: skip
    assert (output["File"]["columnCount"], output["File"]["itemName"]) == (2, "a.csv")
    assert output["None"]["exists"] is False
    assert output["Clean"]["filesDeleted"] == 3
    assert container.download_blob("text/a.csv").readall() == b"name;count\nGala;20\nHoney, crisp;10\n"
    assert [blob.name for blob in container.list_blobs(name_starts_with="out/")] == []


REFUSED_FILES = [
    ("Lookup", {"source": {}, "dataset": dataset("text", "none", "x.csv")}, "The required Blob is missing"),
    ("GetMetadata", {"dataset": dataset("text", "none"), "fieldList": ["size"]}, "The required Blob is missing"),
    ("GetMetadata", {"dataset": dataset("text", "in", "a.csv")}, "'fieldList'"),
    ("GetMetadata", {"dataset": dataset("text", "in", "a.csv"), "fieldList": ["childItems"]}, "is not supported for a file"),
    ("Delete", {"dataset": dataset("text", "in"), "enableLogging": True}, "the log of a Delete activity"),
    ("Lookup", {"source": {}, "dataset": {"referenceName": "text", "type": "DatasetReference"}}, "The parameter 'folder'"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "properties", "sentence"), REFUSED_FILES)
def test_what_an_activity_on_files_refuses(
    files: Factory, kind: str, properties: dict[str, Any], sentence: str
) -> None:
    files.pipeline("refused", {"name": "A", "type": kind, "typeProperties": properties})
    run = files.run("refused")
    assert run.status == "Failed"
    assert sentence in str(run.message)


def test_a_schedule_trigger_fires_when_the_clock_goes_on(
    factory: Factory, sandbox: SandboxForTests, project_dir: Path
) -> None:
    from azure.mgmt.datafactory.models import RunFilterParameters

    from toolkit.sandbox.client import ensure_running

    factory.pipeline(
        "tick",
        {"name": "A", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}},
        parameters={"when": {"type": "String"}},
    )
    begin = datetime.now(UTC) - timedelta(minutes=5)
    recurrence = {"frequency": "Minute", "interval": 1, "startTime": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "timeZone": "UTC"}
    reference = {"pipelineReference": {"type": "PipelineReference", "referenceName": "tick"}}
    factory.put(
        "triggers/minutely",
        {
            "type": "ScheduleTrigger",
            "typeProperties": {"recurrence": recurrence},
            "pipelines": [{**reference, "parameters": {"when": "@trigger().scheduledTime"}}],
        },
    )
    factory.client.triggers.begin_start(factory.group, factory.name, "minutely").result()
    ensure_running(project_dir).advance_clock(120)
    factory.client.triggers.begin_stop(factory.group, factory.name, "minutely").result()
    now = datetime.now(UTC)
    window = RunFilterParameters(
        last_updated_after=now - timedelta(hours=1), last_updated_before=now + timedelta(hours=1)
    )
    fired = factory.client.trigger_runs.query_by_factory(factory.group, factory.name, window).value
    assert len(fired) == 2
    for one in fired:
        assert (one.trigger_name, one.status, one.trigger_type) == ("minutely", "Succeeded", "ScheduleTrigger")
        run = factory.end(one.triggered_pipelines["tick"])
        assert run.status == "Succeeded"
        assert run.invoked_by is not None
        assert run.invoked_by.name == "minutely"


# -- the sandbox's death -----------------------------------------------------------------------------------------------


def test_a_run_in_flight_when_the_sandbox_is_killed_has_failed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """kill -9; the next command starts the sandbox again on what is there."""
    from toolkit.environment import connect, load_environment
    from toolkit.project import Project
    from toolkit.sandbox import client
    from toolkit.sandbox.settings import SandboxPaths, read_announcement

    project = copy_project(tmp_path_factory.mktemp("killed"))
    try:
        sandbox = SandboxForTests(connect(load_environment("local", Project(project))))
        rest = Rest(sandbox)
        factory = make_factory(sandbox, rest, "rg-killed")
        factory.pipeline("long", {"name": "Long", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 3600}})
        run_id = factory.start("long")
        assert wait_until(lambda: factory.activities(run_id) or None, 30)
        pid = read_announcement(SandboxPaths(Path(project) / ".toolkit" / "sandbox"))["pid"]
        os.kill(pid, signal.SIGKILL)
        connect(load_environment("local", Project(project)))
        run = factory.get(run_id)
        assert (run.status, run.message) == (
            "Failed",
            "SandboxStopped: The sandbox was stopped or killed while this run was under way.",
        )
        (activity,) = factory.activities(run_id)
        assert (activity.status, activity.error["errorCode"]) == ("Failed", "SandboxStopped")
        rest.close()
    finally:
        client.stop(project)
