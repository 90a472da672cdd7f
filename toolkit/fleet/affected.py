"""Which environments a change of files affects, by git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.environment import environment_names
from toolkit.environment.load import load_environment
from toolkit.errors import UsageError
from toolkit.project import Project

# Beginning of a path (a folder ends in a slash) that every environment's plan comes from.
_OF_ALL = (
    "envs/common.tfvars",
    "terraform/",
    "policies/",
    "toolkit/",
    "aml_adf_toolkit.py",
    "pyproject.toml",
    "constraints.txt",
)
# Parts of those that no plan reads.
_FOLDERS_OF_NOBODY = ("tests", "examples")
_ENDINGS_OF_NOBODY = (".md",)
# Where a branch usually comes from, best first. GitHub and Azure DevOps name a pull request's target.
_TARGETS = ("GITHUB_BASE_REF", "SYSTEM_PULLREQUEST_TARGETBRANCH")
_USUAL = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths, relative to the project, that differ from where this branch left ``base``."""

    base: str
    paths: tuple[str, ...]


def changes_since(project: Project, base: str = "") -> Changes:
    """What differs in the working tree from where it left ``base``: committed, uncommitted and new files.

    ``base`` is a commit, branch or tag; "" is the target of the pull request, or the main branch. Raises UsageError
    when there is no git, no such commit, or no common history (a shallow clone).
    """
    _git(
        project, "rev-parse", "--show-toplevel", hint="--affected asks git: run it in a checkout, or name environments"
    )
    base = base or _usual(project)
    if base.startswith("-"):
        raise UsageError(f"--affected: {base!r} is no commit, branch or tag")
    hint = "name a commit, branch or tag; in CI the whole history must be there (fetch-depth: 0)"
    _git(project, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}", hint=hint, what=f"git knows no {base}")
    left = _git(project, "merge-base", base, "HEAD", hint=hint, what=f"{base} and HEAD have no common history here")
    changed = _git(project, "diff", "--name-only", "--no-renames", "--relative", "-z", left.strip())
    new = _git(project, "ls-files", "--others", "--exclude-standard", "-z")
    paths = {path for path in (changed + new).split("\0") if path}
    return Changes(base, tuple(sorted(paths)))


def affected(project: Project, changes: Changes) -> dict[str, str]:
    """By the name of an environment's folder, the path (or the environment before it) that affects it."""
    known = environment_names(project)
    reasons: dict[str, str] = {}
    for path in changes.paths:
        if _of_all(path):
            reasons.update({name: path for name in known if name not in reasons})
        elif (name := _of_one(path)) in known:
            reasons.setdefault(name, path)
    _add_dependents(project, known, reasons)
    return reasons


def _add_dependents(project: Project, known: Iterable[str], reasons: dict[str, str]) -> None:
    """A spoke reads what its hub is: a change of the hub's data is one of the spoke's surroundings."""
    depends = {name: load_environment(name, project).depends_on for name in known if name not in reasons}
    more = True
    while more:
        more = False
        for name, before in depends.items():
            if name not in reasons and (first := next((one for one in before if one in reasons), None)):
                reasons[name], more = f"depends on {first}", True


def _of_one(path: str) -> str:
    """The environment in whose folder it is; "" for none."""
    folders = path.split("/")[:-1]
    return folders[1] if folders[:1] == ["envs"] and len(folders) > 1 and not path.endswith(_ENDINGS_OF_NOBODY) else ""


def _of_all(path: str) -> bool:
    if not any(path == one or (one.endswith("/") and path.startswith(one)) for one in _OF_ALL):
        return False
    folders = path.split("/")[:-1]
    if path.startswith("terraform/") and any(folder in _FOLDERS_OF_NOBODY for folder in folders):
        return False
    return not path.endswith(_ENDINGS_OF_NOBODY)


def _usual(project: Project) -> str:
    named = [os.environ[name].removeprefix("refs/heads/") for name in _TARGETS if os.environ.get(name)]
    for candidate in [*(f"origin/{name}" for name in named), *_USUAL]:
        if _run(project, "rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}").returncode == 0:
            return candidate
    raise UsageError(
        f"--affected: git knows none of {', '.join(_USUAL)}", hint="name what to compare with: --affected COMMIT"
    )


def _git(project: Project, *arguments: str, hint: str | None = None, what: str | None = None) -> str:
    done = _run(project, *arguments)
    if done.returncode != 0:
        words = what or " ".join(done.stderr.split()) or f"git {arguments[0]} failed"
        raise UsageError(f"--affected: {words}", hint=hint)
    return done.stdout


def _run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A hook's GIT_DIR would lead to another repository than the project's.
    settings = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        return subprocess.run(
            ["git", "-C", str(project.root), *arguments],
            env={**settings, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )
    except OSError as error:
        raise UsageError(f"--affected asks git, which does not start: {error.strerror}") from None
