"""The life of the real daemon: starting, stopping, dying, and being repaired with its state intact."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobServiceClient

from tests.conftest import copy_project
from toolkit.errors import ToolkitError, UsageError
from toolkit.files import locked, try_lock
from toolkit.processes import identify, start_time
from toolkit.sandbox import client
from toolkit.sandbox.client import Sandbox, ensure_running, find_running, sandbox_paths
from toolkit.sandbox.model import VANTAGES

pytestmark = pytest.mark.contract

TENANT = "11fe0000-0000-4000-8000-000000000001"
SUBSCRIPTION = "11fe0000-0000-4000-8000-000000000002"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"


@contextmanager
def temporary_project(path: Path) -> Iterator[Path]:
    copy_project(path)
    try:
        yield path
    finally:
        client.stop(path)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    with temporary_project(tmp_path / "project") as path:
        yield path


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> None:
    waiting = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        waiting.wait(0.02)
    raise AssertionError(f"the condition did not come true in {seconds} s")


def kill_and_wait(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: start_time(pid) is None)


def is_free(path: Path) -> bool:
    lock = try_lock(path)
    if lock is None:
        return False
    lock.close()
    return True


def toolkit(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments],
        env={**os.environ, "TOOLKIT_PROJECT": str(project), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


class Engineer:
    """The sandbox's engineer with real clients, at the vantage that a firewall lets through."""

    def __init__(self, sandbox: Sandbox) -> None:
        vantage = sandbox.subscription(TENANT, SUBSCRIPTION)["internet"]
        settings = sandbox.engineer_settings(TENANT, SUBSCRIPTION)
        proxy = vantage.settings["HTTPS_PROXY"]
        self.options: dict[str, Any] = {
            "proxies": {"https": proxy, "http": proxy},
            "connection_verify": vantage.settings["REQUESTS_CA_BUNDLE"],
        }
        self.credential = ClientSecretCredential(
            TENANT, settings["AZURE_CLIENT_ID"], settings["AZURE_CLIENT_SECRET"], **self.options
        )
        token = self.credential.get_token("https://management.azure.com/.default").token
        self.arm = httpx.Client(
            base_url="https://management.azure.com",
            proxy=proxy,
            verify=ssl.create_default_context(cafile=vantage.settings["SSL_CERT_FILE"]),
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=60,
        )

    def put(self, path: str, version: str, body: dict[str, Any]) -> None:
        answer = self.arm.put(f"{path}?api-version={version}", json=body)
        assert answer.status_code in (200, 201, 202), answer.text

    def make_account(self, name: str, object_id: str) -> None:
        self.arm.post(f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage/register?api-version=2022-12-01")
        self.put(GROUP, "2022-12-01", {"location": "westeurope"})
        account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{name}"
        body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
        self.put(account, "2023-05-01", body)
        self.put(f"{account}/blobServices/default/containers/data", "2023-05-01", {"properties": {}})
        role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{BLOB_DATA_OWNER}"
        properties = {"roleDefinitionId": role, "principalId": object_id, "principalType": "ServicePrincipal"}
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, account))
        self.put(
            f"{account}/providers/Microsoft.Authorization/roleAssignments/{name}",
            "2022-04-01",
            {"properties": properties},
        )

    def blobs(self, account: str) -> BlobServiceClient:
        return BlobServiceClient(f"https://{account}.blob.core.windows.net", self.credential, **self.options)


# -- starting ----------------------------------------------------------------------------------------------------------


def test_it_starts_once_and_is_found_again(project: Path) -> None:
    first = ensure_running(project)
    assert ensure_running(project).process == first.process
    status = first.status()
    assert status["pid"] == first.process.pid
    assert {"login.microsoftonline.com", "management.azure.com", "*.blob.core.windows.net", "*.vault.azure.net"} <= set(
        status["hosts"]
    )
    assert status["memory_bytes"] < 200 * 2**20


def test_starters_at_the_same_time_end_with_one_daemon(project: Path) -> None:
    script = (
        "import sys, pathlib; from toolkit.sandbox.client import ensure_running;"
        "print(ensure_running(pathlib.Path(sys.argv[1])).process.pid)"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", script, str(project)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    pids = {starter.communicate(timeout=120)[0].strip() for starter in starters}
    assert len(pids) == 1
    assert pids == {str(ensure_running(project).process.pid)}


def test_a_starter_that_is_killed_leaves_a_daemon_that_is_found(project: Path) -> None:
    script = "import sys, pathlib; from toolkit.sandbox import client; client.ensure_running(pathlib.Path(sys.argv[1]))"
    starter = subprocess.Popen([sys.executable, "-c", script, str(project)])
    paths = sandbox_paths(project)
    wait_for(lambda: paths.daemon_lock.exists() and try_lock(paths.daemon_lock) is None)
    starter.kill()
    starter.wait()
    sandbox = ensure_running(project)
    assert sandbox.status()["pid"] == sandbox.process.pid
    assert paths.server_log.read_text().count("ready after") == 1, "a second daemon was started"


def test_two_checkouts_do_not_meet(project: Path, tmp_path: Path) -> None:
    with temporary_project(tmp_path / "other") as other:
        one, two = ensure_running(project), ensure_running(other)
        assert one.process != two.process
        ports = [s.subscription(TENANT, SUBSCRIPTION)["internet"].proxy_port for s in (one, two)]
        assert ports[0] != ports[1]
        assert one.ca.read_bytes() != two.ca.read_bytes()
        client.stop(other)
        assert one.status()["pid"] == one.process.pid


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's table of sockets")
def test_it_listens_on_loopback_only(project: Path) -> None:
    sandbox = ensure_running(project)
    vantages = sandbox.subscription(TENANT, SUBSCRIPTION).values()
    ports = {sandbox.control_port, *(v.proxy_port for v in vantages), *(v.dns_port for v in vantages)}
    listening: dict[int, set[str]] = {}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            address, _, port = line.split()[1].rpartition(":")
            if line.split()[3] in ("0A", "07"):  # LISTEN; 07 is what an unconnected UDP socket shows
                listening.setdefault(int(port, 16), set()).add(address)
    assert {port: listening.get(port) for port in ports} == {port: {"0100007F"} for port in ports}


def test_a_fixed_port_that_is_taken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("TOOLKIT_SANDBOX_PORT_BASE", str(port))
        with pytest.raises(ToolkitError) as caught:
            ensure_running(project)
    assert f"port {port} is taken" in caught.value.message
    assert "TOOLKIT_SANDBOX_PORT_BASE" in str(caught.value.hint)
    assert not client.stop(project), "a daemon was left behind"


def free_range(count: int) -> int:
    """The first of some consecutive free ports, below the ephemeral range, where nobody takes one meanwhile."""
    for base in range(21_000, 30_000, count):
        with ExitStack() as probes:
            try:
                for port in range(base, base + count):
                    probes.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return base
    raise AssertionError("no free range of ports")


def test_fixed_ports(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    number = 1 + 2 * len(VANTAGES)  # control, and of each vantage a proxy and a resolver
    base = free_range(number)
    monkeypatch.setenv("TOOLKIT_SANDBOX_PORT_BASE", str(base))
    sandbox = ensure_running(project)
    places = sandbox.subscription(TENANT, SUBSCRIPTION).values()
    ports = [sandbox.control_port, *(port for p in places for port in (p.proxy_port, p.dns_port))]
    assert ports == list(range(base, base + number))


def test_a_port_base_that_is_no_port(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_SANDBOX_PORT_BASE", "eighty")
    with pytest.raises(UsageError, match="TOOLKIT_SANDBOX_PORT_BASE=eighty is not a port"):
        ensure_running(project)
    assert not sandbox_paths(project).root.exists()


def test_a_remembered_port_that_is_taken_is_replaced(project: Path) -> None:
    before = ensure_running(project).subscription(TENANT, SUBSCRIPTION)
    client.stop(project)
    with socket.create_server(("127.0.0.1", before["internet"].proxy_port)):
        after = ensure_running(project).subscription(TENANT, SUBSCRIPTION)
    assert after["internet"].proxy_port != before["internet"].proxy_port
    assert after["vnet"].proxy_port == before["vnet"].proxy_port


def test_azurite_that_does_not_start(project: Path) -> None:
    paths = sandbox_paths(project)
    command = json.dumps([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"])
    with locked(paths.start_lock), pytest.raises(ToolkitError) as caught:
        client.start_daemon(paths, ["-m", "toolkit.sandbox.server", "--azurite", command])
    assert "the sandbox cannot start: Azurite did not start" in caught.value.message
    assert "no such thing" in caught.value.message


def test_a_daemon_that_breaks_shows_the_end_of_its_log(project: Path) -> None:
    paths = sandbox_paths(project)
    with locked(paths.start_lock), pytest.raises(ToolkitError, match="the end of its log") as caught:
        client.start_daemon(paths, ["-c", "raise RuntimeError('broken on purpose')"])
    assert "broken on purpose" in caught.value.message
    assert str(paths.server_log) in str(caught.value.hint)


# -- stopping ----------------------------------------------------------------------------------------------------------


def test_stop_ends_all_processes_and_keeps_the_state(project: Path) -> None:
    sandbox = ensure_running(project)
    azurite = identify(sandbox.status()["azurite_pid"])
    assert azurite is not None
    assert client.stop(project)
    assert not sandbox.process.alive()
    wait_for(lambda: not azurite.alive())
    assert find_running(sandbox.paths) is None
    assert sandbox.paths.database.exists()
    assert not client.stop(project), "there was nothing left to stop"


def test_reset_forgets_everything(project: Path) -> None:
    sandbox = ensure_running(project)
    secret = sandbox.engineer_secret_file.read_text()
    assert client.reset(project)
    assert not sandbox.process.alive()
    assert not sandbox.paths.root.exists()
    assert not client.reset(project), "there was nothing left to forget"
    again = ensure_running(project)
    assert again.engineer_secret_file.read_text() != secret


def test_a_daemon_without_its_state_folder_ends(project: Path) -> None:
    sandbox = ensure_running(project)
    azurite = identify(sandbox.status()["azurite_pid"])
    shutil.rmtree(sandbox.paths.root)
    wait_for(lambda: not sandbox.process.alive())
    assert azurite is not None
    wait_for(lambda: not azurite.alive())
    assert ensure_running(project).process != sandbox.process


def test_a_daemon_that_hangs_is_ended(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_CONTROL_SECONDS", 0.5)
    sandbox = ensure_running(project)
    os.kill(sandbox.process.pid, signal.SIGSTOP)
    with pytest.raises(ToolkitError, match="does not answer on its control port"):
        sandbox.status()
    assert client.stop(project)
    assert not sandbox.process.alive()


# -- dying -------------------------------------------------------------------------------------------------------------


def test_kill_9_of_the_daemon_loses_nothing(project: Path) -> None:
    sandbox = ensure_running(project)
    before, azurite = Engineer(sandbox), identify(sandbox.status()["azurite_pid"])
    before.make_account("survivor", sandbox.engineer_object_id)
    before.blobs("survivor").get_blob_client("data", "kept.txt").upload_blob(b"kept")
    ports = {name: vantage.proxy_port for name, vantage in sandbox.subscription(TENANT, SUBSCRIPTION).items()}

    kill_and_wait(sandbox.process.pid)
    with pytest.raises(ToolkitError, match="does not answer on its control port") as caught:
        sandbox.status()
    assert "toolkit sandbox start" in str(caught.value.hint)

    repaired = ensure_running(project)
    assert repaired.process != sandbox.process
    assert {n: v.proxy_port for n, v in repaired.subscription(TENANT, SUBSCRIPTION).items()} == ports
    assert azurite is not None
    assert not azurite.alive(), "the dead daemon's Azurite was left behind"
    after = Engineer(repaired)
    assert after.arm.get(f"{GROUP}?api-version=2022-12-01").status_code == 200
    assert after.blobs("survivor").get_blob_client("data", "kept.txt").download_blob().readall() == b"kept"
    # A client that was there before goes on: same ports, same authority, same keys and secret.
    assert before.blobs("survivor").get_blob_client("data", "kept.txt").exists()


def test_kill_9_of_azurite_is_repaired_by_the_daemon(project: Path) -> None:
    sandbox = ensure_running(project)
    engineer = Engineer(sandbox)
    engineer.make_account("phoenix", sandbox.engineer_object_id)
    blob = engineer.blobs("phoenix").get_blob_client("data", "kept.txt")
    blob.upload_blob(b"kept")
    killed = sandbox.status()["azurite_pid"]
    kill_and_wait(killed)
    assert blob.download_blob().readall() == b"kept"
    assert sandbox.status()["azurite_pid"] not in (None, killed)


def test_a_stranger_with_the_recorded_process_number_is_left_alone(project: Path) -> None:
    sandbox = ensure_running(project)
    kill_and_wait(sandbox.process.pid)
    # The last thread of a killed process may hold its files a moment longer than the process is seen.
    wait_for(lambda: is_free(sandbox.paths.daemon_lock))
    announcement = json.loads(sandbox.paths.announcement.read_bytes())
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        sandbox.paths.announcement.write_text(json.dumps({**announcement, "pid": stranger.pid}))
        assert find_running(sandbox.paths) is None
        assert client.stop(project) is False
        repaired = ensure_running(project)
        assert stranger.poll() is None, "the stranger was ended"
        assert repaired.process.pid != stranger.pid
    finally:
        stranger.kill()
        stranger.wait()


# -- the command line --------------------------------------------------------------------------------------------------


def test_the_commands(project: Path) -> None:
    down = toolkit(project, "sandbox", "status", "--json")
    assert (down.returncode, json.loads(down.stdout)) == (1, {"running": False})
    started = toolkit(project, "sandbox", "start")
    assert started.returncode == 0, started.stderr
    assert started.stdout.startswith("the sandbox runs (process ")
    up = toolkit(project, "sandbox", "status", "--json")
    assert (up.returncode, json.loads(up.stdout)["running"]) == (0, True)
    logs = toolkit(project, "sandbox", "logs", "-n", "3")
    assert "ready after" in logs.stdout
    refused = toolkit(project, "sandbox", "reset")
    assert refused.returncode == 4
    assert "toolkit sandbox reset --yes" in refused.stderr
    assert find_running(sandbox_paths(project)) is not None
    assert toolkit(project, "sandbox", "stop").stdout == "the sandbox is stopped\n"
    assert toolkit(project, "sandbox", "reset", "--yes").returncode == 0
    assert not sandbox_paths(project).root.exists()


def test_env_points_a_shell_at_the_sandbox_without_printing_the_secret(project: Path) -> None:
    result = toolkit(project, "sandbox", "env", "--vantage", "vnet")
    assert result.returncode == 0, result.stderr
    secret = sandbox_paths(project).engineer_secret.read_text()
    assert secret not in result.stdout + result.stderr
    script = f"""{result.stdout}
        "{sys.executable}" - <<'PYTHON'
import os
from azure.identity import DefaultAzureCredential
token = DefaultAzureCredential().get_token("https://management.azure.com/.default").token
print(len(token) > 100, os.environ["ARM_CLIENT_SECRET"] == os.environ["AZURE_CLIENT_SECRET"], os.environ["ARM_USE_MSI"])
PYTHON
    """
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "True True false", done.stderr
    assert '"vantage": "vnet"' in sandbox_paths(project).request_log.read_text()


def test_the_profile_decides_how_long_operations_take(project: Path) -> None:
    """A storage account takes some of Azure's time under the realistic profile, and none under the instant one."""

    def create(name: str) -> str:
        parameters = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "location": "westeurope"}
        storage.storage_accounts.begin_create("rg", name, parameters, polling=False)
        return str(storage.storage_accounts.get_properties("rg", name).provisioning_state).rpartition(".")[2]

    sandbox = ensure_running(project)
    place = sandbox.subscription(TENANT, SUBSCRIPTION)["internet"].settings
    options = {"proxies": {"https": place["HTTPS_PROXY"]}, "connection_verify": place["REQUESTS_CA_BUNDLE"]}
    engineer = sandbox.engineer_settings(TENANT, SUBSCRIPTION)
    credential = ClientSecretCredential(TENANT, engineer["AZURE_CLIENT_ID"], engineer["AZURE_CLIENT_SECRET"], **options)
    storage = StorageManagementClient(credential, SUBSCRIPTION, **options)
    _resource_group_and_provider(credential, options)
    assert create("instantly") == "SUCCEEDED"
    assert toolkit(project, "sandbox", "profile", "realistic", "--scale", "1").returncode == 0
    assert create("slowly") == "CREATING"
    assert toolkit(project, "sandbox", "profile", "instant").returncode == 0
    assert create("instantlyagain") == "SUCCEEDED"


def _resource_group_and_provider(credential: Any, options: dict[str, Any]) -> None:
    token = credential.get_token("https://management.azure.com/.default").token
    base = f"https://management.azure.com/subscriptions/{SUBSCRIPTION}"
    context = ssl.create_default_context(cafile=options["connection_verify"])
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(proxy=options["proxies"]["https"], verify=context, headers=headers) as http:
        group = {"location": "westeurope"}
        http.put(f"{base}/resourceGroups/rg?api-version=2024-03-01", json=group).raise_for_status()
        http.post(f"{base}/providers/Microsoft.Storage/register?api-version=2021-04-01").raise_for_status()
