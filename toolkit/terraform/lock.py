"""One run at a time per environment on this machine, and what a killed run left behind.

``.toolkit/<env>/lock`` is locked with flock(2), which the kernel frees with the process, so a lock is never stale; the
JSON beside it (``lock.json``) says who holds it. Terraform's own lock on the state guards against other machines.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from toolkit.environment import Environment
from toolkit.errors import RefusedError
from toolkit.files import disk_errors, try_lock
from toolkit.processes import ProcessId, identify
from toolkit.records import Json, read_record, write_record
from toolkit.terraform.events import Observer
from toolkit.waiting import steadily, wait_until

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A Terraform process that may have left its lock on the state: killed, or cut off from the state at its end."""

    process: ProcessId
    log: Path
    command: str


@dataclass(slots=True)
class EnvironmentLock:
    """Held for as long as one command works on one environment."""

    path: Path
    record: Json
    left_behind: LeftBehind | None = None

    def terraform_started(self, pid: int, log: Path, command: str) -> None:
        """Remember the child, so that the next run finds it if this one is killed."""
        process = identify(pid)
        if process is not None:
            self._write({"pid": pid, "started": process.started, "log": str(log), "command": command})

    def terraform_ended(self) -> None:
        """It has ended, and holds no lock on the state."""
        self._write(None)

    def _write(self, terraform: Json | None) -> None:
        self.record["terraform"] = terraform
        write_record(_record_path(self.path), self.record)


@contextmanager
def lock_environment(environment: Environment, command: str, observer: Observer) -> Iterator[EnvironmentLock]:
    """Hold the environment's lock; wait first for a Terraform that a killed run left working.

    Raises RefusedError, which names the process, while another command holds it.
    """
    path = environment.state_dir / "lock"
    with disk_errors(f"the lock of {environment.name}"):
        file = try_lock(path)
    if file is None:
        raise _held(environment, read_record(_record_path(path)))
    try:
        left_behind = _left_behind(read_record(_record_path(path)))
        if left_behind is not None:
            _wait_for(left_behind, environment, observer)
        lock = EnvironmentLock(path, _new_record(command), left_behind)
        lock.terraform_ended()
        yield lock
    finally:
        # A record that still names a Terraform is for the next run: that one may have left its lock on the state.
        if not read_record(_record_path(path)).get("terraform"):
            _record_path(path).unlink(missing_ok=True)
        file.close()


def _new_record(command: str) -> Json:
    return {"pid": os.getpid(), "command": command, "since": datetime.now(UTC).isoformat(timespec="seconds")}


def _held(environment: Environment, record: Json) -> RefusedError:
    who = f"process {record['pid']} (`{record['command']}`, since {record['since']})" if record else "another process"
    return RefusedError(
        f"{environment.name} is in use by {who}",
        hint="wait for it, or stop it with Ctrl-C there: an environment takes one run at a time",
    )


def _left_behind(record: Json) -> LeftBehind | None:
    child = record.get("terraform")
    if not child:
        return None
    return LeftBehind(ProcessId(child["pid"], child["started"]), Path(child["log"]), child["command"])


def _wait_for(left: LeftBehind, environment: Environment, observer: Observer) -> None:
    """A Terraform whose toolkit was killed goes on by itself: let it finish, so that its state is whole."""
    if not left.process.alive():
        return
    pid = left.process.pid
    observer.note(
        f"an earlier run on {environment.name} was killed, but its Terraform ({left.command}, process {pid}) is still "
        f"working: waiting for it to end in order (to stop it instead: kill -INT {pid})"
    )
    wait_until(lambda: not left.process.alive(), math.inf, steadily(_POLL_SECONDS))


def _record_path(path: Path) -> Path:
    return path.with_name("lock.json")
