"""Files that are whole or absent, locks that die with their holder, and one clear error when the disk refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from toolkit.errors import ToolkitError

# What the machine refuses, whatever the toolkit does.
MACHINE_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the command again",
    errno.EROFS: "the file system is read-only: work in a checkout that can be written to",
    errno.EACCES: "the folder must belong to the user who runs the toolkit",
    errno.EPERM: "the folder must belong to the user who runs the toolkit",
    errno.EIO: "the device does not answer: look at the disk and the mounts",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine: end what holds them",
    errno.ENOMEM: "the memory is used up: end something else and run the command again",
    errno.ELOOP: "symbolic links lead in a circle: mend them",
    errno.ENAMETOOLONG: "the path is too long: work in a folder nearer to the root",
}


def machine_error(error: OSError | MemoryError) -> ToolkitError | None:
    """What to say of an error that nobody expected where it arose, but which the machine's state explains."""
    if isinstance(error, MemoryError):
        return ToolkitError("out of memory", hint=MACHINE_HINTS[errno.ENOMEM])
    if error.errno not in MACHINE_HINTS:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return ToolkitError(f"{where}{error.strerror}", hint=MACHINE_HINTS[error.errno])


def expand_home(path: str | Path) -> Path:
    """``~`` stays as it is without HOME and for a user whom /etc/passwd does not know: ``docker run --user 12345``."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@contextmanager
def disk_errors(what: str, hint: str | None = None) -> Iterator[None]:
    """An OSError of the disk becomes one clear error; ``what`` says what was being written or read."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ToolkitError(
            f"{what}: {error.strerror or error}{where}", hint=hint or MACHINE_HINTS.get(error.errno or 0)
        ) from error


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write through a temporary file in the same folder: a reader sees the old content or the new, never half of it.

    That holds after a power cut too: the content is on the disk before it gets its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_if_changed(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """True when the file had to be written."""
    try:
        if path.read_bytes() == content:
            return False
    except FileNotFoundError:
        pass
    write_atomically(path, content, mode)
    return True


@contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Wait for an exclusive lock on a file, hold it, free it; the kernel frees it when the process dies.

    ``waiting`` is called once when somebody else holds it.
    """
    file = try_lock(path)
    if file is None:
        if waiting is not None:
            waiting()
        file = path.open("a")
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        yield


def try_lock(path: Path) -> IO[str] | None:
    """The open, locked file, or None when another process holds it. Closing it frees the lock.

    The lock is flock(2)'s: it belongs to the open file, so a child that inherits the descriptor holds it as well.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
