"""Where the sandbox keeps its things, and the few knobs that a user can turn."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import write_atomically
from toolkit.records import Json, read_record, write_record

PORT_BASE_VARIABLE = "TOOLKIT_SANDBOX_PORT_BASE"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class SandboxPaths:
    """The state folder, ``<project>/.toolkit/sandbox``: all that the sandbox writes is below it."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "state.sqlite3"

    @property
    def ca_certificate(self) -> Path:
        return self.root / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.root / "ca.key"

    @property
    def entra_key(self) -> Path:
        return self.root / "entra.key"

    @property
    def github_key(self) -> Path:
        return self.root / "github.key"

    @property
    def azure_devops_key(self) -> Path:
        return self.root / "azure-devops.key"

    @property
    def engineer_secret(self) -> Path:
        return self.root / "engineer.secret"

    @property
    def control_token(self) -> Path:
        return self.root / "control.token"

    @property
    def announcement(self) -> Path:
        """Written atomically once everything answers: ports, process id, the engineer's ids. Holds no secret."""
        return self.root / "sandbox.json"

    @property
    def start_lock(self) -> Path:
        """Held by a client while it starts the daemon."""
        return self.root.parent / "sandbox.lock"

    @property
    def daemon_lock(self) -> Path:
        """Held by the daemon for as long as it lives; the kernel frees it even after kill -9."""
        return self.root / "daemon.lock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def server_log(self) -> Path:
        return self.logs / "server.log"

    @property
    def request_log(self) -> Path:
        return self.logs / "requests.jsonl"


def port_base() -> int | None:
    """The first of the fixed ports that the user wants, None for free ones. UsageError when it is not a port."""
    text = os.environ.get(PORT_BASE_VARIABLE, "")
    if not text:
        return None
    if not text.isdigit() or not 1024 <= int(text) <= 65000:
        raise UsageError(
            f"{PORT_BASE_VARIABLE}={text} is not a port", hint="a number between 1024 and 65000, or unset it"
        )
    return int(text)


def read_announcement(paths: SandboxPaths) -> Json:
    """What the daemon announced, ``{}`` when there is nothing; the ports stay there after it stopped."""
    return read_record(paths.announcement)


def write_announcement(paths: SandboxPaths, announcement: Json) -> None:
    write_record(paths.announcement, announcement)


def random_secret(path: Path) -> str:
    """The secret kept in ``path``, made at the first call."""
    if not path.exists():
        write_atomically(path, secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii")
