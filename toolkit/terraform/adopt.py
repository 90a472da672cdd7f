"""Resources that an interrupted apply had created, but could not record: taken into the state by the next apply.

An interrupt makes azapi cancel the request in flight, which Azure may carry out all the same; a Terraform that is
killed loses what it had not saved yet. The next apply then fails with "already exists". What our own log shows that run
creating is ours to take over, with import blocks (https://developer.hashicorp.com/terraform/language/import); anything
else is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from toolkit.environment import Environment
from toolkit.files import disk_errors, write_atomically
from toolkit.terraform.events import Diagnostic

IMPORTS_FILE = "imports.tf"  # not a copy of anything: the next refresh of the work folder removes a forgotten one

# azapi 1.x writes "A resource", 2.x "a resource".
_EXISTS = re.compile(r'\ba resource with the ID "([^"]+)"\s+already exists', re.IGNORECASE)


def created_in(log: Path) -> set[str]:
    """The addresses that a run of Terraform began to create, by its own log."""
    found: set[str] = set()
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                    if event["type"] == "apply_start" and event["hook"]["action"] == "create":
                        found.add(event["hook"]["resource"]["addr"])
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a killed process may be cut off
    except OSError:
        return set()
    return found


def remember(environment: Environment, addresses: Iterable[str]) -> None:
    """Keep what an interrupted run began to create, until an apply has gone through."""
    everything = sorted({*remembered(environment), *addresses})
    with disk_errors("the record of the interrupted run"):
        write_atomically(_path(environment), json.dumps(everything, indent=2) + "\n")


def remembered(environment: Environment) -> set[str]:
    try:
        return set(json.loads(_path(environment).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return set()


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


def import_blocks(existing: dict[str, str], document: dict[str, Any]) -> str:
    """HCL for the resources in ``existing``. azapi wants the api-version in the id, which the plan has."""
    types = {item["address"]: (item["change"]["after"] or {}).get("type", "") for item in document["resource_changes"]}
    blocks = []
    for address, resource_id in sorted(existing.items()):
        version = types[address].partition("@")[2]
        blocks.append(f'import {{\n  to = {address}\n  id = "{resource_id}?api-version={version}"\n}}\n')
    return "\n".join(blocks)


def _path(environment: Environment) -> Path:
    return environment.state_dir / "interrupted.json"
