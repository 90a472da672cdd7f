"""Assets and datastores of an Azure ML workspace, as azure-ai-ml asks for them."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.arm.conftest import RG, SUBSCRIPTION, Arm
from tests.unit.sandbox.arm.test_workspaces import WORKSPACE, make_workspace, workspace_body
from toolkit.records import Json

CODES = f"{WORKSPACE}/codes"
VERSION = f"{CODES}/training-code/versions/1"
UPLOAD = {"pendingUploadType": "TemporaryBlobReference"}


def code(
    uri: str = "https://sttest001.blob.core.windows.net:443/c/src", hash_: str = "aa", version: str = "202208"
) -> Json:
    own = {"hash_sha256": hash_, "hash_version": version}
    return {"properties": {"codeUri": uri, "isAnonymous": False, "properties": own}}


@pytest.fixture
def workspace(arm: Arm) -> Arm:
    make_workspace(arm, systemDatastoresAuthMode="Identity")
    return arm


def by_hash(arm: Arm, name: str, hash_: str, version: str = "202208") -> list[str]:
    found = arm.ok("GET", f"{CODES}/{name}/versions?hash={hash_}&hashVersion={version}")["value"]
    return [entry["id"].removeprefix(f"{CODES}/") for entry in found]


def test_the_same_content_is_found_whatever_its_name(workspace: Arm) -> None:
    workspace.ok("PUT", f"{CODES}/first/versions/7", code())
    workspace.ok("PUT", f"{CODES}/second/versions/1", code(hash_="bb"))
    assert by_hash(workspace, "third", "aa") == ["first/versions/7"]
    assert by_hash(workspace, "first", "cc") == []
    assert by_hash(workspace, "first", "aa", "202101") == []
    workspace.ok("PUT", f"{CODES}/third/versions/1", code())
    assert by_hash(workspace, "third", "aa") == ["third/versions/1", "first/versions/7"]


def test_an_upload_goes_to_a_fresh_container_each_time(workspace: Arm) -> None:
    first, second = (workspace.ok("POST", f"{VERSION}/startPendingUpload", UPLOAD) for _ in range(2))
    reference = first["blobReferenceForConsumption"]
    assert reference["credential"]["credentialType"] == "SAS"
    key = workspace.ok("GET", WORKSPACE)["properties"]["workspaceId"]
    container = reference["blobUri"].rsplit("/", 1)[-1]
    assert container.startswith(f"{key[:8]}-b-")
    assert ("sttest001", container) in workspace.blobs.containers
    assert reference["blobUri"] == f"https://sttest001.blob.core.windows.net:443/{container}"
    assert second["blobReferenceForConsumption"]["blobUri"] != reference["blobUri"]
    listed = workspace.ok("GET", f"{reference['storageAccountArmId']}/blobServices/default/containers")["value"]
    assert container in [entry["name"] for entry in listed]
    assert workspace.refused("GET", VERSION) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("mode", "by"), [("Identity", "engineer"), ("UserDelegationSAS", "engineer"), ("AccessKey", "key")]
)
def test_whose_the_upload_is_follows_the_mode(arm: Arm, mode: str, by: str) -> None:
    make_workspace(arm, systemDatastoresAuthMode=mode)
    answer = arm.ok("POST", f"{VERSION}/startPendingUpload", UPLOAD)
    who = arm.directory.engineer().object_id if by == "engineer" else by
    assert answer["blobReferenceForConsumption"]["credential"]["sasUri"].endswith(f"?sp=rcwl&by={who}")


def test_datastores_follow_the_mode_also_when_it_changes(arm: Arm) -> None:
    make_workspace(arm)
    store = f"{WORKSPACE}/datastores/workspaceblobstore"
    assert arm.ok("GET", store)["properties"]["credentials"] == {"credentialsType": "AccountKey"}
    assert set(arm.ok("POST", f"{store}/listSecrets")) == {"secretsType", "key"}
    expiring = arm.ok("POST", f"{store}/listSecrets", {"expirableSecret": True, "expireAfterHours": 1})
    assert (expiring["secretsType"], expiring["sasToken"].endswith("by=key")) == ("Sas", True)
    arm.ok("PATCH", WORKSPACE, {"properties": {"systemDatastoresAuthMode": "Identity"}})
    assert arm.ok("GET", store)["properties"]["credentials"] == {"credentialsType": "None"}
    assert arm.refused("POST", f"{store}/listSecrets") == (400, "UserError")
    default = arm.ok("GET", f"{WORKSPACE}/datastores?isDefault=true&count=30")["value"]
    assert [entry["name"] for entry in default] == ["workspaceblobstore"]
    assert arm.refused("GET", f"{WORKSPACE}/datastores/none") == (404, "UserError")


@pytest.mark.parametrize("name", ["-code", "a b", "ä", "x" * 256, "a.b"])
def test_a_name_that_azure_refuses(workspace: Arm, name: str) -> None:
    assert workspace.refused("POST", f"{CODES}/{name}/versions/1/startPendingUpload", UPLOAD) == (400, "UserError")
    assert workspace.refused("PUT", f"{CODES}/{name}/versions/1", code()) == (400, "UserError")
    assert workspace.refused("PUT", f"{CODES}/{name}", {"properties": {}}) == (400, "UserError")


def test_a_workspace_that_is_not_there_or_soft_deleted(arm: Arm) -> None:
    for _ in range(2):
        for method, path in (
            ("PUT", VERSION),
            ("POST", f"{VERSION}/startPendingUpload"),
            ("GET", f"{CODES}/a/versions"),
        ):
            assert arm.refused(method, path, code() if method == "PUT" else None) == (404, "ResourceNotFound")
        make_workspace(arm)
        arm.ok("DELETE", WORKSPACE)
    assert arm.refused("PUT", WORKSPACE, workspace_body())[0] == 400


def test_content_does_not_change_under_a_version(workspace: Arm) -> None:
    workspace.ok("PUT", VERSION, code())
    workspace.ok("PUT", VERSION, code())
    refused = workspace("PUT", VERSION, code("https://sttest001.blob.core.windows.net:443/c/other"))
    assert (refused.status_code, refused.json()["error"]) == (
        400,
        {"code": "UserError", "message": "Asset paths cannot be updated."},
    )
    component = f"{WORKSPACE}/components/train/versions/1"
    workspace.ok("PUT", component, {"properties": {"componentSpec": {"command": "a"}}})
    assert workspace.refused("PUT", component, {"properties": {"componentSpec": {"command": "b"}}}) == (
        400,
        "UserError",
    )


def test_containers_count_their_versions(workspace: Arm) -> None:
    for version in ("2", "foo", "1"):
        workspace.ok(
            "PUT",
            f"{WORKSPACE}/data/iris/versions/{version}",
            {"properties": {"dataUri": "azureml://datastores/d/paths/x"}},
        )
    shown = workspace.ok("GET", f"{WORKSPACE}/data/iris")["properties"]
    assert (shown["latestVersion"], shown["nextVersion"]) == ("1", "3")
    listed = [entry["name"] for entry in workspace.ok("GET", f"{WORKSPACE}/data/iris/versions")["value"]]
    assert listed == ["1", "foo", "2"]
    uri = workspace.ok("GET", f"{WORKSPACE}/data/iris/versions/2")["properties"]["dataUri"]
    group = RG.rsplit("/", 1)[-1]
    assert (
        uri == f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/{group}/workspaces/mlw-test/datastores/d/paths/x"
    )
