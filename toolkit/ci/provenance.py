"""Where a run comes from: which build, branch and commit, as its CI system says, else as git does.

* https://learn.microsoft.com/azure/devops/pipelines/build/variables
* https://docs.github.com/actions/reference/variables-reference#default-environment-variables
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.ci.outputs import CiName

_GIT_SECONDS = 10
_VARIABLES: dict[CiName, tuple[str, str, str]] = {
    "azure-devops": ("BUILD_BUILDID", "BUILD_SOURCEBRANCH", "BUILD_SOURCEVERSION"),
    "github": ("GITHUB_RUN_ID", "GITHUB_REF", "GITHUB_SHA"),
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """None where nobody says."""

    build_id: str | None
    source_branch: str | None
    source_version: str | None


def ci_of(environ: Mapping[str, str]) -> CiName | None:
    """The CI system that this process runs in."""
    if environ.get("TF_BUILD", "").lower() == "true":
        return "azure-devops"
    if environ.get("GITHUB_ACTIONS") == "true":
        return "github"
    return None


def provenance(environ: Mapping[str, str], folder: Path) -> Provenance:
    """Of a job its variables; elsewhere of ``folder``'s git checkout, without a build."""
    name = ci_of(environ)
    if name is not None:
        return Provenance(*(environ.get(variable) or None for variable in _VARIABLES[name]))
    return Provenance(
        None, _git(folder, "rev-parse", "--symbolic-full-name", "HEAD"), _git(folder, "rev-parse", "HEAD")
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
