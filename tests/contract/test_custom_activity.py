"""Data Factory's Custom activity on the sandbox's Batch: with a key as documented, without one as refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.batch import JOB_SUBMITTER, STORAGE, Batch, batch
from tests.contract.test_arm_sdk import Rest
from tests.contract.test_data_factory_runs import Factory, make_factory
from toolkit.waiting import wait_until

if TYPE_CHECKING:
    from azure.mgmt.datafactory.models import ActivityRun

    from tests.conftest import SandboxForTests

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def account(sandbox: SandboxForTests) -> Iterator[Batch]:
    with batch(sandbox) as made:
        yield made


def reference(name: str, kind: str = "LinkedServiceReference") -> dict[str, Any]:
    return {"type": kind, "referenceName": name}


@pytest.fixture(scope="module")
def factory(sandbox: SandboxForTests, account: Batch) -> Iterator[Factory]:
    """Linked services ``keyed`` and ``keyless`` to storage, ``batch`` and ``batch_keyless`` to the pool over each."""
    rest = Rest(sandbox)
    made = make_factory(sandbox, rest, account.group_id.rsplit("/", 1)[-1])
    identity = account.identity("factory")
    account.grant(identity["principalId"], JOB_SUBMITTER, account.id)
    stranger = account.identity("stranger")
    assigned = {account.identity_id(name): {} for name in ("factory", "stranger")}
    body: dict[str, Any] = {"location": "westeurope", "properties": {}}
    body["identity"] = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": assigned}
    account.put(made.id, "2018-06-01", body)
    for name in ("factory", "stranger"):
        kind = {"type": "ManagedIdentity", "typeProperties": {"resourceId": account.identity_id(name)}}
        made.put(f"credentials/{name}", kind)
    assert stranger["clientId"]
    key = rest("POST", f"{made.account_id}/listKeys", STORAGE).json()["keys"][0]["value"]
    text = f"DefaultEndpointsProtocol=https;AccountName={made.account};AccountKey={key};EndpointSuffix=core.windows.net"
    storage = {"keyed": {"connectionString": text}, "keyless": {"serviceEndpoint": f"{made.endpoint}/"}}
    for name, properties in storage.items():
        made.put(f"linkedservices/{name}", {"type": "AzureBlobStorage", "typeProperties": properties})
    for name, store, credential in (
        ("batch", "keyed", "factory"),
        ("batch_keyless", "keyless", "factory"),
        ("batch_stranger", "keyed", "stranger"),
    ):
        properties = {
            "accountName": account.name,
            "batchUri": f"https://{account.host}",
            "poolName": "cpu",
            "linkedServiceName": reference(store),
            "credential": reference(credential, "CredentialReference"),
        }
        made.put(f"linkedservices/{name}", {"type": "AzureBatch", "typeProperties": properties})
    made.put(
        "datasets/rows",
        {"type": "Binary", "linkedServiceName": reference("keyed"),
         "typeProperties": {"location": {"type": "AzureBlobStorageLocation", "container": "scripts"}}},
    )  # fmt: skip
    container = made.blobs.create_container("scripts")
    container.upload_blob("tool/run.py", "import sys\nprint('ran', *sys.argv[1:])\n")
    container.upload_blob("tool/lib/names.py", "")
    for folder in ("a", "b"):
        container.upload_blob(f"twice/{folder}/same.py", "")
    yield made
    rest.close()


def run(factory: Factory, linked: str, command: Any, **properties: Any) -> ActivityRun:
    activity = {
        "name": "Task",
        "type": "Custom",
        "linkedServiceName": reference(linked),
        "typeProperties": {"command": command, **properties},
    }
    factory.pipeline("custom", activity)
    (found,) = factory.activities(str(factory.run("custom").run_id))
    return found


def test_a_command_with_its_folder_and_its_objects(account: Batch, factory: Factory) -> None:
    found = run(
        factory,
        "batch",
        {"type": "Expression", "value": "@concat('python3 run.py ', 'x')"},
        folderPath="scripts/tool",
        resourceLinkedService=reference("keyed"),
        extendedProperties={"colour": "red"},
        referenceObjects={"linkedServices": [reference("keyed")], "datasets": [reference("rows", "DatasetReference")]},
        retentionTimeInDays=7,
    )
    assert found.status == "Succeeded", found.error
    output = found.output
    assert output["exitcode"] == 0
    assert json.loads(output["computeInformation"])["poolName"] == "cpu"
    prefix = f"https://{factory.account}.blob.core.windows.net/adfjobs/{found.activity_run_id}/output/"
    assert output["outputs"] == [f"{prefix}stdout.txt", f"{prefix}stderr.txt"]
    kept = factory.blobs.get_blob_client("adfjobs", f"{found.activity_run_id}/output/stdout.txt")
    assert kept.download_blob().readall() == b"ran x\n"
    with account.client() as client:
        task = client.get_task("adfv2-cpu", str(found.activity_run_id))
        assert task.constraints is not None
        assert str(task.constraints.retention_time) == "7 days, 0:00:00"
        files = {file.name for file in client.list_task_files("adfv2-cpu", task.id, recursive=True)}
        assert {f"wd/{name}" for name in ("activity.json", "datasets.json", "run.py", "names.py")} <= files
        text = b"".join(client.download_task_file("adfv2-cpu", task.id, "wd/activity.json"))
        services = b"".join(client.download_task_file("adfv2-cpu", task.id, "wd/linkedServices.json"))
    assert json.loads(text)["typeProperties"]["extendedProperties"] == {"colour": "red"}
    assert [one["name"] for one in json.loads(services)] == ["keyed"]


def test_custom_output(factory: Factory) -> None:
    found = run(factory, "batch", "python3 -c \"open('outputs.json','w').write('{\\\"rows\\\": 3}')\"")
    assert found.output["customOutput"] == {"rows": 3}


REFUSED: list[tuple[str, str, dict[str, Any], str, str]] = [
    # The account has no key to sign with, whatever the command: troubleshoot guide 2505, Azure-DataFactory#287.
    ("batch_keyless", "ls", {}, "2505", "unless Account Key credentials are used."),
    ("batch", "ls", {"folderPath": "scripts/x", "resourceLinkedService": reference("keyless")}, "2505", "Account Key"),
    ("batch", "ls", {"folderPath": "scripts/none"}, "2507", "The folder path does not exist or is empty: scripts/none"),
    ("batch", "ls", {"folderPath": "scripts/twice"}, "2508", "There are duplicate files in the resource folder."),
    ("batch", "python3 -c \"raise SystemExit(3)\"", {}, "2500", '"code": "FailureExitCode"'),
    ("batch", "no-such-program", {}, "2500", '"code": "CommandProgramNotFound"'),
    ("batch_stranger", "ls", {}, "2501", "Can not access user batch account"),
    ("keyed", "ls", {}, "2110", "'AzureBlobStorage' is not supported for 'Custom' activities"),
    ("batch", "", {}, "2103", "'command'"),
]  # fmt: skip


@pytest.mark.parametrize(("linked", "command", "properties", "code", "sentence"), REFUSED)
def test_what_fails(
    factory: Factory, linked: str, command: str, properties: dict[str, Any], code: str, sentence: str
) -> None:
    found = run(factory, linked, command, **properties)
    assert (found.status, found.error["errorCode"]) == ("Failed", code), found.error
    assert sentence in found.error["message"]
    if "FailureExitCode" in sentence:
        assert found.output["exitcode"] == 3


def test_keys_that_are_off_are_no_way_in(factory: Factory) -> None:
    """The linked service has a key, the account takes none: https://github.com/MicrosoftDocs/azure-docs/issues/13047"""
    try:
        changed = {"properties": {"allowSharedKeyAccess": False}}
        factory.rest("PATCH", factory.account_id, STORAGE, changed).raise_for_status()
        found = run(factory, "batch", "ls")
    finally:
        changed = {"properties": {"allowSharedKeyAccess": True}}
        factory.rest("PATCH", factory.account_id, STORAGE, changed).raise_for_status()
    assert (found.status, found.error["errorCode"]) == ("Failed", "2502")
    assert found.output["statusMessage"] == "KeyBasedAuthenticationNotPermitted"


def test_cancelling_a_run_ends_its_task(account: Batch, factory: Factory) -> None:
    activity = {
        "name": "Long", "type": "Custom", "linkedServiceName": reference("batch"),
        "typeProperties": {"command": "/bin/sleep 300"},
    }  # fmt: skip
    factory.pipeline("long", activity)
    run_id = factory.start("long")
    with account.client() as client:

        def running() -> str | None:
            tasks = client.list_tasks("adfv2-cpu", filter="state eq 'running'")
            return next((str(task.id) for task in tasks), None)

        task = wait_until(running, 30)
        assert task
        factory.client.pipeline_runs.cancel(factory.group, factory.name, run_id)
        assert factory.end(run_id).status == "Cancelled"
        assert wait_until(lambda: client.get_task("adfv2-cpu", task).state == "completed", 30)
