"""Files that are whole or absent, and one clear error when the disk refuses."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import ToolkitError


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """An OSError of the disk becomes one clear error; ``what`` says what was being written or read."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        hints = {
            errno.ENOSPC: "the disk is full: free some space and run the command again",
            errno.EDQUOT: "the disk quota is used up: free some space and run the command again",
            errno.EROFS: "the file system is read-only: work in a checkout that can be written to",
            errno.EACCES: "the folder must belong to the user who runs the toolkit",
            errno.EPERM: "the folder must belong to the user who runs the toolkit",
        }
        hint = hints.get(error.errno or 0)
        raise ToolkitError(f"{what}: {error.strerror or error}{where}", hint=hint) from error


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write through a temporary file in the same folder: a reader sees the old content or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
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
