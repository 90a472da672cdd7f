"""Code assets over the sandbox: registered with azure-ai-ml, published as pointers, and everything that refuses."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.workspace import BLOB_CONTRIBUTOR, DATA_SCIENTIST, Workspace, commands, workspace
from toolkit.assets.pointer import Pointer
from toolkit.assets.publishing import LostRace, Pointers
from toolkit.assets.registration import MARKER, Registration, register
from toolkit.assets.workspace import Access, access
from toolkit.ci.provenance import Provenance
from toolkit.environment import Connection
from toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

    from tests.conftest import SandboxForTests

pytestmark = pytest.mark.contract

NAME = "training-code"
ORIGIN = Provenance("7", "refs/heads/main", "abc")


@pytest.fixture(scope="module")
def ml(sandbox: SandboxForTests) -> Iterator[Workspace]:
    with workspace(sandbox) as made:
        made.person("ci", workspace=DATA_SCIENTIST, account=BLOB_CONTRIBUTOR)
        made.trust_this_environment("ci")
        container = f"{made.account_id}/blobServices/default/containers/ml-globals"
        made.put(container, "2023-05-01", {"properties": {}})
        yield made


@pytest.fixture
def ci(ml: Workspace) -> Access:
    return access(ml.sandbox.connection, ml.outputs(), "ci")


@pytest.fixture
def name() -> str:
    """An asset of the test's own."""
    return f"code-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    code = tmp_path / "src"
    code.mkdir()
    (code / "train.py").write_text(f"print('{uuid.uuid4()}')\n")
    (code / "ignored.log").write_text("log")
    (code / ".amlignore").write_text("*.log\n")
    return code


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def container(ml: Workspace) -> ContainerClient:
    from azure.storage.blob import BlobServiceClient

    url = f"https://{ml.account}.blob.core.windows.net"
    service = BlobServiceClient(url, ml.person("ci"), **ml.sandbox.options("vnet"))
    return service.get_container_client("ml-globals")


def published(ci: Access, name: str, folder: Path, count: int = 1) -> list[Registration]:
    """As many versions, registered and published one after the other."""
    made = []
    for _ in range(count):
        (folder / "train.py").write_text(f"print('{uuid.uuid4()}')\n")
        made.append(register(ci, name, folder))
        with Pointers(ci, name) as pointers:
            pointers.publish(made[-1].version, ORIGIN)
    return made


# -- registration ------------------------------------------------------------------------------------------------------


def test_registering_twice_says_that_it_was_deduplicated(ci: Access, name: str, folder: Path) -> None:
    before = snapshot(folder)
    first, again = register(ci, name, folder), register(ci, name, folder)
    assert first.sentence == f"registered {name}:1 (2 files, 0.0 MB)"
    assert again.sentence == (
        f"requested {name}:2, registered {name}:1, deduplicated: Azure ML has the same content (2 files, 0.0 MB) "
        "already"
    )
    assert (first.deduplicated, again.deduplicated) == (False, True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", first.registered_at or "")
    assert first.id == f"{ci.workspace_id}/codes/{name}/versions/1"
    assert snapshot(folder) == before


def test_unique_forces_a_version_and_leaves_the_folder_alone(
    ml: Workspace, ci: Access, name: str, folder: Path
) -> None:
    before = snapshot(folder)
    versions = [register(ci, name, folder, unique=True).version for _ in range(3)]
    assert versions == ["1", "2", "3"]
    assert snapshot(folder) == before
    uri = ml.get(f"{ci.workspace_id}/codes/{name}/versions/3")["properties"]["codeUri"]
    assert uri.endswith("/src")
    stored, _, prefix = uri.partition(":443/")[2].partition("/")
    from azure.storage.blob import BlobServiceClient

    url = f"https://{ml.account}.blob.core.windows.net"
    with BlobServiceClient(url, ml.person("ci"), **ml.sandbox.options("vnet")) as blobs:
        found = blobs.get_container_client(stored)
        names = {blob.name.removeprefix(f"{prefix}/") for blob in found.list_blobs()}
        marker = found.download_blob(f"{prefix}/{MARKER}").readall().decode()
    assert names == {"train.py", ".amlignore", MARKER}
    assert marker.startswith(f"{name}:3\n")


def test_a_marker_that_is_ignored_would_force_nothing(ci: Access, name: str, folder: Path) -> None:
    (folder / ".amlignore").write_text("*-version\n")
    with pytest.raises(UsageError, match=rf"\.amlignore leaves out {MARKER}") as refused:
        register(ci, name, folder, unique=True)
    assert f"!{MARKER}" in (refused.value.hint or "")


def test_the_content_of_a_version_never_changes(ci: Access, name: str, folder: Path) -> None:
    register(ci, name, folder, version="5")
    assert register(ci, name, folder, version="5").deduplicated
    (folder / "train.py").write_text("other")
    with pytest.raises(ToolkitError, match=f"{name}:5 is registered with other content"):
        register(ci, name, folder, version="5")
    assert register(ci, name, folder).version == "6"


def test_content_of_another_asset_is_no_version_of_this_one(ci: Access, name: str, folder: Path) -> None:
    register(ci, name, folder)
    with pytest.raises(
        ToolkitError, match=f"has this content as {name}:1, and returned that: there is no other"
    ) as told:
        register(ci, "other", folder)
    assert "--unique" in (told.value.hint or "")
    assert register(ci, "other", folder, unique=True).name == "other"


def test_warnings_and_progress(ci: Access, name: str, folder: Path) -> None:
    (folder / ".env").write_text("A=1")
    with (folder / "large.bin").open("wb") as file:
        file.truncate(2_000_000)
    lines: list[str] = []
    warnings: list[str] = []
    register(ci, name, folder, progress=lines.append, warn=warnings.append)
    assert lines[0] == f"registering 4 files, 2.0 MB, as {name}:1"
    assert lines[-1] == "uploaded 100 %"
    assert [warning.split(" looks")[0] for warning in warnings] == [".env"]


def runner_of(connection: Connection, outputs: dict[str, Any]) -> Access:
    return access(connection, outputs, "runner")


def test_without_a_data_role_the_refusal_names_it(ml: Workspace, name: str, folder: Path) -> None:
    """The engineer owns the subscription, and owning is no data role."""
    with pytest.raises(ToolkitError, match=r"no data role on .*\(AuthorizationPermissionMismatch\)") as refused:
        register(runner_of(ml.sandbox.connection, ml.outputs()), name, folder)
    assert "Storage Blob Data Contributor" in (refused.value.hint or "")


def test_a_closed_account_names_the_firewall(ml: Workspace, ci: Access, name: str, folder: Path) -> None:
    closed = {"properties": {"networkAcls": {"defaultAction": "Deny"}}}
    opened = {"properties": {"networkAcls": {"defaultAction": "Allow"}}}
    assert ml.rest("PATCH", ml.account_id, "2023-05-01", closed).is_success
    try:
        outside = access(ml.sandbox.connection, ml.outputs(), "ci", "internet")
        for act in (lambda: register(outside, name, folder), lambda: Pointers(outside, name).show()):
            with pytest.raises(ToolkitError, match=r"403 AuthorizationFailure") as refused:
                act()
            assert "--vantage vnet" in (refused.value.hint or "")
    finally:
        assert ml.rest("PATCH", ml.account_id, "2023-05-01", opened).is_success


def test_a_workspace_that_is_gone(ml: Workspace, name: str, folder: Path) -> None:
    """Seen by somebody who may read the group, as CI may."""
    gone = runner_of(ml.sandbox.connection, ml.outputs(machine_learning_workspace_id=ml.id + "x"))
    for act in (lambda: register(gone, name, folder), lambda: Pointers(gone, name).publish("1", ORIGIN)):
        with pytest.raises(
            ToolkitError, match=r"is not there: it was deleted, and may stand soft-deleted|has no"
        ) as told:
            act()
        assert "recover it within 14 days" in (told.value.hint or "")


def test_keys_that_are_off_are_explained(ml: Workspace, ci: Access, name: str, folder: Path) -> None:
    try:
        ml.mode("AccessKey", keys=False)
        with pytest.raises(ToolkitError, match="which takes no keys"):
            register(ci, name, folder)
    finally:
        ml.mode("Identity", keys=False)


def test_a_place_or_an_identity_that_is_not_to_be_had(ml: Workspace) -> None:
    connection = ml.sandbox.connection
    with pytest.raises(UsageError, match="cannot act from 'vnett'") as place:
        access(connection, ml.outputs(), "ci", "vnett")
    assert place.value.hint == "did you mean 'vnet'?"
    with pytest.raises(UsageError, match="cannot act as CI's identity"):
        access(connection, ml.outputs(identities={}), "ci")
    with pytest.raises(ToolkitError, match="have no machine_learning_workspace_id"):
        _ = access(connection, {}, "runner").workspace_id


# -- pointers ----------------------------------------------------------------------------------------------------------


def test_a_pointer_says_what_azure_ml_registered(ml: Workspace, ci: Access, name: str, folder: Path) -> None:
    (made,) = published(ci, name, folder)
    raw = container(ml).download_blob(f"code-assets/{name}/latest.json")
    assert raw.properties.content_settings.content_type == "application/json"
    assert json.loads(raw.readall()) == {
        "schemaVersion": 1,
        "assetName": name,
        "version": "1",
        "workspaceName": ml.name,
        "resourceGroup": ml.group,
        "subscriptionId": ml.sandbox.subscription_id,
        "buildId": "7",
        "sourceBranch": "refs/heads/main",
        "sourceVersion": "abc",
        "registeredAtUtc": (made.registered_at or "").replace("+00:00", "Z"),
    }
    with Pointers(ci, name) as pointers:
        assert pointers.problems() == []


def test_what_the_workspace_lacks_is_not_published(ml: Workspace, ci: Access, name: str, folder: Path) -> None:
    published(ci, name, folder)
    with Pointers(ci, name) as pointers:
        before = pointers.show()
        with pytest.raises(ToolkitError, match=f"nothing was published: the workspace {ml.name} has no {name}:9"):
            pointers.publish("9", ORIGIN)
        assert pointers.show() == before
        assert len(pointers.history()) == 1


def test_history_and_rollback(ml: Workspace, ci: Access, name: str, folder: Path) -> None:
    published(ci, name, folder, 3)
    with Pointers(ci, name) as pointers:
        assert [one.pointer.version for one in pointers.history()] == ["3", "2", "1"]
        assert pointers.rollback().pointer.version == "2"
        assert pointers.rollback("1").pointer.version == "1"
        assert pointers.show().pointer.buildId == "7"
        assert [one.pointer.version for one in pointers.history()] == ["1", "2", "3", "2", "1"]
        with pytest.raises(ToolkitError, match=rf"{name}:8 was never published \(published: 1, 2, 3\)"):
            pointers.rollback("8")
        ml.rest("DELETE", f"{ml.id}/codes/{name}/versions/3", "2025-12-01")
        with pytest.raises(ToolkitError, match=f"has no {name}:3 any more"):
            pointers.rollback("3")
        assert pointers.show().pointer.version == "1"


def test_the_first_publish_has_nothing_to_go_back_to(ci: Access, name: str, folder: Path) -> None:
    with Pointers(ci, name) as pointers:
        with pytest.raises(ToolkitError, match="was never published"):
            pointers.show()
        assert pointers.history() == []
        with pytest.raises(ToolkitError, match="has no earlier version"):
            pointers.rollback()
    published(ci, name, folder)
    with Pointers(ci, name) as pointers, pytest.raises(ToolkitError, match=r"has no earlier version \(published: 1\)"):
        pointers.rollback()


@pytest.mark.parametrize("standing", [False, True], ids=["first", "later"])
def test_of_two_publishers_one_wins_and_the_other_is_told_what_won(
    ci: Access, name: str, folder: Path, standing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the same before either writes."""
    if standing:
        published(ci, name, folder)
    for _ in range(2):
        (folder / "train.py").write_text(str(uuid.uuid4()))
        register(ci, name, folder)
    versions = ["2", "3"] if standing else ["1", "2"]
    barrier = threading.Barrier(2)
    read = Pointers._read

    def reading(self: Pointers, blob: str) -> Any:
        found = read(self, blob)
        if blob.endswith("latest.json") and not getattr(self, "waited", False):
            self.waited = True  # type: ignore[attr-defined]
            barrier.wait(30)
        return found

    monkeypatch.setattr(Pointers, "_read", reading)
    ended: dict[str, Any] = {}

    def publish(version: str) -> None:
        with Pointers(ci, name) as pointers:
            try:
                ended[version] = pointers.publish(version, ORIGIN).pointer.version
            except LostRace as lost:
                ended[version] = lost

    threads = [threading.Thread(target=publish, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    monkeypatch.setattr(Pointers, "_read", read)
    (winner,) = [version for version in versions if ended[version] == version]
    (lost,) = [one for one in ended.values() if isinstance(one, LostRace)]
    assert f"another publisher was quicker, and the pointer names {name}:{winner}" in lost.message
    with Pointers(ci, name) as pointers:
        assert pointers.show().pointer.version == winner
        assert next(one.pointer.version for one in pointers.history()) == winner
        assert pointers.problems() == []


def test_a_publisher_that_died_before_the_history_loses_nothing(
    ci: Access, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(ci, name, folder)
    (folder / "train.py").write_text(str(uuid.uuid4()))
    register(ci, name, folder)

    with Pointers(ci, name) as pointers:
        keep = Pointers._keep
        calls: list[Any] = []

        def second(self: Pointers, found: Any) -> None:
            calls.append(found)
            if len(calls) == 2:
                raise KeyboardInterrupt
            keep(self, found)

        monkeypatch.setattr(Pointers, "_keep", second)
        with pytest.raises(KeyboardInterrupt):
            pointers.publish("2", ORIGIN)
        monkeypatch.setattr(Pointers, "_keep", keep)
        assert [one.pointer.version for one in pointers.history()] == ["2", "1"]
        pointers.publish("1", ORIGIN)
        assert [one.pointer.version for one in pointers.history()] == ["1", "2", "1"]


BROKEN: dict[str, tuple[bytes | dict[str, Any], str]] = {
    "no JSON": (b"<xml/>", "is not JSON"),
    "an older form": ({"schemaVersion": ...}, "is no pointer: schemaVersion"),
    "a newer schema": ({"schemaVersion": 2}, "is of schema 2"),
    "another workspace": ({"workspaceName": "mlw-other"}, "workspaceName is 'mlw-other', and the platform's is"),
    "another asset": ({"assetName": "scoring-code"}, "assetName is 'scoring-code'"),
    "another subscription": ({"subscriptionId": str(uuid.uuid4())}, "subscriptionId is"),
    "another group": ({"resourceGroup": "rg-other"}, "resourceGroup is 'rg-other'"),
    "a version that is not there": ({"version": "99"}, ":99"),
    "a clock ahead": ({"registeredAtUtc": "2999-01-01T00:00:00Z"}, "clock is wrong"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_verify_finds_what_is_wrong_and_publishing_repairs_it(
    ml: Workspace, ci: Access, name: str, folder: Path, case: str
) -> None:
    change, words = BROKEN[case]
    published(ci, name, folder)
    blob = container(ml).get_blob_client(f"code-assets/{name}/latest.json")
    good = json.loads(blob.download_blob().readall())
    content = (
        change
        if isinstance(change, bytes)
        else json.dumps({key: value for key, value in {**good, **change}.items() if value is not ...}).encode()
    )
    blob.upload_blob(content, overwrite=True)
    with Pointers(ci, name) as pointers:
        assert [words in problem for problem in pointers.problems()] == [True]
        if case == "a newer schema":
            with pytest.raises(ToolkitError, match="is of schema 2"):
                pointers.publish("1", ORIGIN)
            return
        pointers.publish("1", ORIGIN)
        assert pointers.problems() == []
        assert isinstance(pointers.show().pointer, Pointer)


# -- the commands ------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(ml: Workspace, project_dir: Path) -> Iterator[Any]:
    yield from commands(ml, project_dir)


def test_the_commands(command: Any, ml: Workspace, name: str, folder: Path, tmp_path: Path) -> None:
    """The way of a CI job, in both systems, as docs/runtime-contract.md has it."""
    where = ("local", name)
    done = command("assets", "register", *where, "--path", str(folder), "--as", "ci", "--ci", "azure-devops")
    assert done.returncode == 0, done.stderr
    version, id_, again, summary, sentence = done.stdout.splitlines()
    variable = re.sub("-(.)", lambda found: found[1].upper(), name)
    assert version == f"##vso[task.setvariable variable={variable}Version;isOutput=true]1"
    assert id_.endswith(f"]{ml.id}/codes/{name}/versions/1")
    assert again.endswith("]false")
    assert Path(summary.removeprefix("##vso[task.uploadsummary]")).read_text().startswith(f"### Code asset {name}:1\n")
    assert sentence == f"registered {name}:1 (2 files, 0.0 MB)"
    output, page = tmp_path / "output", tmp_path / "summary"
    done = command(
        *("assets", "register", *where, "--path", str(folder), "--as", "ci", "--ci", "github", "--json"),
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(page),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["version"], document["requested_version"], document["deduplicated"]) == ("1", "2", True)
    assert f"{variable}Version<<toolkit_" in output.read_text()
    assert "deduplicated" in page.read_text()

    variables = {
        "TF_BUILD": "True",
        "BUILD_BUILDID": "77",
        "BUILD_SOURCEBRANCH": "refs/heads/x",
        "BUILD_SOURCEVERSION": "ab",
    }
    done = command("assets", "publish", *where, "--version", "1", "--as", "ci", **variables)
    assert (done.returncode, done.stdout) == (0, f"published {name}:1 in ml-globals/code-assets/{name}/latest.json\n")
    shown = json.loads(command("assets", "show", *where, "--as", "ci", "--json").stdout)
    assert (shown["version"], shown["buildId"], shown["sourceBranch"]) == ("1", "77", "refs/heads/x")
    assert command("assets", "verify", *where, "--as", "ci").stdout.endswith("latest.json is valid\n")
    listed = command("assets", "history", *where, "--as", "ci").stdout.splitlines()
    assert (listed[0].split()[1], listed[1].split()[1:3]) == ("VERSION", ["1", "77"])
    refused = command("assets", "publish", *where, "--version", "$(trainingCodeVersion)", "--as", "ci")
    assert (refused.returncode, "a variable that was never set" in refused.stderr) == (3, True)
    refused = command("assets", "rollback", *where, "--as", "ci")
    assert (refused.returncode, "has no earlier version" in refused.stderr) == (1, True)
    blob = container(ml).get_blob_client(f"code-assets/{name}/latest.json")
    blob.upload_blob(b"{}", overwrite=True)
    wrong = command("assets", "verify", *where, "--as", "ci", "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["valid"]) == (1, False)


def test_who_owns_everything_publishes_nothing_without_the_role(command: Any, name: str, folder: Path) -> None:
    done = command("assets", "show", "local", name)
    assert done.returncode == 1
    assert "AuthorizationPermissionMismatch" in done.stderr
    assert "--as ci" in done.stderr


def test_bad_input_is_one_clear_error(command: Any, name: str, tmp_path: Path) -> None:
    cases = {
        ("register", "local", name, "--path", str(tmp_path / "no")): "there is no directory",
        ("register", "local", "a.b", "--path", str(tmp_path)): "takes no code asset called",
        ("register", "local", name, "--path", str(tmp_path), "--as", "ci"): "it is empty",
        ("publish", "local", name): "Missing option '--version'",
        ("show", "loca", name): "did you mean",
    }
    for arguments, words in cases.items():
        done = command("assets", *arguments)
        assert done.returncode == 3, (arguments, done.stderr)
        assert words in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_the_commands_of_the_documentation(command: Any, project_dir: Path, tmp_path: Path) -> None:
    """Every ``toolkit`` line of docs/runtime-contract.md about assets, in order, in a folder with code."""
    text = (Path(__file__).parents[2] / "docs" / "runtime-contract.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("toolkit assets ")]
    assert {line.split()[2] for line in lines} == {"register", "publish", "show", "history", "rollback", "verify"}
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(str(uuid.uuid4()))
    said = []
    for line in lines:
        words = [str(tmp_path / "src") if word == "src" else word for word in line.split()[1:]]
        done = command(*words)
        assert done.returncode == 0, (line, done.stderr)
        said.append(done.stdout)
    assert said[1].startswith("requested training-code:2, registered training-code:1, deduplicated")
    assert json.loads(said[2])["version"] == "2"
    assert said[-1].startswith("rolled back to training-code:1")
