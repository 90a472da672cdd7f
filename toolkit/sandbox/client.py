"""The sandbox from outside: start, find, stop and forget its daemon, and the process environment of its clients.

Used by ``toolkit sandbox`` and ``toolkit/environment/``. Nothing here imports the server.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.files import locked, try_lock
from toolkit.processes import ProcessId
from toolkit.sandbox.model import VANTAGES
from toolkit.sandbox.settings import LOOPBACK, SandboxPaths, port_base, read_announcement
from toolkit.waiting import wait_until

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_CONTROL_SECONDS = 20.0

# Variables of the calling shell that the daemon must not inherit: it dials nobody, and Node would read some of them.
_NOT_INHERITED = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_OPTIONS")
_NOT_INHERITED_PREFIXES = ("AZURE_", "ARM_", "AZURITE_", "ACTIONS_ID_TOKEN_")


@dataclass(frozen=True, slots=True)
class VantagePorts:
    """One vantage of one subscription. ``settings`` put a process there: the proxy and the authority to trust."""

    name: str
    proxy_port: int
    dns_port: int
    settings: Mapping[str, str]


class Sandbox:
    """A running sandbox. Its methods raise ToolkitError when the daemon has died meanwhile."""

    def __init__(self, paths: SandboxPaths, announcement: Mapping[str, Any]) -> None:
        self.paths = paths
        self.process = ProcessId(announcement["pid"], announcement["started"])
        self.control_port: int = announcement["control_port"]
        self.engineer_client_id: str = announcement["engineer"]["client_id"]
        self.engineer_object_id: str = announcement["engineer"]["object_id"]

    @property
    def state_dir(self) -> Path:
        return self.paths.root

    @property
    def ca(self) -> Path:
        return self.paths.ca_certificate

    @property
    def engineer_secret_file(self) -> Path:
        return self.paths.engineer_secret

    def status(self) -> dict[str, Any]:
        """Ports, memory, uptime, hosts that are served: what ``GET /status`` of the control API answers."""
        return self._control("GET", "/status")

    def subscription(
        self,
        tenant_id: str,
        subscription_id: str,
        display_name: str = "",
        core_quotas: Mapping[str, int] | None = None,
        standings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> dict[str, VantagePorts]:
        """Make a subscription known (idempotent): the engineer is its Owner. The vantages to stand in, by name.

        ``core_quotas``: what it was granted of :data:`toolkit.sandbox.vm_sizes.QUOTA_NAMES`. ``standings``: addresses
        and region of vantages, as :class:`toolkit.sandbox.model.Standing` has them. None changes nothing.
        """
        body: dict[str, Any] = {
            "subscription_id": subscription_id,
            "tenant_id": tenant_id,
            "display_name": display_name or f"sandbox {subscription_id[:8]}",
        }
        if core_quotas is not None:
            body["core_quotas"] = dict(core_quotas)
        if standings is not None:
            body["standings"] = {name: dict(said) for name, said in standings.items()}
        opened = self._control("POST", "/subscriptions", body)["vantages"]
        return {
            vantage.name: VantagePorts(
                vantage.name,
                opened[vantage.name]["proxy_port"],
                opened[vantage.name]["dns_port"],
                proxy_settings(self.paths, opened[vantage.name]["proxy_port"]),
            )
            for vantage in VANTAGES
        }

    def engineer_settings(self, tenant_id: str, subscription_id: str) -> dict[str, str]:
        """What makes azure-identity's EnvironmentCredential the engineer. Holds the secret: do not print."""
        return {
            "AZURE_TENANT_ID": tenant_id,
            "AZURE_SUBSCRIPTION_ID": subscription_id,
            "AZURE_CLIENT_ID": self.engineer_client_id,
            "AZURE_CLIENT_SECRET": self.paths.engineer_secret.read_text(encoding="ascii"),
        }

    def federation_settings(self, subject: str, claims: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables that a GitHub Actions job with this subject has to ask for its id token. Holds a secret.

        ``claims`` are those of the token that the subject does not show.
        """
        return self._federation({"subject": subject, "claims": dict(claims or {})})

    def job_settings(self, job: Mapping[str, Any]) -> dict[str, str]:
        """The same for a job that is described (entra/github.py): the issuer makes its subject, as GitHub does."""
        return self._federation({"job": dict(job)})

    def service_connection_settings(self, connection_id: str, issuer: str, subject: str) -> dict[str, str]:
        """The variables that a job of Azure DevOps has for a service connection. Holds a secret."""
        body = {"connection_id": connection_id, "issuer": issuer, "subject": subject}
        answer = self._control("POST", "/service-connection", body)
        return {"SYSTEM_OIDCREQUESTURI": answer["request_uri"], "SYSTEM_ACCESSTOKEN": answer["access_token"]}

    def github_run(self, repository: str, run_id: str, status: str, attempt: int = 1) -> dict[str, str]:
        """Say how a run of GitHub Actions stands. The variable of a job that may read the runs of its repository."""
        body = {"system": "github", "where": repository, "id": run_id, "status": status, "attempt": attempt}
        return {"GITHUB_TOKEN": self._control("POST", "/ci-runs", body)["token"]}

    def azure_pipelines_build(self, project: str, build_id: str, status: str) -> dict[str, str]:
        """The same of a build of Azure Pipelines; ``project`` is ``organisation/project``."""
        body = {"system": "azure-devops", "where": project, "id": build_id, "status": status}
        return {"SYSTEM_ACCESSTOKEN": self._control("POST", "/ci-runs", body)["token"]}

    def _federation(self, body: Mapping[str, Any]) -> dict[str, str]:
        answer = self._control("POST", "/federation", body)
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": answer["request_url"],
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": answer["request_token"],
        }

    def identity_settings(self, resource_id: str) -> dict[str, str]:
        """How code that a resource hosts reaches that resource's managed identities. Holds a secret."""
        answer = self._control("POST", "/identities", {"resource_id": resource_id})
        return {"IDENTITY_ENDPOINT": answer["identity_endpoint"], "IDENTITY_HEADER": answer["identity_header"]}

    def set_profile(self, name: str, scale: float) -> None:
        """How long Azure's long-running operations take here, and rules until they arrive (propagation.py):
        ``instant``, or ``realistic`` or ``worst`` times ``scale``."""
        self._control("POST", "/profile", {"name": name, "scale": scale})

    def advance_clock(self, seconds: float) -> None:
        """Put the clock forward by which data factories fire triggers and wait, and rules arrive.

        It falls back when the daemon ends.
        """
        self._control("POST", "/clock", {"advance": seconds})

    def set_conditions(self, subscription_id: str, **conditions: Any) -> None:
        """In what state a subscription is from now on (conditions.py), instead of what was said before."""
        self._control("POST", "/conditions", {"subscription_id": subscription_id, "conditions": conditions})

    def order_faults(self, *faults: Mapping[str, Any]) -> None:
        """What goes wrong from now on (faults.py), instead of what did."""
        self._control("POST", "/faults", {"faults": [dict(fault) for fault in faults]})

    def faults_happened(self) -> list[int]:
        """How often each of those that were ordered has."""
        happened: list[int] = self._control("GET", "/faults")["happened"]
        return happened

    def request_stop(self) -> None:
        self._control("POST", "/stop", {})

    def _control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        token = self.paths.control_token.read_text(encoding="ascii")
        connection = http.client.HTTPConnection(LOOPBACK, self.control_port, timeout=_CONTROL_SECONDS)
        try:
            connection.request(
                method,
                path,
                body=json.dumps(body) if body is not None else None,
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ToolkitError(
                f"the sandbox does not answer on its control port {self.control_port}: {error}",
                hint=f"`toolkit sandbox start` repairs it; its log is {self.paths.server_log}",
            ) from error
        finally:
            connection.close()
        if response.status >= 400:
            raise ToolkitError(f"sandbox: {answer['error']['message']}", hint=answer["error"].get("hint"))
        return answer


def sandbox_paths(project_dir: Path) -> SandboxPaths:
    """The state folder of a checkout's sandbox: below the checkout, so that two checkouts never meet."""
    return SandboxPaths(project_dir.resolve() / ".toolkit" / "sandbox")


def proxy_settings(paths: SandboxPaths, proxy_port: int) -> dict[str, str]:
    """The variables that put a process behind one proxy port: Go reads SSL_CERT_FILE, requests REQUESTS_CA_BUNDLE.

    Both spellings of the proxy variables, because curl reads only the lower-case http_proxy; an empty NO_PROXY, because
    an inherited one would let names past the proxy.
    """
    proxy = f"http://{LOOPBACK}:{proxy_port}"
    authority = str(paths.ca_certificate)
    return {
        "HTTPS_PROXY": proxy,
        "HTTP_PROXY": proxy,
        "https_proxy": proxy,
        "http_proxy": proxy,
        "NO_PROXY": "",
        "no_proxy": "",
        "SSL_CERT_FILE": authority,
        "REQUESTS_CA_BUNDLE": authority,
        "CURL_CA_BUNDLE": authority,
        "NODE_EXTRA_CA_CERTS": authority,
    }


# -- life cycle --------------------------------------------------------------------------------------------------------


def ensure_running(project_dir: Path, progress: Callable[[str], None] | None = None) -> Sandbox:
    """The checkout's sandbox, started or repaired when needed; two callers at once end with one daemon.

    ``progress`` gets a line for each step that takes time (standard error by default). Raises ToolkitError with the end
    of the daemon's log when it cannot start, UsageError for a wrong ``TOOLKIT_SANDBOX_PORT_BASE``.
    """
    paths, report = sandbox_paths(project_dir), progress or _to_stderr
    if running := find_running(paths):
        return running
    port_base()  # a wrong value is the user's to correct, before anything is touched
    with locked(paths.start_lock):
        if running := find_running(paths):
            return running
        if _daemon_lives(paths):
            if running := _wait_for_announcement(paths, None):
                return running
            _end_hung(paths)
        from toolkit.toolchain.node import azurite_command

        command = azurite_command(progress=report)
        report("starting the sandbox")
        return start_daemon(paths, ["-m", "toolkit.sandbox.server", "--azurite", json.dumps(command)])


def start_daemon(paths: SandboxPaths, arguments: list[str]) -> Sandbox:
    """Start the daemon in a session of its own and wait until it announces itself. The start lock must be held."""
    paths.logs.mkdir(parents=True, exist_ok=True)
    paths.root.chmod(0o700)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in _NOT_INHERITED and not name.startswith(_NOT_INHERITED_PREFIXES)
    }
    with paths.server_log.open("ab") as output:
        written = output.tell()
        child = subprocess.Popen(
            [sys.executable, *arguments, "--state", str(paths.root)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    if running := _wait_for_announcement(paths, child):
        return running
    child.kill()
    child.wait()
    with paths.server_log.open("rb") as file:
        file.seek(written)
        raise _start_failure(paths, file.read().decode("utf-8", "replace"))


def find_running(paths: SandboxPaths) -> Sandbox | None:
    """The sandbox that announced itself and whose process lives; None otherwise. Takes no lock and changes nothing."""
    announcement = read_announcement(paths)
    if "pid" not in announcement:
        return None
    sandbox = Sandbox(paths, announcement)
    return sandbox if sandbox.process.alive() else None


def stop(project_dir: Path) -> bool:
    """Stop the sandbox in order, or end what does not answer; False when none was running. The state stays."""
    paths = sandbox_paths(project_dir)
    if not paths.root.exists():
        return False
    with locked(paths.start_lock):
        return _stop(paths)


def reset(project_dir: Path) -> bool:
    """Stop the sandbox and forget everything that it knows; False when there was nothing."""
    paths = sandbox_paths(project_dir)
    if not paths.root.exists():
        return False
    with locked(paths.start_lock):
        _stop(paths)
        shutil.rmtree(paths.root)
    return True


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _stop(paths: SandboxPaths) -> bool:
    if not _daemon_lives(paths):
        return False
    sandbox = find_running(paths) or _wait_for_announcement(paths, None)
    if sandbox is not None:
        try:
            sandbox.request_stop()
            if wait_until(lambda: not sandbox.process.alive(), _STOP_SECONDS):
                return True
        except ToolkitError:
            pass  # it hangs or dies: ended below
    _end_hung(paths)
    return True


def _end_hung(paths: SandboxPaths) -> None:
    announcement = read_announcement(paths)
    if "pid" in announcement:
        ProcessId(announcement["pid"], announcement["started"]).end()
    if not wait_until(lambda: not _daemon_lives(paths), _STOP_SECONDS):
        raise ToolkitError(
            f"a sandbox daemon holds {paths.daemon_lock} and neither answers nor says which process it is",
            hint=f"end the process that `fuser {paths.daemon_lock}` shows, then try again",
        )


def _daemon_lives(paths: SandboxPaths) -> bool:
    """The kernel's word: a daemon holds its lock until it is gone, however it went."""
    if not paths.daemon_lock.exists():
        return False
    lock = try_lock(paths.daemon_lock)
    if lock is None:
        return True
    lock.close()
    return False


def _wait_for_announcement(paths: SandboxPaths, child: subprocess.Popen[bytes] | None) -> Sandbox | None:
    """The sandbox once it is ready; None when its process ended or took too long."""
    found: list[Sandbox] = []

    def look() -> bool:
        if running := find_running(paths):
            found.append(running)
            return True
        return child.poll() is not None if child else not _daemon_lives(paths)

    wait_until(look, _START_SECONDS)
    return found[0] if found else None


def _start_failure(paths: SandboxPaths, output: str) -> ToolkitError:
    """The daemon's own error where it gave one, else the end of what it wrote."""
    lines = [line for line in output.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if line.startswith("error: "):
            hint = next((x.removeprefix("hint: ") for x in lines[number:] if x.startswith("hint: ")), None)
            message = "\n".join(x for x in lines[number:] if not x.startswith("hint: ")).removeprefix("error: ")
            return ToolkitError(f"the sandbox cannot start: {message}", hint=hint or f"its log is {paths.server_log}")
    tail = "\n".join(f"  {line}" for line in lines[-10:]) or "  (it wrote nothing)"
    return ToolkitError(
        f"the sandbox cannot start; the end of its log:\n{tail}", hint=f"the whole log is {paths.server_log}"
    )
