"""Activities over Data Lake Storage: its own endpoint, and the managed private endpoint for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.storage.filedatalake import DataLakeServiceClient, FileSystemClient

from tests.conftest import SandboxForTests
from tests.contract.test_arm_sdk import Rest
from tests.contract.test_data_factory_runs import GROUPS, MANAGED, STORAGE, Factory, after, dataset, make_factory

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def factory(sandbox: SandboxForTests) -> Iterator[Factory]:
    rest = Rest(sandbox)
    made = make_factory(sandbox, rest, "rg-contract-lake", isHnsEnabled=True)
    made.put(
        "linkedservices/lake",
        {
            "type": "AzureBlobFS",
            "typeProperties": {"url": f"https://{made.account}.dfs.core.windows.net"},
            "connectVia": MANAGED,
        },
    )
    for name, kind, more in (
        ("binary", "Binary", {}),
        ("text", "DelimitedText", {"columnDelimiter": ",", "firstRowAsHeader": True}),
    ):
        location = {
            "type": "AzureBlobFSLocation",
            "fileSystem": "data",
            "folderPath": {"type": "Expression", "value": "@dataset().folder"},
            "fileName": {"type": "Expression", "value": "@dataset().file"},
        }
        made.put(
            f"datasets/{name}",
            {
                "type": kind,
                "linkedServiceName": {"type": "LinkedServiceReference", "referenceName": "lake"},
                "parameters": {"folder": {"type": "String"}, "file": {"type": "String", "defaultValue": ""}},
                "typeProperties": {"location": location, **more},
            },
        )
    yield made
    rest("DELETE", made.group_id, GROUPS).raise_for_status()
    rest.close()


@pytest.fixture(scope="module")
def files(sandbox: SandboxForTests, factory: Factory) -> FileSystemClient:
    endpoint = f"https://{factory.account}.dfs.core.windows.net"
    client = DataLakeServiceClient(endpoint, credential=sandbox.credential(), **sandbox.options())
    made = client.get_file_system_client("data")
    made.create_file_system()
    return made


def described(name: str, folder: str) -> dict[str, Any]:
    properties = {"dataset": dataset("binary", folder), "fieldList": ["exists", "childItems"]}
    return {"name": name, "type": "GetMetadata", "dependsOn": after("Copy"), "typeProperties": properties}


def test_files_are_copied_looked_up_described_and_deleted(factory: Factory, files: FileSystemClient) -> None:
    files.get_file_client("in/a.csv").upload_data(b"name,count\nGala,20\n", overwrite=True)
    files.get_file_client("in/deep/b.csv").upload_data(b"name,count\nFuji,3\n", overwrite=True)
    files.create_directory("empty")
    settings: dict[str, Any] = {"type": "AzureBlobFSReadSettings", "recursive": True}
    source = {"type": "BinarySource", "storeSettings": settings}
    sink = {"type": "BinarySink", "storeSettings": {"type": "AzureBlobFSWriteSettings"}}
    factory.pipeline(
        "lake",
        {
            "name": "Wait for it",
            "type": "Validation",
            "typeProperties": {"dataset": dataset("text", "in", "a.csv"), "timeout": "0.00:01:00"},
        },
        {
            "name": "Look",
            "type": "Lookup",
            "dependsOn": after("Wait for it"),
            "typeProperties": {
                "source": {"type": "DelimitedTextSource", "storeSettings": settings},
                "dataset": dataset("text", "in"),
                "firstRowOnly": False,
            },
        },
        {
            "name": "Copy",
            "type": "Copy",
            "dependsOn": after("Look"),
            "typeProperties": {"source": source, "sink": sink},
            "inputs": [dataset("binary", "in")],
            "outputs": [dataset("binary", "out")],
        },
        described("Out", "out"),
        described("Empty", "empty"),
        described("Nothing", "nothing"),
        {
            "name": "Delete",
            "type": "Delete",
            "dependsOn": after("Out"),
            "typeProperties": {"dataset": dataset("binary", "in"), "storeSettings": settings},
        },
    )
    run = factory.run("lake")
    assert run.status == "Succeeded", run.message
    output = factory.output(str(run.run_id))
    assert sorted(row["name"] for row in output["Look"]["value"]) == ["Fuji", "Gala"]
    assert (output["Copy"]["filesWritten"], output["Delete"]["filesDeleted"]) == (2, 2)
    assert sorted(item["name"] for item in output["Out"]["childItems"]) == ["a.csv", "deep"]
    assert (output["Empty"]["exists"], output["Nothing"]["exists"]) == (True, False)
    assert files.get_file_client("out/deep/b.csv").download_file().readall() == b"name,count\nFuji,3\n"
    assert not files.get_file_client("in/a.csv").exists()


def test_only_a_managed_endpoint_for_dfs_carries(factory: Factory, files: FileSystemClient) -> None:
    files.get_file_client("closed/a.csv").upload_data(b"name,count\nGala,20\n", overwrite=True)
    look = {
        "source": {"type": "DelimitedTextSource", "storeSettings": {"type": "AzureBlobFSReadSettings"}},
        "dataset": dataset("text", "closed", "a.csv"),
    }
    factory.pipeline("look", {"name": "Look", "type": "Lookup", "typeProperties": look})
    closed = {"properties": {"networkAcls": {"defaultAction": "Deny", "bypass": "None"}}}
    opened = {"properties": {"networkAcls": {"defaultAction": "Allow"}}}
    approved = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved"}}}
    factory.rest("PATCH", factory.account_id, STORAGE, closed).raise_for_status()
    try:
        for group in ("blob", "dfs"):
            run = factory.run("look")
            assert run.status == "Failed"
            assert "AuthorizationFailure" in str(run.message)
            endpoint = f"managedVirtualNetworks/default/managedPrivateEndpoints/pe-{group}"
            factory.put(endpoint, {"privateLinkResourceId": factory.account_id, "groupId": group})
            connections = factory.rest("GET", f"{factory.account_id}/privateEndpointConnections", STORAGE).json()
            for connection in connections["value"]:
                factory.rest("PUT", connection["id"], STORAGE, approved).raise_for_status()
        run = factory.run("look")
        assert run.status == "Succeeded", run.message
    finally:
        factory.rest("PATCH", factory.account_id, STORAGE, opened).raise_for_status()
