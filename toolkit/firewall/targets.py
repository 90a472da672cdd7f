"""Which resources of an environment a lease can be taken on, and who takes it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.errors import UsageError, nearest
from toolkit.firewall.kinds import Target, target_of
from toolkit.firewall.model import Owner
from toolkit.processes import ProcessId, identify

# name for people -> output of terraform/platform
TARGETS: Mapping[str, str] = {
    "storage": "storage_account_id",
    "lake": "lake_storage_account_id",
    "pointers": "pointer_storage_account_id",
    "functions": "function_storage_account_id",
    "vault": "key_vault_id",
}
_DETACHED = ProcessId(0, "")


def targets_of(outputs: Mapping[str, Any], names: Sequence[str]) -> list[Target]:
    """Those that are named, by TARGETS or by the resource's own name; the workspace's default account by default.

    Raises UsageError for a name that the environment does not have.
    """
    standing = {name: target_of(outputs[output]) for name, output in TARGETS.items() if outputs.get(output)}
    by_name = {**{target.name: target for target in standing.values()}, **standing}
    found: list[Target] = []
    for name in names or ("storage",):
        if name not in by_name:
            close = nearest(name, by_name)
            raise UsageError(
                f"the environment has no {name} to take a lease on: it has "
                + ", ".join(f"{one} ({target.name})" for one, target in standing.items()),
                hint=f"did you mean {close!r}?" if close else None,
            )
        if by_name[name] not in found:
            found.append(by_name[name])
    return found


def owner(environ: Mapping[str, str], *, detached: bool) -> Owner:
    """Who takes a lease: a CI run, or somebody at a machine. A ``detached`` one outlives this process."""
    process = None if detached else identify(os.getpid())
    run_url, name = _run(environ)
    return Owner(name or f"{_user()}@{socket.gethostname()}", socket.gethostname(), process or _DETACHED, run_url)


def _run(environ: Mapping[str, str]) -> tuple[str, str]:
    """https://docs.github.com/actions/reference/workflows-and-actions/variables and
    https://learn.microsoft.com/azure/devops/pipelines/build/variables.
    """
    if run := environ.get("GITHUB_RUN_ID"):
        repository = environ.get("GITHUB_REPOSITORY", "")
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{repository}/actions/runs/{run}", f"GitHub run {run} of {repository}"
    if run := environ.get("BUILD_BUILDID"):
        server, project = environ.get("SYSTEM_COLLECTIONURI", ""), environ.get("SYSTEM_TEAMPROJECT", "")
        return f"{server}{project}/_build/results?buildId={run}", f"Azure Pipelines build {run} of {project}"
    return "", ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
