"""Data Lake Storage's own endpoint: the unmodified azure-storage-file-datalake over it, and what it refuses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.filedatalake import DataLakeServiceClient, FileSystemClient
from starlette.requests import Request
from starlette.responses import Response

from tests.unit.sandbox import harness
from tests.unit.sandbox.storage.conftest import ACCOUNT, BLOBS, CONTAINERS, KEY, Gateway
from toolkit.sandbox.model import Origin
from toolkit.sandbox.storage.azurite import AzuriteProcess
from toolkit.sandbox.storage.blobs import AzuriteBlobs
from toolkit.sandbox.storage.datalake import DataLakeService
from toolkit.sandbox.storage.service import StorageService
from toolkit.sandbox.store import Store
from toolkit.sandbox.world import BlobEvent, World

FLAT = "stflat"


@dataclass
class Heard:
    """A subscriber to the events of one account."""

    account_id: str = ""
    events: list[BlobEvent] = field(default_factory=list)

    def awaited(self, account_id: str) -> bool:
        return account_id == self.account_id

    def happened(self, event: BlobEvent) -> None:
        self.events.append(event)


class Both:
    """The Blob and the Data Lake service: the client uses both names."""

    name, hosts = "storage", ("*.core.windows.net",)

    def __init__(self, world: World, blobs: AzuriteBlobs) -> None:
        self._blob, self._lake = StorageService(world, blobs), DataLakeService(world, blobs)

    async def handle(self, request: Request, origin: Origin) -> Response:
        lake = ".dfs." in (request.url.hostname or "")
        return await (self._lake if lake else self._blob).handle(request, origin)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, azurite_command: list[str]) -> Iterator[Gateway]:
    state = tmp_path_factory.mktemp("lake")
    store = Store(state / "state.sqlite3")
    azurite = AzuriteProcess(state, azurite_command)
    blobs = AzuriteBlobs(azurite, store)
    loop = harness.Loop()
    try:
        loop.run(azurite.start())
        world = harness.world(state, store, blobs)
        with harness.served(loop, Both(world, blobs)) as transport:
            made = Gateway(world, loop, azurite, blobs, transport)
            made.configure(isHnsEnabled=True)
            made.configure(FLAT)
            yield made
    finally:
        loop.run(blobs.close())
        loop.run(azurite.stop())
        loop.close()
        store.close()


def lake(
    gateway: Gateway, credential: Any = None, account: str = ACCOUNT, vantage: str = "internet"
) -> DataLakeServiceClient:
    return DataLakeServiceClient(
        f"https://{account}.dfs.core.windows.net",
        credential=credential or gateway.contributor(),
        transport=gateway.transport(vantage),
        retry_total=0,
    )


@pytest.fixture
def files(gateway: Gateway) -> FileSystemClient:
    made = lake(gateway).get_file_system_client(f"fs-{uuid.uuid4().hex[:8]}")
    made.create_file_system()
    return made


def listed(files: FileSystemClient, path: str | None = None, recursive: bool = True) -> list[tuple[str, bool]]:
    return [(one.name, bool(one.is_directory)) for one in files.get_paths(path=path, recursive=recursive)]


def refused(call: Any, *given: Any, **more: Any) -> tuple[int | None, str | None]:
    with pytest.raises(HttpResponseError) as caught:
        call(*given, **more)
    response = caught.value.response
    assert response is not None
    return caught.value.status_code, response.headers.get("x-ms-error-code")


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_is_appended_flushed_and_read(files: FileSystemClient) -> None:
    file = files.create_file("a/b/c.txt", metadata={"kind": "demo"})
    file.append_data(b"hello ", 0, 6)
    assert file.get_file_properties().size == 0, "nothing is flushed yet"
    file.append_data(b"world", 6, 5)
    file.flush_data(11)
    assert file.download_file().readall() == b"hello world"
    assert file.download_file(offset=6, length=3).readall() == b"wor"
    file.append_data(b"!", 11, 1, flush=True)
    assert file.download_file().readall() == b"hello world!"
    found = file.get_file_properties()
    assert (found.size, found.metadata) == (12, {"kind": "demo"})
    assert listed(files) == [("a", True), ("a/b", True), ("a/b/c.txt", False)]


def test_what_the_blob_service_wrote_is_appended_to(gateway: Gateway, files: FileSystemClient) -> None:
    container = gateway.client(gateway.contributor()).get_container_client(files.file_system_name)
    container.upload_blob("deep/down/x.txt", b"one ", metadata={"by": "blob"})
    file = files.get_file_client("deep/down/x.txt")
    file.append_data(b"two", 4, 3)
    file.flush_data(7)
    assert container.download_blob("deep/down/x.txt").readall() == b"one two"
    assert file.get_file_properties().metadata == {"by": "blob"}
    assert listed(files, "deep") == [("deep/down", True), ("deep/down/x.txt", False)]


@pytest.mark.parametrize("size", [1, 5 * 1024 * 1024])
def test_uploads_come_back(files: FileSystemClient, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    file = files.get_file_client("up.bin")
    file.upload_data(content, overwrite=True, chunk_size=1024 * 1024)
    assert file.download_file().readall() == content
    file.upload_data(b"new", overwrite=True)
    assert file.download_file().readall() == b"new"


def test_positions_are_kept_to(files: FileSystemClient) -> None:
    file = files.create_file("f")
    file.append_data(b"abc", 0, 3)
    assert refused(file.flush_data, 4) == (400, "InvalidFlushPosition")
    file.append_data(b"x", 9, 1)
    assert refused(file.flush_data, 10) == (400, "InvalidFlushPosition")
    file = files.create_file("g")
    file.append_data(b"abc", 0, 3, flush=True)
    assert refused(file.append_data, b"x", 2, 1) == (400, "InvalidAppendPosition")


# -- directories -------------------------------------------------------------------------------------------------------


def test_directories_are_listed_page_by_page(files: FileSystemClient) -> None:
    for name in ("d/1", "d/2/x", "d/2/y", "d-other", "e"):
        files.create_file(name)
    assert listed(files, recursive=False) == [("d", True), ("d-other", False), ("e", False)]
    assert listed(files, "d", recursive=False) == [("d/1", False), ("d/2", True)]
    everything = listed(files)
    assert everything == [
        ("d", True), ("d/1", False), ("d/2", True), ("d/2/x", False), ("d/2/y", False), ("d-other", False),
        ("e", False),
    ]  # fmt: skip
    pages = list(files.get_paths(max_results=2).by_page())
    assert [(one.name, bool(one.is_directory)) for page in pages for one in page] == everything
    assert len([*files.get_paths(max_results=3).by_page()]) == 3


def test_a_directory_is_deleted_with_all_that_is_in_it(files: FileSystemClient) -> None:
    files.create_file("d/sub/x")
    files.create_file("d2/x")
    directory = files.get_directory_client("d")
    assert directory.exists()
    directory.delete_directory()
    assert not directory.exists()
    assert listed(files) == [("d2", True), ("d2/x", False)]


def test_renames_move_files_and_directories(files: FileSystemClient) -> None:
    files.create_file("d/sub/x").append_data(b"x", 0, 1, flush=True)
    files.create_directory("to")
    name = files.file_system_name
    files.get_directory_client("d").rename_directory(f"{name}/to/moved")
    assert listed(files) == [("to", True), ("to/moved", True), ("to/moved/sub", True), ("to/moved/sub/x", False)]
    file = files.get_file_client("to/moved/sub/x").rename_file(f"{name}/y z.txt")
    assert file.download_file().readall() == b"x"
    assert refused(files.get_file_client("nothing").rename_file, f"{name}/z") == (404, "SourcePathNotFound")
    assert refused(file.rename_file, f"{name}/no/such/z") == (404, "RenameDestinationParentPathNotFound")
    directory = files.get_directory_client("to")
    assert refused(directory.rename_directory, f"{name}/to/moved/again") == (409, "InvalidRenameSourcePath")
    assert refused(file.rename_file, f"{name}/to") == (409, "PathConflict")
    files.create_directory("full/of")
    assert refused(directory.rename_directory, f"{name}/full") == (409, "DestinationPathIsNotEmpty")


# -- file systems ------------------------------------------------------------------------------------------------------


def rest(gateway: Gateway, method: str, path: str, account: str = ACCOUNT, **headers: str) -> requests.Response:
    """Without a client: other clients than Python's use this endpoint for file systems, too."""
    token = gateway.contributor().get_token("x").token
    sent = {"Authorization": f"Bearer {token}", "x-ms-version": "2023-11-03", **headers}
    session = gateway.transport("internet").session  # type: ignore[attr-defined]
    answer: requests.Response = session.request(method, f"https://{account}.dfs.core.windows.net{path}", headers=sent)
    return answer


def test_file_systems_over_their_own_endpoint(gateway: Gateway) -> None:
    name = f"fs-{uuid.uuid4().hex[:8]}"
    path = f"/{name}?resource=filesystem"
    assert rest(gateway, "HEAD", path).headers["x-ms-error-code"] == "FilesystemNotFound"
    made = rest(gateway, "PUT", path, **{"x-ms-properties": "kind=ZGVtbw=="})
    assert (made.status_code, made.headers["x-ms-namespace-enabled"]) == (201, "true")
    again = rest(gateway, "PUT", path)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "FilesystemAlreadyExists")
    assert rest(gateway, "HEAD", path).headers["x-ms-properties"] == "kind=ZGVtbw=="
    assert rest(gateway, "PATCH", path, **{"x-ms-properties": "other=eA=="}).status_code == 200
    assert rest(gateway, "HEAD", path).headers["x-ms-properties"] == "other=eA=="
    found = rest(gateway, "GET", f"/?resource=account&prefix={name}").json()["filesystems"]
    assert [one["name"] for one in found] == [name]
    container = gateway.world.store.get(
        f"{gateway.configure(isHnsEnabled=True)}/blobServices/default/containers/{name}"
    )
    assert container is not None, "the control plane sees it"
    assert rest(gateway, "DELETE", path).status_code == 202
    assert rest(gateway, "HEAD", path).status_code == 404


def test_a_path_over_its_own_endpoint(gateway: Gateway, files: FileSystemClient) -> None:
    files.create_file("d/x", metadata={"kind": "demo"}).append_data(b"0123456789", 0, 10, flush=True)
    path = f"/{files.file_system_name}/d"
    found = rest(gateway, "HEAD", f"{path}/x")
    assert (found.headers["x-ms-resource-type"], found.headers["content-length"]) == ("file", "10")
    assert (found.headers["x-ms-properties"], found.headers["x-ms-owner"]) == ("kind=ZGVtbw==", "$superuser")
    assert "x-ms-properties" not in rest(gateway, "HEAD", f"{path}/x?action=getStatus").headers
    assert rest(gateway, "HEAD", path).headers["x-ms-resource-type"] == "directory"
    part = rest(gateway, "GET", f"{path}/x", Range="bytes=2-4")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert rest(gateway, "GET", path).json()["error"]["code"] == "PathConflict"
    full = rest(gateway, "DELETE", path)
    assert (full.status_code, full.json()["error"]["code"]) == (409, "DirectoryNotEmpty")
    assert rest(gateway, "DELETE", f"{path}?recursive=true").status_code == 200


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_what_is_not_there_or_something_else(gateway: Gateway, files: FileSystemClient) -> None:
    missing = lake(gateway).get_file_system_client("not-there")
    assert refused(missing.create_file, "x") == (404, "FilesystemNotFound")
    assert refused(missing.get_file_client("x").append_data, b"x", 0, 1) == (404, "FilesystemNotFound")
    assert refused(list, missing.get_paths()) == (404, "FilesystemNotFound")
    file = files.get_file_client("nothing")
    assert refused(file.append_data, b"x", 0, 1) == (404, "PathNotFound")
    assert refused(file.flush_data, 1) == (404, "PathNotFound")
    assert refused(file.delete_file) == (404, "PathNotFound")
    assert refused(list, files.get_paths("nothing")) == (404, "PathNotFound")
    files.create_file("f")
    assert refused(files.create_file, "f/below") == (409, "PathConflict")
    assert refused(files.create_directory, "f") == (409, "PathConflict")
    assert refused(files.get_file_client("f").upload_data, b"x") == (409, "PathAlreadyExists")


def test_access_control_lists_are_the_superusers_or_refused_by_name(gateway: Gateway, files: FileSystemClient) -> None:
    files.create_file("f")
    assert refused(files.get_file_client("f").get_access_control) == (403, "AuthorizationPermissionMismatch")
    data = ("read", "write", "delete", "add/action", "move/action", "runAsSuperUser/action")
    owner = gateway.principal("owner", tuple(f"{BLOBS}/{name}" for name in data), (f"{CONTAINERS}/read",))
    mine = lake(gateway, owner).get_file_system_client(files.file_system_name)
    for path in (mine.get_file_client("f"), mine.get_directory_client("/")):
        found = path.get_access_control()
        assert (found["owner"], found["acl"]) == ("$superuser", "user::rwx,group::r-x,other::---")
    file = mine.get_file_client("f")
    for call in (file.set_access_control, file.update_access_control_recursive):
        assert refused(call, acl="user::rwx") == (501, "NotImplemented")


NEEDED = [
    ("create_file", "write"),
    ("create_directory", "write"),
    ("append", "write"),
    ("delete", "delete"),
    ("list", "read"),
]


@pytest.mark.parametrize(("what", "action"), NEEDED)
def test_a_role_is_needed(gateway: Gateway, files: FileSystemClient, what: str, action: str) -> None:
    files.create_file("f")
    calls = {
        "create_file": lambda fs: fs.create_file("g"),
        "create_directory": lambda fs: fs.create_directory("d"),
        "append": lambda fs: fs.get_file_client("f").append_data(b"x", 0, 1),
        "delete": lambda fs: fs.delete_file("f"),
        "list": lambda fs: list(fs.get_paths()),
    }
    others = tuple(f"{BLOBS}/{one}" for one in ("read", "write", "delete") if one != action)
    without = gateway.principal(f"without-{what}", others)
    client = lake(gateway, without).get_file_system_client(files.file_system_name)
    assert refused(calls[what], client) == (403, "AuthorizationPermissionMismatch")
    having = gateway.principal(f"with-{what}", (f"{BLOBS}/{action}",))
    calls[what](lake(gateway, having).get_file_system_client(files.file_system_name))


def test_the_same_doors_as_the_blob_services(gateway: Gateway, files: FileSystemClient) -> None:
    keyed = lake(gateway, KEY).get_file_system_client(files.file_system_name)
    assert refused(keyed.create_file, "x") == (403, "KeyBasedAuthenticationNotPermitted")
    gateway.configure(isHnsEnabled=True, networkAcls={"defaultAction": "Deny"})
    try:
        assert refused(files.create_file, "x") == (403, "AuthorizationFailure")
    finally:
        gateway.configure(isHnsEnabled=True, allowSharedKeyAccess=True)
    keyed.create_file("x")
    gateway.configure(isHnsEnabled=True)
    answer = rest(gateway, "GET", f"/{files.file_system_name}?resource=filesystem&recursive=true", Authorization="")
    assert answer.status_code in (401, 403)


def test_a_flat_namespace_is_served_without_lists_of_access(gateway: Gateway) -> None:
    files = lake(gateway, account=FLAT).get_file_system_client(f"fs-{uuid.uuid4().hex[:8]}")
    files.create_file_system()
    files.get_file_client("a/b").upload_data(b"1", overwrite=True)
    assert listed(files) == [("a", True), ("a/b", False)]
    assert refused(files.get_file_client("a/b").get_access_control) == (400, "HierarchicalNamespaceNotEnabled")
    account = gateway.world.store.get(gateway.configure(FLAT))
    assert account is not None
    service = harness.resource(
        "Microsoft.Storage/storageAccounts/blobServices", "default", {"deleteRetentionPolicy": {"enabled": True}}
    )
    service.id = f"{account.id}/blobServices/default"
    gateway.world.store.put(service)
    assert refused(files.create_file, "x") == (409, "EndpointUnsupportedAccountFeatures")
    gateway.world.store.delete(service.id)
    files.create_file("x")


def test_what_event_grid_hears(gateway: Gateway, files: FileSystemClient) -> None:
    account_id = gateway.configure(isHnsEnabled=True, kind="StorageV2")
    account = gateway.world.store.get(account_id)
    assert account is not None
    account.body["kind"] = "StorageV2"
    gateway.world.store.put(account)
    heard = Heard(account_id)
    gateway.world.blob_events, before = heard, gateway.world.blob_events
    try:
        file = files.create_file("d/x")
        file.append_data(b"abc", 0, 3)
        file.flush_data(3)
        file.append_data(b"d", 3, 1)
        file.flush_data(4, close=True)
        file.rename_file(f"{files.file_system_name}/d/y")
        files.delete_file("d/y")
        files.create_file("d/z")
        files.delete_directory("d")
    finally:
        gateway.world.blob_events = before
    assert [(one.api, one.blob, one.size) for one in heard.events] == [
        ("CreateFile", "d/x", 0), ("FlushWithClose", "d/x", 4), ("DeleteFile", "d/y", None), ("CreateFile", "d/z", 0),
    ]  # fmt: skip
