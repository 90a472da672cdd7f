"""The packages of a job's environment: a cached venv with its pip dependencies, where they can be had.

No image is built, so conda's packages and the image's are not there; pip's are those of the environment's conda file
(https://learn.microsoft.com/azure/machine-learning/reference-yaml-environment). A venv is called after a hash of what
is in it, and stays in the user's cache for every job of every sandbox.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from toolkit.errors import ToolkitError
from toolkit.files import try_lock
from toolkit.sandbox.workloads.processes import Outcome, Workloads
from toolkit.toolchain.cache import cache_root, cached_directory
from toolkit.toolchain.steps import Progress, run_step

_FOLDER: Final = "job-environments"
_KEPT: Final = 10  # venvs; the longest unused go first
_RETRY_SECONDS: Final = 300.0  # until pip is asked again for what it could not install
_LONGEST_SECONDS: Final = 1800.0
_USED: Final = ".used"
_DONE: Final = Outcome("exited", 0)
_VERSION: Final = ".".join(map(str, sys.version_info[:3]))


@dataclass(frozen=True, slots=True)
class Interpreter:
    """``programs`` is the folder of the job's python; ``said`` is the line of the job's log."""

    programs: Path
    said: str


def pip_requirements(conda_file: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(pip's requirements, conda's packages besides python and pip) of a conda file's text or mapping.

    Raises ValueError for what is no conda file.
    """
    import yaml

    try:
        read = yaml.safe_load(conda_file) if isinstance(conda_file, str) else conda_file
    except yaml.YAMLError as error:
        raise ValueError(f"the conda file is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(read, Mapping) or not isinstance(read.get("dependencies", []), list):
        raise ValueError("the conda file has no list 'dependencies'")
    pip: list[str] = []
    conda: list[str] = []
    for each in read.get("dependencies", []):
        if isinstance(each, Mapping):
            pip += [str(requirement).strip() for requirement in each.get("pip") or []]
        elif not re.match(r"(python|pip)\b(?!-)", str(each).rpartition("::")[2]):
            conda.append(str(each))
    return tuple(pip), tuple(conda)


class Environments:
    """Venvs are made by processes of their own, which end with the job's cancellation and with the daemon.

    ``environ`` is whose cache and index of packages are used: the daemon's.
    """

    def __init__(self, workloads: Workloads, environ: Mapping[str, str] | None = None) -> None:
        self._workloads = workloads
        self._environ = dict(os.environ if environ is None else environ)
        self._refused: dict[str, tuple[float, str]] = {}

    async def interpreter(
        self, job: str, name: str, properties: Mapping[str, Any], folder: Path
    ) -> Interpreter | Outcome:
        """The interpreter for a job in an environment's version, or how the job ended meanwhile.

        The first use of its packages takes as long as pip does; ``folder`` is the job's.
        """
        own = Path(sys.executable).parent
        toolkits = f"the job runs on the toolkit's Python {_VERSION} and its packages"
        try:
            pip, conda = pip_requirements(properties.get("condaFile") or {})
        except ValueError as error:
            return Interpreter(own, f"environment {name}: {error}; {toolkits}")
        if not pip:
            return Interpreter(own, f"environment {name}: the sandbox builds no images, {toolkits}")
        key, wanted = _key(pip), ", ".join(pip)
        until, reason = self._refused.get(key, (0.0, ""))
        if time.monotonic() >= until:
            venv = _root(self._environ) / key
            if not venv.is_dir():
                log = folder / "environment.txt"
                making = (sys.executable, "-m", __name__, *pip)
                outcome = await self._workloads.run(job, making, folder, self._environ, log, _LONGEST_SECONDS)
                if outcome.how == "canceled":
                    return outcome
                reason = "" if outcome == _DONE else _last_words(log) or outcome.how
            if not reason:
                with contextlib.suppress(OSError):
                    (venv / _USED).touch()
                without = f"; without conda's {', '.join(conda)}" if conda else ""
                return Interpreter(
                    venv / "bin", f"environment {name}: Python {_VERSION} in a venv with {wanted}{without}"
                )
            self._refused[key] = (time.monotonic() + _RETRY_SECONDS, reason)
        return Interpreter(own, f"environment {name}: {wanted} cannot be had ({reason}), {toolkits}")


def make(pip: tuple[str, ...], environ: Mapping[str, str], progress: Progress) -> Path:
    """The venv, made when it is not there; another one that wants it waits. Raises ToolkitError."""
    root, key = _root(environ), _key(pip)
    hint, env = "check that pip reaches its index (PIP_INDEX_URL, proxy)", _for_pip(environ)

    def build(folder: Path) -> None:
        python, venv = str(folder / "bin" / "python"), [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        install = [
            *(sys.executable, "-m", "pip", "--python", python, "install", "--no-input", "--disable-pip-version-check"),
            *("--progress-bar", "off", "--retries", "1", "--timeout", "10", "--no-compile", "--", *pip),
        ]
        run_step("making a venv", venv, hint=hint, progress=progress, env=env)
        run_step(f"installing {', '.join(pip)}", install, hint=hint, progress=progress, env=env)
        _move_scripts(folder / "bin", folder, root / key)
        (folder / _USED).touch()

    made = cached_directory(root, key, build, progress)
    _forget_old(root, keep=key)
    return made


def _root(environ: Mapping[str, str]) -> Path:
    return cache_root(environ) / _FOLDER


def _key(pip: tuple[str, ...]) -> str:
    said = json.dumps([sorted(pip), _VERSION, sysconfig.get_platform(), sys.base_prefix])
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def _for_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """Without a person's settings for installations of their own."""
    names = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONPATH", "PYTHONHOME")
    kept = {name: value for name, value in environ.items() if name not in names}
    return kept | {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DRY_RUN": "0"}


def _move_scripts(programs: Path, built: Path, final: Path) -> None:
    """pip writes the interpreter's path into the scripts, and the folder gets its name afterwards."""
    for file in programs.iterdir():
        if file.is_symlink() or not file.is_file():
            continue
        content = file.read_bytes()
        if str(built).encode() in content:
            file.write_bytes(content.replace(str(built).encode(), str(final).encode()))


def _forget_old(root: Path, keep: str) -> None:
    """All but the last used ones. One that a build holds is left alone; a job that runs keeps its open files."""
    found = [path for path in root.iterdir() if (path / _USED).exists() and path.name != keep]
    for old in sorted(found, key=_used, reverse=True)[_KEPT - 1 :]:
        lock = try_lock(root / "locks" / f"{old.name}.lock")
        if lock is not None:
            with lock:
                gone = old.with_name(f"{old.name}.tmp-gone")
                with contextlib.suppress(OSError):
                    old.rename(gone)
                    shutil.rmtree(gone, ignore_errors=True)


def _used(venv: Path) -> float:
    try:
        return (venv / _USED).stat().st_mtime
    except OSError:
        return 0.0


def _last_words(log: Path) -> str:
    """pip's own sentence: the last line that says ERROR, else the last of all."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1]


def main(pip: tuple[str, ...]) -> int:
    try:
        make(pip, os.environ, print)
    except ToolkitError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
