"""Resources that an interrupted apply had created, but could not record: taken into the state by the next apply.

An interrupt makes azapi cancel the request in flight, which Azure may carry out all the same; a Terraform that is
killed loses what it had not saved yet. The next apply then fails with "already exists". What our own log shows that run
creating is ours to take over, with import blocks; anything else is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from toolkit.environment import Environment
from toolkit.files import disk_errors
from toolkit.records import read_lines, read_record, write_record
from toolkit.terraform import diagnostics
from toolkit.terraform.events import Diagnostic
from toolkit.terraform.recovery.past import Failed, Mended, Past
from toolkit.terraform.session import Session

# azapi 1.x writes "A resource", 2.x "a resource".
_EXISTS = re.compile(r'\ba resource with the ID "([^"]+)"\s+already exists', re.IGNORECASE)


class ExistingResource(Past):
    def after_failure(self, failed: Failed) -> Mended | None:
        existing = already_existing(failed.errors, remembered(failed.session.environment))
        others = [error for error in failed.errors if error.address not in existing]
        if not existing or (others and not diagnostics.retryable(others)):
            return None
        return Mended(
            f"{len(existing)} resources that the interrupted run had created are taken into the state; "
            "planning again and going on",
            imports=existing,
        )


def created_in(log: Path) -> set[str]:
    """The addresses that a run of Terraform began to create, by its own log."""
    hooks = [event["hook"] for event in read_lines(log) if event.get("type") == "apply_start"]
    return {hook["resource"]["addr"] for hook in hooks if hook["action"] == "create"}


def recall(session: Session) -> None:
    """Take over what the log of an apply that was killed together with its toolkit shows."""
    left = session.lock.left_behind
    if left is not None and left.command == "apply":
        remember(session.environment, created_in(left.log))


def remember(environment: Environment, addresses: Iterable[str]) -> None:
    """Keep what an interrupted run began to create, until an apply has gone through."""
    everything = sorted({*remembered(environment), *addresses})
    with disk_errors("the record of the interrupted run"):
        write_record(_path(environment), {"created": everything})


def remembered(environment: Environment) -> set[str]:
    return set(read_record(_path(environment)).get("created", ()))


def forget(environment: Environment) -> None:
    with disk_errors("the record of the interrupted run"):
        _path(environment).unlink(missing_ok=True)


def already_existing(errors: Sequence[Diagnostic], ours: set[str]) -> dict[str, str]:
    """Address and resource id of every "already exists" that an interrupted run of ours explains."""
    found: dict[str, str] = {}
    for error in errors:
        match = _EXISTS.search(error.detail)
        if match and error.address in ours:
            found[error.address] = match[1]
    return found


def _path(environment: Environment) -> Path:
    return environment.state_dir / "interrupted.json"
