"""Azurite's life: what was acknowledged survives every kill -9, and nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError

from tests.unit.sandbox import harness
from tests.unit.sandbox.storage.conftest import ACCOUNT, Gateway, run_gateway
from toolkit.errors import ToolkitError
from toolkit.sandbox.storage.azurite import SLOTS, AzuriteProcess
from toolkit.sandbox.storage.blobs import BlobStorageFull


@pytest.fixture
def own_gateway(tmp_path: Path, azurite_command: list[str]) -> Iterator[Gateway]:
    yield from run_gateway(tmp_path, azurite_command)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    waited = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        waited.wait(0.02)
    pytest.fail("the condition did not come true in time")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_acknowledged_writes_survive_kill_9_of_azurite(own_gateway: Gateway) -> None:
    container = own_gateway.client(own_gateway.contributor()).create_container("state")
    for round_ in range(3):
        blob = container.get_blob_client("terraform.tfstate")
        content = f"serial {round_}".encode() * 1000
        blob.upload_blob(content, overwrite=True)
        container.upload_blob(f"other-{round_}", os.urandom(5 * 2**20))
        lease = blob.acquire_lease(-1)
        pid = own_gateway.azurite.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda killed=pid: own_gateway.azurite.pid != killed)
        assert blob.download_blob().readall() == content
        assert blob.get_blob_properties().lease.state == "leased"
        lease.release()
    assert sorted(blob.name for blob in container.list_blobs()) == [
        "other-0",
        "other-1",
        "other-2",
        "terraform.tfstate",
    ]


def test_kill_9_among_concurrent_writes_keeps_each_acknowledged_one(own_gateway: Gateway) -> None:
    container = own_gateway.client(own_gateway.contributor()).create_container("busy")
    acknowledged: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            name = uuid.uuid4().hex
            try:
                container.upload_blob(name, name.encode())
            except Exception:  # the kill: this one was not acknowledged
                return
            acknowledged.append(name)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    until(lambda: len(acknowledged) > 40)
    assert own_gateway.azurite.pid is not None
    os.kill(own_gateway.azurite.pid, signal.SIGKILL)
    for writer in writers:
        writer.join(0.3)
    stop.set()
    for writer in writers:
        writer.join(30)
    stored = {blob.name: container.download_blob(blob.name).readall() for blob in container.list_blobs()}
    assert set(acknowledged) <= set(stored)
    assert all(content == name.encode() for name, content in stored.items())


def test_a_write_that_the_disk_refuses_is_not_acknowledged(own_gateway: Gateway, tmp_path: Path) -> None:
    container = own_gateway.client(own_gateway.contributor()).create_container("full")
    in_the_way = tmp_path / "azurite" / "__azurite_db_blob__.json~"  # where LokiJS writes before it renames
    in_the_way.mkdir()
    with pytest.raises(HttpResponseError) as refused:
        container.upload_blob("b", b"1")
    assert refused.value.status_code == 503
    assert "cannot save" in (tmp_path / "logs" / "azurite.log").read_text()
    in_the_way.rmdir()
    container.upload_blob("c", b"2")
    killed = own_gateway.azurite.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert container.download_blob("c").readall() == b"2"


def test_it_is_started_again_though_its_log_cannot_be_written(own_gateway: Gateway, tmp_path: Path) -> None:
    """A full disk must not end the supervision. A folder in the log's place refuses every write, for root too."""
    container = own_gateway.client(own_gateway.contributor()).create_container("kept")
    log = tmp_path / "logs" / "azurite.log"
    log.unlink()
    log.mkdir()
    killed = own_gateway.azurite.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: own_gateway.azurite.pid != killed)
    container.upload_blob("b", b"1")


_DAEMON = """
import asyncio, json, sys
from pathlib import Path
from toolkit.sandbox.storage.azurite import AzuriteProcess
async def main():
    process = AzuriteProcess(Path(sys.argv[1]), json.loads(sys.argv[2]))
    await process.start()
    print(process.port, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_azurite_ends_when_its_daemon_is_killed(tmp_path: Path, azurite_command: list[str]) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-c", _DAEMON, str(tmp_path), json.dumps(azurite_command)], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    port = int(daemon.stdout.readline())
    socket.create_connection(("127.0.0.1", port)).close()
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    for gateway in run_gateway(tmp_path, azurite_command):  # waits for the data's lock, so starts only after the orphan
        assert gateway.azurite.port != port
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_two_never_work_on_the_same_data(
    own_gateway: Gateway, tmp_path: Path, azurite_command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.sandbox.storage.azurite._LOCK_SECONDS", 0.1)
    with pytest.raises(ToolkitError, match="another Azurite still works on"):
        own_gateway.loop.run(AzuriteProcess(tmp_path, azurite_command).start())


def test_a_command_that_fails_is_shown_with_its_output(tmp_path: Path) -> None:
    loop = harness.Loop()
    with pytest.raises(ToolkitError, match="no such module"):
        loop.run(AzuriteProcess(tmp_path, ["sh", "-c", "echo no such module; exit 1"]).start())
    with pytest.raises(ToolkitError, match="cannot start Azurite"):
        loop.run(AzuriteProcess(tmp_path, [str(tmp_path / "missing")]).start())
    loop.close()


def test_it_binds_loopback_only_and_stops(tmp_path: Path, azurite_command: list[str]) -> None:
    pids: list[int] = []
    for gateway in run_gateway(tmp_path, azurite_command):
        assert gateway.azurite.pid is not None
        pids.append(gateway.azurite.pid)
        log = (tmp_path / "logs" / "azurite.log").read_text()
        assert f"successfully listens on http://127.0.0.1:{gateway.azurite.port}" in log
    assert not alive(pids[0])


def test_a_deleted_account_leaves_nothing_for_the_next_one(own_gateway: Gateway) -> None:
    container = own_gateway.client(own_gateway.contributor()).create_container("left")
    container.upload_blob("b", b"1")
    container.acquire_lease(-1)
    slot = own_gateway.blobs.slot(ACCOUNT)
    own_gateway.loop.run(own_gateway.blobs.delete_account(ACCOUNT))
    own_gateway.configure("another")
    assert own_gateway.blobs.slot("another") == slot
    assert list(own_gateway.client(own_gateway.contributor(), account="another").list_containers()) == []


def test_the_containers_of_a_deleted_account_take_no_slot_again(own_gateway: Gateway) -> None:
    """ARM tells of an account's deletion first and of its containers' next."""
    run, blobs = own_gateway.loop.run, own_gateway.blobs
    run(blobs.create_container(ACCOUNT, "tfstate"))
    slot = blobs.slot(ACCOUNT)
    run(blobs.delete_account(ACCOUNT))
    run(blobs.delete_container(ACCOUNT, "tfstate"))
    assert blobs.slot("another") == slot


def test_accounts_have_slots_of_their_own_and_too_many_are_refused(own_gateway: Gateway) -> None:
    slots = [own_gateway.blobs.slot(f"acct{number}") for number in range(len(SLOTS))]
    assert len(set(slots)) == len(SLOTS)
    with pytest.raises(BlobStorageFull, match="at most 256"):
        own_gateway.blobs.slot("onemore")


def test_containers_of_the_control_plane(own_gateway: Gateway) -> None:
    run, blobs = own_gateway.loop.run, own_gateway.blobs
    own_gateway.configure(publicNetworkAccess="Disabled")
    run(blobs.create_container(ACCOUNT, "tfstate"))
    run(blobs.create_container(ACCOUNT, "tfstate"))
    own_gateway.configure()
    client = own_gateway.client(own_gateway.contributor())
    assert [container.name for container in client.list_containers()] == ["tfstate"]
    run(blobs.delete_container(ACCOUNT, "tfstate"))
    run(blobs.delete_container(ACCOUNT, "tfstate"))
    assert list(client.list_containers()) == []
