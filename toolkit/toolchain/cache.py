"""The user's cache of what was downloaded or built once: ``$TOOLKIT_CACHE``, else ``$XDG_CACHE_HOME`` or ``~/.cache``.

An entry is a directory that appears under its final name by one rename, after everything in it was written. So whatever
has the final name is complete, also after ``kill -9``. Two runs at once build once: the second one waits for the lock.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import disk_errors, expand_home, locked, write_atomically
from toolkit.toolchain.steps import Progress

CACHE_VARIABLE = "TOOLKIT_CACHE"


def cache_root(environ: Mapping[str, str] | None = None) -> Path:
    """The cache directory of this user; it need not exist yet.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG Base Directory Specification asks.
    """
    environ = os.environ if environ is None else environ
    if chosen := environ.get(CACHE_VARIABLE):
        if not Path(chosen).is_absolute():
            raise UsageError(f"{CACHE_VARIABLE} is not an absolute path: {chosen}", hint="name a directory from /")
        return Path(chosen)
    for candidate in (environ.get("XDG_CACHE_HOME") or "~/.cache", "~/.cache"):
        if (xdg := expand_home(candidate)).is_absolute():
            return xdg / "aml-adf-toolkit"
    raise UsageError(
        "there is no place for the cache: this user has no home directory",
        hint=f"set HOME, or name an absolute path in {CACHE_VARIABLE}",
    )


def cached_directory(root: Path, name: str, build: Callable[[Path], None], progress: Progress) -> Path:
    """``root/name``, made by ``build(empty_directory)`` when it is not there.

    Raises ToolkitError when the cache cannot be written. What ``build`` raises passes through; nothing stays.
    """
    final = root / name
    if final.is_dir():
        return final

    def wait() -> None:
        progress(f"waiting for another run that installs {name} …")

    with _writing(root), locked(root / "locks" / f"{name}.lock", wait):
        if final.is_dir():  # another run built it while this one waited
            return final
        for leftover in root.glob(f"{name}.tmp-*"):  # of a killed run: its lock is free, so it is gone
            shutil.rmtree(leftover, ignore_errors=True)
        building = Path(tempfile.mkdtemp(prefix=f"{name}.tmp-", dir=root))
        building.chmod(0o755)
        try:
            build(building)
            building.rename(final)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return final


def keep_file(path: Path, text: str) -> None:
    """Write a small file of the cache."""
    with _writing(path.parent):
        write_atomically(path, text)


def _writing(root: Path) -> AbstractContextManager[None]:
    return disk_errors(
        f"cannot write to the cache directory {root}",
        hint=f"make room or make it writable, or name another directory in {CACHE_VARIABLE}",
    )
