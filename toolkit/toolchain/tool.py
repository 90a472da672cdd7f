"""What a search for a tool answers: where it is, which version, why that one, and what was refused on the way."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that can be run now: ``[*command, *arguments]``."""

    name: str
    command: tuple[str, ...]
    version: str
    why: str
    refused: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file that is executed."""
        return Path(self.command[0])


@dataclass(frozen=True, slots=True)
class Missing:
    """No fitting tool is here; ``fallback`` says what would be installed."""

    name: str
    fallback: str
    refused: tuple[str, ...] = ()


def parse_version(text: str) -> Version | None:
    """The first ``1.2`` or ``1.2.3`` in ``text``: ``"go version go1.26.8 linux/amd64"`` is ``(1, 26, 8)``."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def ask_version(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str | None:
    """What ``command`` prints on stdout, or None when it does not start, fails, or says nothing within 30 seconds."""
    try:
        done = subprocess.run(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout


def executables_on_path(name: str, environ: Mapping[str, str]) -> list[Path]:
    """Every ``name`` on PATH in its order, each file once: an old one must not hide a fitting one behind it."""
    found: dict[Path, Path] = {}
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = Path(folder or ".").absolute() / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            found.setdefault(candidate.resolve(), candidate)
    return list(found.values())


def first_fitting_on_path(
    name: str, judge: Callable[[Path], Version | str], environ: Mapping[str, str]
) -> tuple[tuple[Path, Version] | None, tuple[str, ...]]:
    """The first ``name`` on PATH that ``judge`` gives a version for, and its sentence for each one that it refused."""
    refused: list[str] = []
    for candidate in executables_on_path(name, environ):
        verdict = judge(candidate)
        if not isinstance(verdict, str):
            return (candidate, verdict), tuple(refused)
        refused.append(verdict)
    return None, tuple(refused)


def at_least(minimum: Version, path: Path, version: Version | None) -> Version | str:
    """The version when it is ``minimum`` or newer, else the sentence that says why ``path`` is refused."""
    if version is None:
        return f"{path} does not run"
    if version < minimum:
        return f"{path} is {dotted(version)}, older than {dotted(minimum[:2])}"
    return version
