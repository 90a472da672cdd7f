"""Whose lock is on the state: ours, left by a Terraform that was killed, or somebody's who may be at work.

Terraform's lock on the azurerm backend is an infinite lease on the state blob; a process that dies leaves it
(https://developer.hashicorp.com/terraform/language/state/locking). Its record names user, host and time of creation,
no process.
"""

from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from toolkit.azure import codes
from toolkit.azure.codes import LEASED
from toolkit.errors import ToolkitError
from toolkit.terraform import diagnostics
from toolkit.terraform.events import WORKING, Diagnostic, Result
from toolkit.terraform.lock import LeftBehind
from toolkit.terraform.runner import FLAG
from toolkit.terraform.session import Session
from toolkit.terraform.workspace import RootName


def unlock(session: Session, root: RootName, lock: str) -> None:
    """Free a lock on the state by its id. Raises ToolkitError when there is no such lock."""
    result = session.runner(root).run("force-unlock", lock, force=FLAG, no_color=FLAG)
    if result.returncode != 0:
        words = " ".join(line.strip(" │╷╵") for line in result.stderr.splitlines() if line.strip(" │╷╵"))
        # A lease that another tool took has no record of Terraform's on the blob, or that of a lease before it.
        leased = re.search(r"LeaseId|LeaseNotPresent|lock info|metadata", words) is not None
        hint = codes.filled(LEASED, session.names(root)) if leased else "the message of the refused run names the id"
        raise ToolkitError(f"the lock {lock} cannot be freed: {words}", hint=hint)
    session.observer.note(f"freed the lock {lock} of the state")


def unlocking(session: Session, root: RootName, attempt: Callable[[], Result]) -> Result:
    """Run; when a lock that is provably ours is in the way, free it and run again."""
    result = attempt()
    errors = result.events.errors or diagnostics.from_text(result.stderr)
    held = diagnostics.lock_id(errors)
    if result.returncode == 0 or not held or not is_ours(errors, session.lock.left_behind):
        return result
    session.observer.note(f"the state is still locked by a run of this machine that is dead: freeing its lock {held}")
    unlock(session, root, held)
    return attempt()


def is_ours(errors: Sequence[Diagnostic], left_behind: LeftBehind | None) -> bool:
    """Whether the lock was provably taken by ``left_behind``, a Terraform of ours that is dead.

    The proof: the lock was made by this user on this machine, before a moment at which our Terraform was at work on the
    state (its own log says so, with a time). Only one holds the lock at a time, and this one has been held since, so
    the holder at that moment, which was our Terraform, is the holder now.
    """
    if left_behind is None or left_behind.process.alive():
        return False
    detail = "\n".join(d.detail for d in errors if "state lock" in d.summary)
    who, created = _field(detail, "Who"), _created(detail)
    if who != f"{getpass.getuser()}@{socket.gethostname()}" or created is None:
        return False
    worked = _last_work(left_behind.log)
    return worked is not None and created < worked


def _last_work(log: Path) -> datetime | None:
    """When the dead Terraform last said something that it only says while it holds the lock."""
    last: datetime | None = None
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                    if event.get("type") in WORKING:
                        last = datetime.fromisoformat(event["@timestamp"])
                except (ValueError, KeyError, AttributeError):
                    continue  # the last line of a killed process may be cut off
    except OSError:
        return None
    return last


def _created(detail: str) -> datetime | None:
    """Go prints ``2026-11-22 01:49:00.159872123 +0000 UTC``."""
    match = re.match(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,6})?\d* \+0000 UTC", _field(detail, "Created") or "")
    if match is None:
        return None
    return datetime.fromisoformat(f"{match[1]}T{match[2]}{(match[3] or '.0'):0<7}").replace(tzinfo=UTC)


def _field(detail: str, name: str) -> str | None:
    match = re.search(rf"^\s*{name}:\s+(.+?)\s*$", detail, re.MULTILINE)
    return match[1] if match else None
